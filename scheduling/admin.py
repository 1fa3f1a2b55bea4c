"""What operators see of plans, completions and nudges: all of it follows from the protocol; none is edited here. Read next: models.py."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from scheduling.models import ActivityEvent, Completion, Nudge, NudgeDecision, Place, PlannerRow, RunLedger, Told

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
else:
    # Django's classes are generic to the type checker only.
    Admin = admin.ModelAdmin


class HistoryAdmin(Admin):
    show_full_result_count = False
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ActivityEvent)
class ActivityEventAdmin(HistoryAdmin):
    list_display = ["enrollment", "event_id", "change", "date", "at", "actor", "service", "why"]
    list_filter = ["event_id", "at"]
    list_select_related = ["enrollment", "actor"]
    search_fields = ["enrollment__code__startswith", "event_id"]


@admin.register(PlannerRow)
class PlannerRowAdmin(HistoryAdmin):
    list_display = ["enrollment", "time_zone", "burst", "burst_start", "done_count", "is_eligible"]
    list_filter = ["is_eligible", "burst", "burst_start"]
    list_select_related = ["enrollment"]
    search_fields = ["enrollment__code__startswith", "time_zone__exact"]


@admin.register(Place)
class PlaceAdmin(HistoryAdmin):
    list_display = ["version", "time_zone", "told_through", "rolled_on"]
    list_filter = ["time_zone"]
    list_select_related = ["version__study"]
    search_fields = ["time_zone__exact"]


@admin.register(Completion)
class CompletionAdmin(HistoryAdmin):
    list_display = ["enrollment", "session_id", "burst", "day", "started_at", "finished_at", "declined"]
    list_filter = ["declined", "burst", "recorded_at"]
    list_select_related = ["enrollment"]
    search_fields = ["enrollment__code__startswith", "session_id__startswith"]


@admin.register(RunLedger)
class RunLedgerAdmin(HistoryAdmin):
    list_display = ["rule", "version", "time_zone", "local_date", "ran_at", "decided", "nudged"]
    list_filter = ["rule", "ran_at"]
    # A version names itself by its study.
    list_select_related = ["version__study"]
    search_fields = ["rule", "time_zone__exact"]


@admin.register(NudgeDecision)
class NudgeDecisionAdmin(HistoryAdmin):
    list_display = ["enrollment", "local_date", "rule", "burst", "decision", "reason", "decided_at"]
    list_filter = ["decision", "reason", "burst", "decided_at"]
    list_select_related = ["enrollment"]
    search_fields = ["enrollment__code__startswith", "reason__exact"]


@admin.register(Nudge)
class NudgeAdmin(HistoryAdmin):
    list_display = ["enrollment", "kind", "burst", "slot", "local_date", "nudged_at", "message"]
    list_filter = ["kind", "burst", "nudged_at"]
    list_select_related = ["enrollment", "message"]
    search_fields = ["enrollment__code__startswith"]


@admin.register(Told)
class ToldAdmin(HistoryAdmin):
    list_display = ["enrollment", "what", "told_at", "message"]
    list_filter = ["told_at"]
    list_select_related = ["enrollment", "message"]
    search_fields = ["enrollment__code__startswith", "what__startswith"]
