"""What people answered, the unclear ones to be read, and the record of what they agreed to. Read next: channels_ace/inbound.py."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from channels_ace.admin.hidden_search import HiddenSearchAdmin
from channels_ace.admin.paging import ChannelFilter
from channels_ace.admin.reading import SEARCH_HELP, HistoryAdmin, indexes_of
from channels_ace.inbound import resolve
from channels_ace.inbound_models import ConsentRecord, InboundText
from channels_ace.models import ContactPoint


class OfOneNumberAdmin(HiddenSearchAdmin, HistoryAdmin):
    search_help_text = SEARCH_HELP

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        theirs = ContactPoint.objects.filter(user__username=term).values("index")
        return queryset.filter(Q(index__in=indexes_of(term)) | Q(index__in=theirs)), False


@admin.register(InboundText)
class InboundTextAdmin(OfOneNumberAdmin):
    list_display = ["received_at", "hint", "intent", "read_at"]
    list_filter = ["intent", ("read_at", admin.EmptyFieldListFilter), "received_at"]
    search_fields = ["index__exact"]
    ordering = ["-pk"]
    fields = ["text", "intent", "hint", "to", "sent_at", "received_at", "read_at", "provider", "event_id", "scope"]
    actions = ["read_as_stop", "read_as_go_on"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundText]:
        # The words are decrypted on a text's own page only.
        found: QuerySet[InboundText] = super().get_queryset(request).defer("text")
        return found

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("carillon_channels.change_inboundtext")

    @admin.action(description=_("I have read it: they want no more texts"), permissions=["settle"])
    def read_as_stop(self, request: HttpRequest, queryset: QuerySet[InboundText]) -> None:
        self._settle(request, queryset, ConsentRecord.Decision.STOPPED)

    @admin.action(description=_("I have read it: they did not mean to stop"), permissions=["settle"])
    def read_as_go_on(self, request: HttpRequest, queryset: QuerySet[InboundText]) -> None:
        self._settle(request, queryset, ConsentRecord.Decision.RESUMED)

    def _settle(self, request: HttpRequest, queryset: QuerySet[InboundText], decision: ConsentRecord.Decision) -> None:
        now = timezone.now()
        settled = sum(resolve(received, decision, now) for received in queryset)
        said = ngettext("%(count)d unclear text was settled.", "%(count)d unclear texts were settled.", settled) % {"count": settled}
        self.message_user(request, said, messages.SUCCESS if settled else messages.WARNING)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name in self.actions}


@admin.register(ConsentRecord)
class ConsentRecordAdmin(OfOneNumberAdmin):
    list_display = ["at", "hidden", "channel", "decision", "source", "scope"]
    list_filter = ["decision", "source", ChannelFilter, "at"]
    search_fields = ["index__exact"]
    ordering = ["-pk"]

    @admin.display(description=_("address"))
    def hidden(self, record: ConsentRecord) -> str:
        return f"{record.index[:8]}…"
