"""What operators turn off and on again, and how providers fare. Read next: channels_ace/switches.py."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from channels_ace.admin.reading import Admin, HistoryAdmin
from channels_ace.models import ProviderHealth, Switch


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
