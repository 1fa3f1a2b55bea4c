"""What other apps may use of notifications; everything else here may change."""

from channels_ace.api import EVERYONE
from notifications.audience import course_audience
from notifications.cadences import cadence_of, choose_cadence
from notifications.calendar_feed import Entry as CalendarEntry
from notifications.calendar_feed import add_calendar_source
from notifications.date_import import Row as DateRow
from notifications.date_import import import_dates
from notifications.inbox import badge
from notifications.ingest import ingest_line
from notifications.links import absolute, allowed_link
from notifications.live_server import application as live_application
from notifications.models import CourseMembership, EmailCadence, InboxItem, Mute, PlatformUser, Preference, Rest
from notifications.notify import notify
from notifications.preferences import choose
from notifications.reach import addresses, key_of, remove_address
from notifications.registry import CHANNEL_LABELS, Category, NotificationType, find, register, registered
from notifications.rest_api.authentication import person_id
from notifications.rest_api.callers import HasScope, IsPerson, ServiceCaller, add_scopes, caller_key, known_scopes
from notifications.rest_api.cursors import CursorField, Seal
from notifications.rest_api.etags import IF_NONE_MATCH, UNCHANGED, answer_if_changed
from notifications.rest_api.idempotency import once
from notifications.rest_api.people import PersonSerializer, find_people, name_of
from notifications.rest_api.problems import Problem, problem_response
from notifications.rest_api.strict import (
    EmptySerializer,
    ExactBooleanField,
    InstantField,
    LocalDateField,
    StrictSerializer,
    read_body,
    read_query,
)
from notifications.resting import mute, unmute
from notifications.settings_views import settings_page

__all__ = [
    "CHANNEL_LABELS",
    "EVERYONE",
    "IF_NONE_MATCH",
    "UNCHANGED",
    "CalendarEntry",
    "Category",
    "CourseMembership",
    "CursorField",
    "DateRow",
    "EmailCadence",
    "EmptySerializer",
    "ExactBooleanField",
    "HasScope",
    "InboxItem",
    "InstantField",
    "IsPerson",
    "LocalDateField",
    "Mute",
    "NotificationType",
    "PersonSerializer",
    "PlatformUser",
    "Preference",
    "Problem",
    "Rest",
    "Seal",
    "ServiceCaller",
    "StrictSerializer",
    "absolute",
    "add_calendar_source",
    "add_scopes",
    "addresses",
    "allowed_link",
    "answer_if_changed",
    "badge",
    "cadence_of",
    "caller_key",
    "choose",
    "choose_cadence",
    "course_audience",
    "find",
    "find_people",
    "import_dates",
    "ingest_line",
    "key_of",
    "known_scopes",
    "live_application",
    "mute",
    "name_of",
    "notify",
    "once",
    "person_id",
    "problem_response",
    "read_body",
    "read_query",
    "register",
    "registered",
    "remove_address",
    "settings_page",
    "unmute",
]
