"""What operators turn off and on again, and how providers fare. Read next: channels_ace/switches.py."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_ace.admin.hidden_search import HiddenSearchAdmin
from channels_ace.admin.reading import Admin, HistoryAdmin, people_found
from channels_ace.models import OriginatorPace, ProviderHealth, SilentPush, Switch
from channels_ace.reasons import sentence


@admin.register(Switch)
class SwitchAdmin(Admin):
    list_display = ["name", "kind", "why", "who", "since"]
    list_filter = ["kind"]
    list_select_related = ["who"]
    search_fields = ["name", "why"]
    ordering = ["-since"]
    fields = ["kind", "name", "why"]

    def save_model(self, request: HttpRequest, obj: Switch, form: Any, change: bool) -> None:
        obj.who_id, obj.since = request.user.pk, timezone.now()
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Who turned what off, and why, stays as it was said; to lift it, delete it.
        return False


@admin.register(ProviderHealth)
class ProviderHealthAdmin(HistoryAdmin):
    list_display = ["provider", "opened_at", "probe_at", "recent"]
    list_filter = [("opened_at", admin.EmptyFieldListFilter)]
    search_fields = ["provider"]
    ordering = ["provider"]


@admin.register(OriginatorPace)
class OriginatorPaceAdmin(HistoryAdmin):
    list_display = ["provider", "originator", "free_at"]
    list_filter = ["provider"]
    search_fields = ["originator"]
    ordering = ["provider", "originator"]


@admin.register(SilentPush)
class SilentPushAdmin(HiddenSearchAdmin, HistoryAdmin):
    list_display = ["user_id", "state", "reason_in_words", "due_at", "claims", "changed_at"]
    list_filter = ["state"]
    search_fields = ["pk"]
    search_help_text = _("A user name, or a person's number.")
    ordering = ["-changed_at"]
    fields = ["user_id", "state", "reason_in_words", "due_at", "claims", "told", "changed_at"]

    @admin.display(description=_("why"), ordering="reason")
    def reason_in_words(self, push: SilentPush) -> str:
        return sentence(push.reason)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=people_found(term)) if term else queryset), False
