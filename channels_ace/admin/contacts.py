"""Where people are reached, and what stops it. Read next: history.py."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_ace.admin.hidden_search import HiddenSearchAdmin
from channels_ace.admin.paging import ChannelFilter
from channels_ace.admin.reading import SEARCH_HELP, Admin, Form, HistoryAdmin, indexes_of
from channels_ace.contact_points import BadAddress, normal, suppress
from channels_ace.local_time import UnknownZone, parse_zone
from channels_ace.models import ContactPoint, Recipient, Suppression


class RecipientForm(Form):
    class Meta:
        model = Recipient
        fields = ["user", "time_zone", "language"]

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        try:
            if name:
                parse_zone(name)
        except UnknownZone as error:
            raise forms.ValidationError(_("There is no such time zone.")) from error
        return name


@admin.register(Recipient)
class RecipientAdmin(Admin):
    form = RecipientForm
    list_display = ["user", "time_zone", "language"]
    list_filter = ["language"]
    list_select_related = ["user"]
    search_fields = ["user__username", "time_zone"]
    autocomplete_fields = ["user"]

    def get_readonly_fields(self, request: HttpRequest, obj: Recipient | None = None) -> list[str]:
        return ["user"] if obj else []


@admin.register(ContactPoint)
class ContactPointAdmin(HiddenSearchAdmin, HistoryAdmin):
    list_display = ["user", "kind", "hint", "verified_at", "removed_at", "removed_reason"]
    list_filter = ["kind", ("verified_at", admin.EmptyFieldListFilter), ("removed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    search_help_text = SEARCH_HELP
    ordering = ["-pk"]
    fields = ["user", "kind", "hint", "verified_at", "removed_at", "removed_reason", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactPoint]:
        # An address is not even decrypted here.
        found: QuerySet[ContactPoint] = super().get_queryset(request).defer("address")
        return found

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(user__username=term) | Q(index__in=indexes_of(term))), False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Admin.has_delete_permission(self, request, obj)


class SuppressionForm(Form):
    KINDS = {"sms": ContactPoint.Kind.PHONE, "email": ContactPoint.Kind.EMAIL}
    channel = forms.ChoiceField(label=_("channel"), choices=[("sms", _("Text message")), ("email", _("E-mail"))])
    address = forms.CharField(label=_("address"), help_text=_("Only its blind index is kept."))

    class Meta:
        model = Suppression
        fields = ["channel", "scope"]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if "address" in given and "channel" in given:
            try:
                given["address"] = normal(self.KINDS[given["channel"]], given["address"])
            except BadAddress as error:
                self.add_error("address", str(error))
        return given


@admin.register(Suppression)
class SuppressionAdmin(HiddenSearchAdmin):
    form = SuppressionForm
    list_display = ["hidden", "channel", "reason", "scope", "since", "lifted_at"]
    list_filter = [ChannelFilter, "reason", ("lifted_at", admin.EmptyFieldListFilter)]
    search_fields = ["scope"]
    search_help_text = SEARCH_HELP
    ordering = ["-since"]
    actions = ["lift"]

    @admin.display(description=_("address"))
    def hidden(self, suppression: Suppression) -> str:
        return f"{suppression.index[:8]}…"

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        theirs = ContactPoint.objects.filter(user__username=term).values("index")
        return queryset.filter(Q(index__in=indexes_of(term)) | Q(index__in=theirs) | Q(scope=term)), False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        given = form.cleaned_data
        kept = suppress(
            channel=given["channel"],
            kind=SuppressionForm.KINDS[given["channel"]],
            address=given["address"],
            reason=Suppression.Reason.OPERATOR,
            now=timezone.now(),
            scope=given["scope"],
        )
        obj.pk, obj.reason = kept.pk, kept.reason

    @admin.action(description=_("Lift what an operator blocked"), permissions=["delete"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> None:
        # STOP, bounces and complaints end by evidence only, never by a click.
        queryset.filter(reason=Suppression.Reason.OPERATOR, lifted_at=None).update(lifted_at=timezone.now())

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name == "lift"}
