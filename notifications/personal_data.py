"""What notifications hold about a person. Read next: channels_ace/personal_data.py."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from channels_ace.api import Delivery, Held, Message, before_erasing, hold
from notifications.models import (
    BrandMember,
    BrandTextVersion,
    CalendarLink,
    CourseDate,
    CourseMembership,
    DateChoice,
    EmailCadence,
    InboxItem,
    InboxState,
    Mute,
    PlatformUser,
    Preference,
    Rest,
    Submission,
    TypeOverride,
)


@before_erasing
def forget_what_was_said(user_id: int, _now: datetime) -> None:
    """This function will forget the words of what was said to this person and to nobody else."""
    mine = set(InboxItem.objects.filter(user_id=user_id).values_list("message_id", flat=True))
    mine |= set(Delivery.objects.filter(user_id=user_id).values_list("message_id", flat=True))
    shared = set(InboxItem.objects.exclude(user_id=user_id).filter(message_id__in=mine).values_list("message_id", flat=True))
    shared |= set(Delivery.objects.exclude(user_id=user_id).filter(message_id__in=mine).values_list("message_id", flat=True))
    Message.objects.filter(pk__in=mine - shared).update(context={}, link="")


hold(
    Held(
        model=InboxItem,
        title=_("Inbox"),
        shown=(
            "message__type",
            "message__created_at",
            "message__context",
            "message__link",
            "seen_at",
            "read_at",
            "archived_at",
            "snoozed_until",
        ),
    ),
    Held(model=InboxState, title=_("Marked as read"), shown=("read_at",)),
    Held(model=Preference, title=_("Choices"), shown=("scope", "channel", "is_on", "changed_at")),
    Held(model=EmailCadence, title=_("E-mail cadence"), shown=("scope", "cadence", "changed_at")),
    Held(model=Rest, title=_("Quiet"), shown=("paused_until", "opens", "closes", "days")),
    Held(model=Mute, title=_("Muted"), shown=("key", "label", "muted_at")),
    Held(model=DateChoice, title=_("Date reminders"), shown=("week_before", "day_before", "hours_before", "changes_only")),
    Held(model=CalendarLink, title=_("Calendar link"), shown=("created_at",)),
    Held(model=CourseDate, title=_("Own dates"), shown=("course_key", "kind", "title", "at", "on")),
    Held(model=Submission, title=_("Submissions"), shown=("course_key", "external_id", "submitted_at")),
    Held(model=BrandMember, title=_("Brand"), shown=("brand__name",)),
    Held(model=CourseMembership, title=_("Courses"), shown=("course_key", "role", "mode", "cohort", "team", "is_active")),
    Held(model=PlatformUser, title=_("Number on the learning platform"), shown=("platform_id",)),
    Held(model=BrandTextVersion, title=_("Texts written"), who="written_by", kept_because="Who wrote a text is part of its history."),
    Held(
        model=TypeOverride, title=_("Overrides"), who="changed_by", kept_because="Who changed a default, and when, is part of the record."
    ),
)
