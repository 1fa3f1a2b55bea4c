"""What was said and what became of it: each delivery's page tells its whole story. Read next: channels_ace/explain.py."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from channels_ace.admin.costs import costs
from channels_ace.admin.hidden_search import HiddenSearchAdmin
from channels_ace.admin.paging import ChannelFilter, KindFilter, OutcomeFilter, ProviderFilter, ReasonFilter, TypeFilter
from channels_ace.admin.reading import HistoryAdmin, people_found, token_is
from channels_ace.admin.story import glyph_of, story_of
from channels_ace.models import Attempt, ContactPoint, Delivery, FanOut, FanOutChunk, Message, ProviderEvent
from channels_ace.reasons import sentence


@admin.register(Message)
class MessageAdmin(HistoryAdmin):
    list_display = ["public_id", "type", "scope", "created_at", "send_after", "fanned_out_at", "cancelled_at"]
    list_filter = [TypeFilter, ("fanned_out_at", admin.EmptyFieldListFilter), ("cancelled_at", admin.EmptyFieldListFilter)]
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
        "progress",
        "cancelled_at",
        "list_deliveries",
    ]

    @admin.display(description=_("planned so far"))
    def progress(self, message: Message) -> SafeString | str:
        begun = FanOut.objects.defer("user_ids").filter(pk=message.pk).first()
        if begun is None:
            return "-"
        url = reverse("admin:carillon_channels_fanout_change", args=[begun.pk])
        told = message.chunks.aggregate(people=Coalesce(Sum("people"), 0))["people"]
        return format_html('<a href="{}">{}</a>', url, _told_of(told, begun.people))

    @admin.display(description=_("deliveries"))
    def list_deliveries(self, message: Message) -> SafeString:
        url = reverse("admin:carillon_channels_delivery_changelist")
        return format_html('<a href="{}?message__id__exact={}">{}</a>', url, message.pk, _("What became of it"))


def _told_of(told: int, people: int | None) -> str:
    if people is None:
        return _("%(told)s people so far, of everyone") % {"told": f"{told:,}"}
    return _("%(told)s of %(people)s people") % {"told": f"{told:,}", "people": f"{people:,}"}


@admin.register(FanOut)
class FanOutAdmin(HistoryAdmin):
    list_display = ["message", "progress", "begun_at", "trouble"]
    list_filter = [("trouble", admin.EmptyFieldListFilter)]
    list_select_related = ["message"]
    search_fields = ["message__public_id__exact"]
    ordering = ["pk"]
    fields = ["message", "progress", "begun_at", "trouble"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        chunks = FanOutChunk.objects.filter(message=OuterRef("pk")).order_by().values("message")
        told = Coalesce(Subquery(chunks.annotate(told=Sum("people")).values("told")), 0)
        begun: QuerySet[Any] = super().get_queryset(request).defer("user_ids").annotate(told=told)
        return begun

    @admin.display(description=_("planned so far"))
    def progress(self, begun: Any) -> str:
        return _told_of(begun.told, begun.people)


@admin.register(FanOutChunk)
class FanOutChunkAdmin(HistoryAdmin):
    list_display = ["message", "number", "first_user_id", "last_user_id", "people", "done_at"]
    list_filter = ["done_at"]
    list_select_related = ["message"]
    search_fields = ["message__public_id__exact"]
    ordering = ["-pk"]


@admin.register(Delivery)
class DeliveryAdmin(HiddenSearchAdmin, HistoryAdmin):
    list_display = ["pk", "person", "channel", "state_with_glyph", "message_type", "changed_at", "reason_in_words"]
    list_filter = [ChannelFilter, "state", ReasonFilter]
    list_select_related = ["message"]
    # Found by keys only (get_search_results); named so that the list has its search field.
    search_fields = ["pk"]
    search_help_text = _("A user name, a person's number, a whole phone number or e-mail address, a message's id or a provider's.")
    ordering = ["-pk"]
    list_per_page = 50

    class Media:
        css = {"all": ["carillon_channels/story.css"]}

    @admin.display(description=_("recipient"), ordering="user_id")
    def person(self, delivery: Any) -> str:
        return f"{delivery.user_id} {delivery.contact_hint or ''}"

    @admin.display(description=_("state"), ordering="state")
    def state_with_glyph(self, delivery: Delivery) -> str:
        return f"{glyph_of(delivery.state)} {delivery.get_state_display()}"

    @admin.display(description=_("why"), ordering="reason")
    def reason_in_words(self, delivery: Delivery) -> str:
        return sentence(delivery.reason)

    @admin.display(description=_("type"), ordering="message__type")
    def message_type(self, delivery: Delivery) -> str:
        return delivery.message.type

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        hint = ContactPoint.objects.filter(pk=OuterRef("contact_point_id")).values("hint")
        found: QuerySet[Delivery] = super().get_queryset(request).annotate(contact_hint=Subquery(hint))
        return found

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        # Names and ids become keys first: an OR over three joined tables would read all of them.
        term = search_term.strip()
        if not term:
            return queryset, False
        messages = list(Message.objects.filter(public_id=term).values_list("pk", flat=True))
        attempted = list(attempts_found(term).values_list("delivery_id", flat=True))
        return queryset.filter(Q(user_id__in=people_found(term)) | Q(message_id__in=messages) | Q(pk__in=attempted)), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        delivery = self.get_object(request, object_id)
        context = self._story(request, delivery) if delivery is not None and self.has_view_permission(request, delivery) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _story(self, request: HttpRequest, delivery: Delivery) -> dict[str, Any]:
        user = get_user_model()._meta
        may_see_person = request.user.has_perm(f"{user.app_label}.view_{user.model_name}")
        names = ("lane", "due_at", "expires_at", "created_at", "changed_at", "lease_until", "reconcile_at", "claims", "fence", "digest_id")
        return {
            "title": _("Delivery %(number)s") % {"number": delivery.pk},
            "subtitle": None,
            "story": story_of(delivery, timezone.now()),
            "message_url": reverse("admin:carillon_channels_message_change", args=[delivery.message_id]),
            "person_url": reverse(f"admin:{user.app_label}_{user.model_name}_change", args=[delivery.user_id]) if may_see_person else "",
            "row": [(name, getattr(delivery, name)) for name in names],
        }


@admin.register(Attempt)
class AttemptAdmin(HistoryAdmin):
    list_display = ["token", "delivery", "provider", "started_at", "finished_at", "outcome", "code", "parts", "price_estimate"]
    list_filter = [OutcomeFilter, ProviderFilter, "started_at"]
    list_select_related = ["delivery"]
    search_fields = ["token__exact"]
    search_help_text = _("Our number for an attempt, or the provider's id.")
    ordering = ["-pk"]

    def get_urls(self) -> list[URLPattern]:
        mine = path("costs/", self.admin_site.admin_view(costs), name="carillon_channels_attempt_costs")
        return [mine, *super().get_urls()]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=list(attempts_found(term).values_list("pk", flat=True))), False) if term else (queryset, False)


@admin.register(ProviderEvent)
class ProviderEventAdmin(HistoryAdmin):
    list_display = ["event_id", "provider", "kind", "occurred_at", "received_at", "applied_at"]
    list_filter = [ProviderFilter, KindFilter, ("applied_at", admin.EmptyFieldListFilter)]
    search_fields = ["event_id__exact"]
    ordering = ["-pk"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(Q(event_id=term) | token_is(term)), False) if term else (queryset, False)


def attempts_found(term: str) -> QuerySet[Attempt]:
    """This function will find attempts by our number for one, else by the provider's id among the last million of them.

    That id has no index: each attempt would pay for one at the moment of its answer, and an operator asks about what is recent.
    """
    ours = Attempt.objects.filter(token_is(term))
    if ours.exists():
        return ours
    last: int = Attempt.objects.aggregate(last=Max("pk"))["last"] or 0
    return Attempt.objects.filter(provider_message_id=term, pk__gt=last - 1_000_000)
