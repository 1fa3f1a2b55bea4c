"""What a study tells its participants. Read next: notifications/registry.py."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from notifications.api import Category, NotificationType, register

register(
    NotificationType(
        name="studies.nudge",
        category=Category.STUDY,
        label=_("Study reminders"),
        hint=_("A text when you fall behind in a study you joined"),
        channels=("sms",),
        on=frozenset({"sms"}),
        variables=("study", "said"),
        lane="nudges",
        fresh_for=timedelta(hours=4),
        promotional=True,
    )
)
