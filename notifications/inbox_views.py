"""The inbox in the browser: its pages. Read next: inbox_actions.py, inbox.py.

No GET changes anything. A page carries up to where it shows what is new, and its script says by a POST that this is looked at; without
JavaScript a button does. What is read changes by POST only.
"""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from channels_ace.api import Message
from notifications import inbox
from notifications.inbox import Asked
from notifications.inbox_groups import Row, rows_of, type_of, words_of_row
from notifications.inbox_search import LONGEST
from notifications.models import InboxItem
from notifications.page_requests import answer_count, person_id, signed_in
from notifications.registry import Category
from notifications.resting import mutable
from notifications.snooze_times import choices

PAGE_SIZE = 20
# Read for a page, so that a lively thread, which is one row, does not fill it.
PAGE_ITEMS = 60
PANEL_SIZE = 8
CATEGORY_ICONS = {"discussion": "discussion", "course_dates": "calendar", "account": "account", "study": "study", "other": "other"}
SHOWS = ("here", "archived", "snoozed")
# What shows the newest of all that is unseen; a category or a search shows some of it.
_LOOKS = (Asked(), Asked(only_unread=True))


@require_safe
@signed_in
def inbox_page(request: HttpRequest) -> HttpResponse:
    """This function will show one page of the inbox, newest first, or with ?panel=1 its first rows for the bell.

    ?show=archived|snoozed, ?category=, ?course=, ?unread=1 and ?search= narrow it; ?cursor= leads on (a spoilt one to the first page).
    """
    user_id, now = person_id(request), timezone.now()
    asked, is_panel = asked_of(request), request.GET.get("panel") == "1"
    before = open_cursor(user_id, request.GET.get("cursor", ""))
    page = inbox.page(user_id, now, asked, before=before, size=PANEL_SIZE if is_panel else PAGE_ITEMS)
    rows = rows_of(page.items, PANEL_SIZE if is_panel else PAGE_SIZE)
    # The rows are made of the first of the items; the next page begins with the rest.
    used = sum(len(row.items) for row in rows)
    next_before = page.next_before if used == len(page.items) else page.items[used - 1].message_id
    language = translation.get_language() or settings.LANGUAGE_CODE
    newest = max((item.message_id for item in [*page.items, *page.returned]), default=0)
    context = {
        "items": [shown_row(row, language) for row in rows],
        "returned": [shown_row(Row([item]), language) for item in page.returned],
        "asked": asked,
        "is_narrowed": asked != Asked(show=asked.show),
        "snoozes": choices(now, timezone.get_current_timezone()),
        "return_url": reverse("inbox") if is_panel else request.get_full_path(),
        "now": now,
        # Who looks for something, or at what was put away, has not looked at what is new.
        "seen_up_to": seal(user_id).sign_object(newest) if newest and (is_panel or asked in _LOOKS) else "",
    }
    if is_panel:
        return render(request, "carillon/_inbox_panel.html", context)
    counts = inbox.counts(user_id, now)
    # "Up to what I have seen" goes up to one message, whatever its category: it is offered only where that message tops the list of all.
    may_do_all = bool(newest) and before is None and asked == Asked()
    context |= {
        "tabs": _tabs(counts, asked),
        "courses": inbox.courses(user_id, now),
        "next_cursor_url": address(asked, seal(user_id).sign_object(next_before)) if next_before else "",
        "first_page_url": address(asked) if before is not None else "",
        "read_all_url": reverse("inbox-read-all") if may_do_all and counts else "",
        "archive_read_url": reverse("inbox-archive-read") if may_do_all and _has_read(page.items) else "",
        "read_up_to": seal(user_id).sign_object(newest) if may_do_all else "",
        "retention_days": inbox.retention().days,
        "clear_url": address(Asked(show=asked.show)),
        "unread_url": address(Asked(**{**vars(asked), "only_unread": not asked.only_unread})),
    }
    return render(request, "carillon/inbox.html", context)


@require_safe
@signed_in
def inbox_count(request: HttpRequest) -> JsonResponse:
    """This function will tell the bell of an open page what it shows now."""
    return answer_count(request)


def asked_of(request: HttpRequest) -> Asked:
    """This function will read what an address asks for; what makes no sense asks for nothing."""
    wanted = request.GET
    return Asked(
        show=wanted.get("show", "") if wanted.get("show") in SHOWS else "here",
        category=wanted.get("category", "") if wanted.get("category") in Category.values else "",
        only_unread=wanted.get("unread") == "1",
        course=wanted.get("course", "").replace("\x00", "")[:191],
        search=" ".join(wanted.get("search", "").replace("\x00", " ").split())[:LONGEST],
    )


