"""What other apps may use of notifications; everything else here may change."""

from notifications.inbox import badge
from notifications.ingest import ingest_line
from notifications.links import absolute, allowed_link
from notifications.models import CourseMembership, InboxItem, PlatformUser, Preference
from notifications.notify import notify
from notifications.preferences import choose
from notifications.registry import Category, NotificationType, find, register, registered
from notifications.rest_api.authentication import person_id
from notifications.rest_api.problems import Problem
from notifications.rest_api.strict import ExactBooleanField, InstantField, LocalDateField, StrictSerializer, read_body, read_query

__all__ = [
    "Category",
    "CourseMembership",
    "ExactBooleanField",
    "InboxItem",
    "InstantField",
    "LocalDateField",
    "NotificationType",
    "PlatformUser",
    "Preference",
    "Problem",
    "StrictSerializer",
    "absolute",
    "allowed_link",
    "badge",
    "choose",
    "find",
    "ingest_line",
    "notify",
    "person_id",
    "read_body",
    "read_query",
    "register",
    "registered",
]
