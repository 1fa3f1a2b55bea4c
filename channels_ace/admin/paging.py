"""Lists of tables that grow with users: found by index, counted only so far, filtered by what the code knows. Read next: reading.py."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from channels_ace.channel import Outcome, providers, registered_channels
from channels_ace.message_types import registered
from channels_ace.reasons import codes
from channels_ace.receipts import Kind

COUNTED = 10_000

if TYPE_CHECKING:
    Pages = Paginator[Any]
else:
    # Django's class is generic to the type checker only.
    Pages = Paginator


class UpToPaginator(Pages):
    """Pages through as many rows as are counted: counting ten million takes longer than reading the page that was asked for."""

    most = COUNTED

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.most].count())


class Filter(admin.SimpleListFilter):
    """A filter by values that are known beforehand: asking the table for its distinct values would read all of it."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class ChannelFilter(Filter):
    title = _("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in registered_channels()]


class ReasonFilter(Filter):
    title = _("why")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(code, code) for code in codes()]


class TypeFilter(Filter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(known.name, known.name) for known in registered()]


class ProviderFilter(Filter):
    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        names = {carrier.provider for channel in registered_channels() for carrier in providers(channel) if hasattr(carrier, "provider")}
        return [(name, name) for name in sorted(names)]


class OutcomeFilter(Filter):
    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(outcome, outcome) for outcome in Outcome]


class KindFilter(Filter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(kind, kind) for kind in Kind]
