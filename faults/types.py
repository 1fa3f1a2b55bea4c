"""What the suite says: texts that may go out at any hour, once, and codes that may be repeated. Read next: scene.py."""

from django.conf import settings

from channels_ace.api import Hours, MessageType, register
from notifications.api import Category, NotificationType
from tests.channels_ace.saying import CODE, TEXT

# Celery's workers read the real clock, at whatever hour of the night the suite runs.
ANY_HOUR = MessageType(name="tests.any_hour", channels=("sms",), lane="nudges", hours=Hours.ANY)
# As a study would say it: who has left the study gets nothing more of it.
STUDY_TEXT = MessageType(name="studies.told_by_a_fault", channels=("sms",), lane="nudges")
NOTICE = NotificationType(
    name="tests.notice", category=Category.OTHER, label="Notices", channels=("sms",), on=frozenset({"sms"}), lane="nudges"
)
BULK = MessageType(name="tests.bulk", channels=("sms",), lane="bulk", hours=Hours.ANY)
for _type in (ANY_HOUR, STUDY_TEXT, NOTICE, BULK):
    register(_type)


def lift_caps() -> None:
    """This function will let this process say more to a person than anybody should hear: the same five hundred get it all."""
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CAPS": []}


__all__ = ["ANY_HOUR", "BULK", "CODE", "NOTICE", "STUDY_TEXT", "TEXT", "lift_caps"]
