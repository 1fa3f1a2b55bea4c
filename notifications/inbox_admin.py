"""Inbox items in the administration: a page of its own, since Django's admin takes no composite key. Read next: models.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import path
from django.utils.text import capfirst
from django.views.decorators.http import require_safe

from notifications.models import InboxItem, InboxState

PAGE_SIZE = 100


@dataclass(frozen=True)
class Line:
    """One item, and whether "mark all as read" covers it."""

    item: InboxItem
    is_covered: bool


@require_safe
def list_inbox_items(request: HttpRequest) -> HttpResponse:
    """This function will show a page of inbox items, by descending key, to staff who may view them."""
    if not request.user.has_perm(f"{InboxItem._meta.app_label}.view_inboxitem"):
        raise PermissionDenied
    name = request.GET.get("user", "").replace("\x00", "").strip()
    found = list(_below(_items(name), request.GET.get("before", ""))[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    following = ""
    if len(found) > PAGE_SIZE:
        query = QueryDict(mutable=True)
        query.update({"user": name, "before": f"{shown[-1].user_id}.{shown[-1].message_id}"})
        following = query.urlencode()
    context = {
        **admin.site.each_context(request),
        "title": capfirst(InboxItem._meta.verbose_name_plural),
        "lines": _with_watermarks(shown),
        "name": name,
        "following": following,
        "is_first": "before" not in request.GET,
    }
    return render(request, "carillon/admin_inbox_items.html", context)


def _items(name: str) -> QuerySet[InboxItem]:
    items = InboxItem.objects.select_related("user", "message").order_by("-user_id", "-message_id")
    return items.filter(user__username=name) if name else items


def _below(items: QuerySet[InboxItem], key: str) -> QuerySet[InboxItem]:
    parts = key.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
        return items
    user_id, message_id = (int(part) for part in parts)
    # The order of the primary key, so that the page is found by it however many items there are.
    return items.filter(Q(user_id__lt=user_id) | Q(user_id=user_id, message_id__lt=message_id))


def _with_watermarks(items: Sequence[InboxItem]) -> list[Line]:
    through = dict(InboxState.objects.filter(user_id__in={item.user_id for item in items}).values_list("user_id", "read_through"))
    return [Line(item, item.message_id <= through.get(item.user_id, 0)) for item in items]


urlpatterns = [path("", admin.site.admin_view(list_inbox_items), name="admin-inbox-items")]
