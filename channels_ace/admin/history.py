"""What was said and what became of it: each delivery's page tells its whole story. Read next: channels_ace/explain.py."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from channels_ace.admin.reading import ChannelFilter, HistoryAdmin, Inline, people_found, token_is
from channels_ace.models import Attempt, ContactPoint, Delivery, FanOutChunk, Message, ProviderEvent
from channels_ace.reasons import sentence


@admin.register(Message)
class MessageAdmin(HistoryAdmin):
    list_display = ["public_id", "type", "scope", "created_at", "send_after", "fanned_out_at", "cancelled_at"]
    list_filter = ["type", ("fanned_out_at", admin.EmptyFieldListFilter), ("cancelled_at", admin.EmptyFieldListFilter)]
    search_fields = ["public_id__exact", "scope__exact", "type__startswith", "idempotency_key__exact"]
    ordering = ["-pk"]
    fields = [
        "public_id",
        "type",
        "scope",
        "link",
        "channels",
        "context",
        "idempotency_key",
        "created_at",
        "send_after",
        "expires_at",
        "fanned_out_at",
        "cancelled_at",
        "list_deliveries",
    ]

    @admin.display(description=_("deliveries"))
    def list_deliveries(self, message: Message) -> SafeString:
        url = reverse("admin:carillon_channels_delivery_changelist")
        return format_html('<a href="{}?message__id__exact={}">{}</a>', url, message.pk, _("What became of it"))


@admin.register(FanOutChunk)
class FanOutChunkAdmin(HistoryAdmin):
    list_display = ["message", "number", "first_user_id", "last_user_id", "done_at"]
    list_filter = ["done_at"]
    list_select_related = ["message"]
    search_fields = ["message__public_id__exact"]
    ordering = ["-pk"]


class AttemptInline(Inline):
    model = Attempt
    extra = 0
    can_delete = False
    fields = ("provider", "started_at", "finished_at", "outcome", "code", "detail", "provider_message_id", "parts")
    readonly_fields = fields
    ordering = ["started_at", "pk"]
    verbose_name_plural = _("attempts")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(HistoryAdmin):
    list_display = ["pk", "user", "channel", "state", "message_type", "changed_at", "reason_in_words"]
    list_filter = [ChannelFilter, "state"]
    list_select_related = ["user", "message"]
    search_fields = ["user__username"]
    search_help_text = _("A user name, a whole phone number or e-mail address, a message's id, or a reason's code.")
    ordering = ["-pk"]
    inlines = [AttemptInline]
    fieldsets = [
        (None, {"fields": ["user", "message_with_link", "channel", "contact", "lane"]}),
        (_("What became of it"), {"fields": ["state", "reason_in_words", "reason", "receipts"]}),
        (_("Times"), {"fields": ["created_at", "due_at", "expires_at", "changed_at", "lease_until", "reconcile_at", "claims", "fence"]}),
    ]

    @admin.display(description=_("why"), ordering="reason")
    def reason_in_words(self, delivery: Delivery) -> str:
        return sentence(delivery.reason)

    @admin.display(description=_("type"), ordering="message__type")
    def message_type(self, delivery: Delivery) -> str:
        return delivery.message.type

    @admin.display(description=_("message"))
    def message_with_link(self, delivery: Delivery) -> SafeString:
        url = reverse("admin:carillon_channels_message_change", args=[delivery.message_id])
        return format_html('<a href="{}">{}</a>', url, delivery.message)

    @admin.display(description=_("contact point"))
    def contact(self, delivery: Delivery) -> str:
        point = ContactPoint.objects.defer("address").filter(pk=delivery.contact_point_id).first()
        return str(point) if point else "-"

    @admin.display(description=_("receipts"))
    def receipts(self, delivery: Delivery) -> SafeString | str:
        tokens = delivery.attempts.values_list("token", flat=True)
        events = ProviderEvent.objects.filter(token__in=list(tokens)).order_by("occurred_at")
        lines = [(event.occurred_at.isoformat(timespec="seconds"), event.provider, event.kind) for event in events]
        return format_html_join("", "<div>{} · {} · {}</div>", lines) or "-"

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        # Names and ids become keys first: an OR over three joined tables would read all of them.
        term = search_term.strip()
        if not term:
            return queryset, False
        messages = list(Message.objects.filter(public_id=term).values_list("pk", flat=True))
        return queryset.filter(Q(user_id__in=people_found(term)) | Q(message_id__in=messages) | Q(reason=term)), False


@admin.register(Attempt)
class AttemptAdmin(HistoryAdmin):
    list_display = ["token", "delivery", "provider", "started_at", "finished_at", "outcome", "code", "parts"]
    list_filter = ["outcome", "provider", "started_at"]
    list_select_related = ["delivery"]
    search_fields = ["token__exact", "provider_message_id__exact", "code__exact"]
    ordering = ["-pk"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(provider_message_id=term) | Q(code=term) | token_is(term)), False


@admin.register(ProviderEvent)
class ProviderEventAdmin(HistoryAdmin):
    list_display = ["event_id", "provider", "kind", "occurred_at", "received_at", "applied_at"]
    list_filter = ["provider", "kind", ("applied_at", admin.EmptyFieldListFilter)]
    search_fields = ["event_id__exact"]
    ordering = ["-pk"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(Q(event_id=term) | token_is(term)), False) if term else (queryset, False)
