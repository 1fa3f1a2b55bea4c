"""What operators see of courses, choices and platform events. Read next: override_admin.py, inbox_admin.py."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

# Imported to be registered.
from notifications.brand_admin import BrandAdmin  # noqa: F401
from notifications.models import (
    Broadcast,
    CalendarLink,
    CourseDate,
    CourseMembership,
    DateChoice,
    DateReminder,
    EmailCadence,
    InboxState,
    IngestedEvent,
    KeptAnswer,
    Mute,
    PlatformUser,
    Preference,
    Rest,
    ServiceMessage,
    Submission,
)
from notifications.override_admin import TypeOverrideAdmin  # noqa: F401
from notifications.webhook_admin import WebhookAdmin  # noqa: F401

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
else:
    # Django's classes are generic to the type checker only.
    Admin = admin.ModelAdmin


class HistoryAdmin(Admin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(InboxState)
class InboxStateAdmin(HistoryAdmin):
    list_display = ["user", "read_through", "read_at"]
    list_filter = ["read_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(Broadcast)
class BroadcastAdmin(HistoryAdmin):
    list_display = ["message", "type", "said_at", "through_user_id"]
    list_filter = ["message__type"]
    list_select_related = ["message"]
    search_fields = ["message__public_id__exact"]
    ordering = ["-pk"]

    @admin.display(description=_("type"))
    def type(self, broadcast: Broadcast) -> str:
        return broadcast.message.type

    @admin.display(description=_("said"), ordering="message__created_at")
    def said_at(self, broadcast: Broadcast) -> datetime:
        return broadcast.message.created_at


@admin.register(Preference)
class PreferenceAdmin(HistoryAdmin):
    # To be read, and removed where a person asks for the defaults; what they chose is theirs to say.
    list_display = ["user", "scope", "channel", "is_on", "changed_at"]
    list_filter = ["is_on", "channel", "changed_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "scope__startswith"]
    ordering = ["-changed_at"]


@admin.register(EmailCadence)
class EmailCadenceAdmin(HistoryAdmin):
    list_display = ["user", "scope", "cadence", "changed_at"]
    list_filter = ["cadence", "changed_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "scope__startswith"]
    ordering = ["-changed_at"]


@admin.register(Rest)
class RestAdmin(HistoryAdmin):
    list_display = ["user", "paused_until", "opens", "closes", "days"]
    list_filter = ["paused_until"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    ordering = ["-pk"]


@admin.register(Mute)
class MuteAdmin(HistoryAdmin):
    list_display = ["user", "key", "label", "muted_at"]
    list_filter = ["muted_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "key__startswith"]
    ordering = ["-muted_at"]


@admin.register(CourseMembership)
class CourseMembershipAdmin(Admin):
    list_display = ["course_key", "user", "role", "mode", "cohort", "team", "is_active"]
    list_filter = ["is_active", "role", "mode", "course_key"]
    list_select_related = ["user"]
    search_fields = ["user__username", "course_key__startswith"]
    autocomplete_fields = ["user"]
    ordering = ["-pk"]
    show_full_result_count = False


@admin.register(PlatformUser)
class PlatformUserAdmin(Admin):
    list_display = ["platform_id", "user"]
    list_filter = ["user__is_active"]
    list_select_related = ["user"]
    search_fields = ["=platform_id", "user__username"]
    autocomplete_fields = ["user"]
    ordering = ["-pk"]
    show_full_result_count = False


@admin.register(IngestedEvent)
class IngestedEventAdmin(HistoryAdmin):
    list_display = ["event_id", "type", "received_at", "outcome", "reason", "message"]
    list_filter = ["outcome", "type", "received_at"]
    list_select_related = ["message"]
    search_fields = ["event_id__startswith", "type", "reason"]
    ordering = ["-pk"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(CourseDate)
class CourseDateAdmin(HistoryAdmin):
    # Dates are the platform's: what is changed here would be changed back.
    list_display = ["course_key", "external_id", "kind", "title", "at", "on", "user", "sequence", "cancelled_at"]
    list_filter = ["kind", "cancelled_at"]
    list_select_related = ["user"]
    search_fields = ["course_key__startswith", "external_id__startswith"]
    ordering = ["-pk"]


@admin.register(DateReminder)
class DateReminderAdmin(HistoryAdmin):
    list_display = ["date", "sequence", "lead", "time_zone", "said_at", "message"]
    list_filter = ["lead", "said_at"]
    list_select_related = ["date", "message"]
    search_fields = ["date__external_id__startswith"]
    ordering = ["-pk"]


@admin.register(Submission)
class SubmissionAdmin(HistoryAdmin):
    list_display = ["course_key", "external_id", "user", "submitted_at"]
    list_filter = ["submitted_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "external_id__startswith"]
    ordering = ["-pk"]


@admin.register(DateChoice)
class DateChoiceAdmin(HistoryAdmin):
    list_display = ["user", "week_before", "day_before", "hours_before", "changes_only"]
    list_filter = ["changes_only"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    ordering = ["-pk"]


@admin.register(CalendarLink)
class CalendarLinkAdmin(HistoryAdmin):
    # To be removed where a link has leaked; the link itself is stored nowhere.
    list_display = ["user", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    ordering = ["-pk"]


@admin.register(KeptAnswer)
class KeptAnswerAdmin(HistoryAdmin):
    # Without the answers themselves, which are for their callers.
    fields = ["caller", "key", "taken_at", "status"]
    list_display = ["caller", "key", "taken_at", "status"]
    list_filter = ["status", "taken_at"]
    search_fields = ["caller__exact", "key__exact"]
    ordering = ["-pk"]


@admin.register(ServiceMessage)
class ServiceMessageAdmin(HistoryAdmin):
    list_display = ["public_id", "service", "type", "asked_at", "send_after", "planned_at", "people", "cancelled_at", "refused_because"]
    list_filter = ["type", "asked_at", ("planned_at", admin.EmptyFieldListFilter)]
    list_select_related = ["message"]
    search_fields = ["public_id__exact", "service__startswith"]
    ordering = ["-pk"]
