"""What other apps may use of notifications; everything else here may change."""

from notifications.audience import course_audience
from notifications.cadences import cadence_of, choose_cadence
from notifications.calendar_feed import Entry as CalendarEntry
from notifications.calendar_feed import add_calendar_source
from notifications.inbox import badge
from notifications.ingest import ingest_line
from notifications.links import absolute, allowed_link
from notifications.models import CourseMembership, EmailCadence, InboxItem, Mute, PlatformUser, Preference, Rest
from notifications.notify import notify
from notifications.preferences import choose
from notifications.registry import Category, NotificationType, find, register, registered
from notifications.rest_api.authentication import person_id
from notifications.rest_api.problems import Problem
from notifications.rest_api.strict import ExactBooleanField, InstantField, LocalDateField, StrictSerializer, read_body, read_query
from notifications.resting import mute, unmute

__all__ = [
    "CalendarEntry",
    "Category",
    "CourseMembership",
    "EmailCadence",
    "ExactBooleanField",
    "InboxItem",
    "InstantField",
    "LocalDateField",
    "Mute",
    "NotificationType",
    "PlatformUser",
    "Preference",
    "Problem",
    "Rest",
    "StrictSerializer",
    "absolute",
    "add_calendar_source",
    "allowed_link",
    "badge",
    "cadence_of",
    "choose",
    "choose_cadence",
    "course_audience",
    "find",
    "ingest_line",
    "mute",
    "notify",
    "person_id",
    "read_body",
    "read_query",
    "register",
    "registered",
    "unmute",
]
