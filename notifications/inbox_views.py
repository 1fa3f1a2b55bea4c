"""The inbox in the browser: its pages, and marking as read. Read next: why_view.py, inbox.py.

Looking at the inbox marks everything as seen, which is all that a GET changes here: the bell counts what is new since the
last look, and must be quiet afterwards without JavaScript too. What is read changes by POST only.
"""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from channels_ace.api import Refused
from notifications import inbox
from notifications.links import allowed_link
from notifications.models import InboxItem
from notifications.page_requests import answer_change, answer_count, is_own_address, person_id, signed_in
from notifications.registry import Category

PAGE_SIZE = 20
CATEGORY_ICONS = {"discussion": "discussion", "course_dates": "calendar", "account": "account", "study": "study", "other": "other"}


@require_safe
@signed_in
def inbox_page(request: HttpRequest) -> HttpResponse:
    """This function will show one page of the inbox, newest first: ?category=, ?unread=1, ?cursor= (a spoilt one gives the first page)."""
    user_id, now = person_id(request), timezone.now()
    category = request.GET.get("category", "") if request.GET.get("category") in Category.values else ""
    only_unread = request.GET.get("unread") == "1"
    before = _open_cursor(user_id, request.GET.get("cursor", ""))
    if request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", ""):
        # Before the rows are read, so that nothing is marked as seen that this page does not show.
        inbox.mark_seen(user_id, now)
    page = inbox.page(user_id, now, before=before, category=category, only_unread=only_unread, size=PAGE_SIZE)
    counts = inbox.counts(user_id, now)
    language = translation.get_language() or settings.LANGUAGE_CODE
    # "Mark all" goes up to one message, whatever its category: it is offered only where that message tops the list of all.
    may_read_all = bool(counts and page.items) and not category and before is None
    context = {
        "tabs": _tabs(counts, category, only_unread=only_unread),
        "items": [shown(item, language) for item in page.items],
        "filter_unread": only_unread,
        "next_cursor_url": _address(category, only_unread, _seal(user_id).sign_object(page.next_before)) if page.next_before else "",
        "first_page_url": _address(category, only_unread) if before is not None else "",
        "read_all_url": reverse("inbox-read-all") if may_read_all else "",
        "read_up_to": _seal(user_id).sign_object(page.items[0].message_id) if may_read_all else "",
        "retention_days": inbox.RETENTION.days,
    }
    return render(request, "carillon/inbox.html", context)


@require_GET
@signed_in
def inbox_count(request: HttpRequest) -> JsonResponse:
    """This function will tell the bell of an open page what it shows now."""
    return answer_count(request)


@require_POST
@signed_in
def read_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will mark an item as read and go where the form says: to the item's own link, or back to a page of this site."""
    item = get_item(request, public_id)
    inbox.mark_read(item, timezone.now())
    link = item.message.link
    return _follow(request, link) if link and request.POST.get("next") == link else answer_change(request)


@require_POST
@signed_in
def unread_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will take back that an item was read."""
    inbox.mark_unread(get_item(request, public_id))
    return answer_change(request)


@require_POST
@signed_in
def read_all(request: HttpRequest) -> HttpResponse:
    """This function will mark everything as read up to the newest item that the person saw when they pressed the button."""
    user_id = person_id(request)
    through = _open_cursor(user_id, request.POST.get("up_to", ""))
    if through is None:
        messages.error(request, _("Nothing was marked as read: this page was out of date. Try again."))
    else:
        inbox.mark_all_read(user_id, timezone.now(), through=through)
    return answer_change(request)


def get_item(request: HttpRequest, public_id: str) -> InboxItem:
    """This function will find an item that the person's inbox holds now. Raises Http404, for another person's too."""
    item = inbox.items(person_id(request), timezone.now()).filter(message__public_id=public_id).first()
    if item is None:
        raise Http404
    return item


def shown(item: InboxItem, language: str) -> dict[str, Any]:
    """This function will give an item as templates/carillon/_item.html shows it."""
    message = item.message
    course = message.context.get("course_name") or (message.scope if message.scope.startswith("course-v1:") else "")
    return {
        "public_id": message.public_id,
        **inbox.words(item, language),
        "category": Category(item.category).label if item.category in Category.values else item.category,
        "icon": CATEGORY_ICONS.get(item.category, "other"),
        "course": course,
        "link": message.link,
        "created_at": message.created_at,
        "is_read": item.read_at is not None,
        "read_url": reverse("inbox-read", args=[message.public_id]),
        "unread_url": reverse("inbox-unread", args=[message.public_id]),
        "why_url": reverse("inbox-why", args=[message.public_id]),
    }


def _follow(request: HttpRequest, link: str) -> HttpResponse:
    try:
        allowed_link(link)
    except Refused:
        # It was allowed when it was sent; the operator has taken its host off the list since.
        messages.warning(request, _("This notification leads to a site that is no longer allowed."))
        return HttpResponseRedirect(reverse("inbox"))
    address = link.removeprefix(settings.SITE_URL)
    if is_own_address(request, address):
        return HttpResponseRedirect(address)
    # Chromium applies a page's Content-Security-Policy form-action to redirects too, and 'self' would end here.
    # A page that leads on is a navigation of its own, whatever the policy of the site that this app runs in.
    return render(request, "carillon/leaving.html", {"link": link})


def _tabs(counts: dict[str, int], current: str, *, only_unread: bool) -> list[dict[str, Any]]:
    known = [("", _("All"), sum(counts.values())), *((key, label, counts.get(key, 0)) for key, label in Category.choices)]
    return [
        {"key": key or "all", "label": label, "count": count, "url": _address(key, only_unread), "is_current": key == current}
        for key, label, count in known
    ]


def _address(category: str, only_unread: bool, cursor: str = "") -> str:
    asked = {"category": category, "unread": "1" if only_unread else "", "cursor": cursor}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('inbox')}?{query}" if query else reverse("inbox")


def _seal(user_id: int) -> signing.Signer:
    return signing.Signer(salt=f"carillon.inbox-page:{user_id}")


def _open_cursor(user_id: int, cursor: str) -> int | None:
    try:
        return int(_seal(user_id).unsign_object(cursor))
    except (signing.BadSignature, ValueError):
        return None