def address(asked: Asked, cursor: str = "") -> str:
    """This function will give the address of a page."""
    wanted = {
        "show": "" if asked.show == "here" else asked.show,
        "category": asked.category,
        "course": asked.course,
        "unread": "1" if asked.only_unread else "",
        "search": asked.search,
        "cursor": cursor,
    }
    query = urlencode({name: value for name, value in wanted.items() if value})
    return f"{reverse('inbox')}?{query}" if query else reverse("inbox")


def get_item(request: HttpRequest, public_id: str) -> InboxItem:
    """This function will find an item that the person's inbox holds now. Raises Http404, for another person's too."""
    item = inbox.find_item(person_id(request), public_id, timezone.now())
    if item is None:
        raise Http404
    return item


def shown(item: InboxItem, language: str) -> dict[str, Any]:
    """This function will give an item as templates/carillon/_item.html shows it."""
    return shown_row(Row([item]), language)


def shown_row(row: Row, language: str) -> dict[str, Any]:
    """This function will give a row as templates/carillon/_item.html shows it; what is done to it is done to all its items."""
    item = row.newest
    message = item.message
    rest = row.items[1:]
    together = "?" + urlencode({"with": ",".join(other.message.public_id for other in rest)}) if rest else ""
    return {
        "public_id": message.public_id,
        **words_of_row(row, language),
        "category": Category(item.category).label if item.category in Category.values else item.category,
        "icon": CATEGORY_ICONS.get(item.category, "other"),
        "course": _course(message),
        "link": message.link,
        "created_at": message.created_at,
        "is_read": item.read_at is not None,
        "is_archived": item.archived_at is not None,
        "snoozed_until": item.snoozed_until,
        "others": [_other(other, language) for other in rest],
        "read_url": reverse("inbox-read", args=[message.public_id]) + together,
        "unread_url": reverse("inbox-unread", args=[message.public_id]) + together,
        "archive_url": reverse("inbox-archive", args=[message.public_id]) + together,
        "unarchive_url": reverse("inbox-unarchive", args=[message.public_id]) + together,
        "snooze_url": reverse("inbox-snooze", args=[message.public_id]) + together,
        "unsnooze_url": reverse("inbox-unsnooze", args=[message.public_id]) + together,
        "why_url": reverse("inbox-why", args=[message.public_id]),
        **_ways_to_less(message),
    }


def open_cursor(user_id: int, cursor: str) -> int | None:
    """This function will read a key that this site has given to this person; None for any other text."""
    try:
        return int(seal(user_id).unsign_object(cursor))
    except (signing.BadSignature, ValueError):
        return None


def seal(user_id: int) -> signing.Signer:
    """This function will give what signs the keys in one person's pages."""
    return signing.Signer(salt=f"carillon.inbox-page:{user_id}")


def _other(item: InboxItem, language: str) -> dict[str, Any]:
    message = item.message
    read_url = reverse("inbox-read", args=[message.public_id])
    return {**inbox.words(item, language), "link": message.link, "created_at": message.created_at, "read_url": read_url}


def _course(message: Message) -> str:
    return str(message.context.get("course_name") or (message.scope if message.scope.startswith("course-v1:") else ""))


def _ways_to_less(message: Message) -> dict[str, Any]:
    """This function will give how to have less of this: the line of the settings page, and mutes; empty for what is locked."""
    mutes = mutable(message)
    known = type_of(message)
    is_settable = known is not None and "inbox" not in known.locked
    return {
        "setting_url": f"{reverse('settings')}#type-{known.scope}" if known and is_settable else "",
        "mute_url": reverse("inbox-mute", args=[message.public_id]) if mutes else "",
        "mutes": mutes,
    }


def _has_read(items: Any) -> bool:
    return any(item.read_at is not None for item in items)


def _tabs(counts: dict[str, int], asked: Asked) -> list[dict[str, Any]]:
    here = [("", _("All"), sum(counts.values())), *((key, label, counts.get(key, 0)) for key, label in Category.choices)]
    tabs = [
        {
            "key": key or "all",
            "label": label,
            "count": count,
            "url": address(Asked(category=key, only_unread=asked.only_unread, course=asked.course, search=asked.search)),
            "is_current": asked.show == "here" and key == asked.category,
        }
        for key, label, count in here
    ]
    for show, label in (("snoozed", _("Snoozed")), ("archived", _("Archive"))):
        tabs.append({"key": show, "label": label, "count": 0, "url": address(Asked(show=show)), "is_current": asked.show == show})
    return tabs
