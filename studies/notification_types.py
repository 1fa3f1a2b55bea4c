"""What a study tells its participants. Read next: notifications/registry.py."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from channels_ace.api import Repeat
from notifications.api import Category, NotificationType, register

register(
    NotificationType(
        name="studies.nudge",
        category=Category.STUDY,
        label=_("Study reminders"),
        hint=_("A text when you fall behind in a study you joined, or before a burst starts"),
        channels=("sms",),
        on=frozenset({"sms"}),
        # `said` is a text of the protocol, in each of its languages.
        variables=("study", "said"),
        lane="nudges",
        repeat=Repeat.AT_MOST_ONCE,
        fresh_for=timedelta(hours=4),
        promotional=True,
    )
)
register(
    NotificationType(
        name="studies.joined",
        category=Category.STUDY,
        label=_("Joining a study"),
        hint=_("When you join a study"),
        channels=("inbox", "email"),
        on=frozenset({"inbox"}),
        variables=("study",),
    )
)
