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
        hint=_("When you fall behind in a study you joined, or before a burst starts"),
        channels=("sms", "push", "email"),
        on=frozenset({"sms", "push", "email"}),
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
        name="studies.text",
        category=Category.STUDY,
        label=_("Texts from a study"),
        hint=_("What the staff of a study you joined write to you"),
        channels=("sms",),
        on=frozenset({"sms"}),
        variables=("study", "said"),
        lane="nudges",
        repeat=Repeat.AT_MOST_ONCE,
        fresh_for=timedelta(hours=24),
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

register(
    NotificationType(
        name="study.session_due",
        category=Category.STUDY,
        label=_("Study sessions"),
        hint=_("When a session of a study is waiting for you"),
        channels=("inbox", "email", "push"),
        # What calls a participant is the study's design to decide: its nudges. Who wants to be called more often says so.
        on=frozenset({"inbox"}),
        group_by="study",
        variables=("study",),
        fresh_for_channel={"push": timedelta(hours=4), "email": timedelta(hours=12)},
    )
)
register(
    NotificationType(
        name="study.burst_starts",
        category=Category.STUDY,
        label=_("Start of a burst"),
        hint=_("Before the next sessions of a study begin"),
        channels=("inbox", "email", "push"),
        on=frozenset({"inbox"}),
        variables=("study", "starts"),
        fresh_for_channel={"push": timedelta(days=1)},
    )
)
