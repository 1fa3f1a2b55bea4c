"""What texts probably cost, by day and by course or study. Read next: channels_ace/prices.py."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_ace.models import Attempt

DAYS = 31


def costs(request: HttpRequest) -> TemplateResponse:
    """This function will show the sums of the days (in UTC) up to one, today where the address names none that can be read."""
    if not request.user.has_perm("carillon_channels.view_attempt"):
        raise PermissionDenied
    until = _day(request.GET.get("until", "")) or timezone.now().astimezone(UTC).date()
    after = until - timedelta(days=DAYS)
    rows = list(_rows(after, until))
    total = sum((row["price"] for row in rows), Decimal(0))
    context = {**admin.site.each_context(request), "title": _("What texts probably cost"), "rows": rows, "total": total}
    return TemplateResponse(
        request, "admin/carillon_channels/attempt/costs.html", {**context, "until": until, "after": after, "opts": Attempt._meta}
    )


def _rows(after: date, until: date) -> Any:
    begins, ends = (datetime.combine(day + timedelta(days=1), time(0), UTC) for day in (after, until))
    priced = Attempt.objects.filter(price_estimate__isnull=False, started_at__gte=begins, started_at__lt=ends)
    by_day = priced.annotate(day=TruncDate("started_at", tzinfo=UTC), scope=F("delivery__message__scope")).order_by().values("day", "scope")
    return by_day.annotate(texts=Count("pk"), segments=Sum("parts"), price=Sum("price_estimate")).order_by("-day", "scope")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
