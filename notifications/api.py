"""What other apps may use of notifications; everything else here may change."""

from notifications.inbox import badge
from notifications.links import absolute, allowed_link
from notifications.models import CourseMembership, InboxItem, PlatformUser, Preference
from notifications.notify import notify
from notifications.preferences import choose
from notifications.registry import Category, NotificationType, find, register, registered
from notifications.rest_api.problems import Problem

__all__ = [
    "Category",
    "CourseMembership",
    "InboxItem",
    "NotificationType",
    "PlatformUser",
    "Preference",
    "Problem",
    "absolute",
    "allowed_link",
    "badge",
    "choose",
    "find",
    "notify",
    "register",
    "registered",
]
