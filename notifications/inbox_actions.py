"""What a person does in the inbox of the browser: each by POST, each to be taken back. Read next: inbox_marks.py, inbox_undo.py."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from channels_ace.api import Refused
from notifications import inbox, inbox_marks
from notifications.inbox_undo import TooLate, undo, undo_archive_read, undo_items, undo_mute, undo_read_all
from notifications.inbox_views import get_item, open_cursor, shown
from notifications.links import allowed_link
from notifications.models import InboxItem
from notifications.page_requests import is_own_address, person_id, signed_in, wants_json
from notifications.resting import mutable, mute
from notifications.snooze_times import BadTime, choices, read_time

# A row stands for no more items than a page reads.
MOST_TOGETHER = 60


@require_POST
@signed_in
def read_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will mark an item as read and go where the form says: to the item's own link, or back to a page of this site."""
    items = _items(request, public_id)
    token = undo_items(items)
    inbox_marks.mark_read(items, timezone.now())
    link = items[0].message.link
    return _follow(request, link) if link and request.POST.get("next") == link else _answer(request, _("Marked as read."), token)


@require_POST
@signed_in
def unread_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will take back that an item was read."""
    return _act(request, public_id, lambda items: inbox_marks.mark_unread(items, timezone.now()), _("Marked as unread."))


@require_POST
@signed_in
def archive_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will put an item out of the list."""
    return _act(request, public_id, lambda items: inbox_marks.archive(items, timezone.now()), _("Archived."))


@require_POST
@signed_in
def unarchive_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will bring an archived item back."""
    return _act(request, public_id, lambda items: inbox_marks.unarchive(items, timezone.now()), _("Moved back to the inbox."))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def snooze_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will hide an item until a time: one that the row offers, or one of the person's own from a page that asks for it."""
    items, now, error = _items(request, public_id), timezone.now(), ""
    if request.method == "POST":
        try:
            until = read_time(request.POST.get("until") or request.POST.get("at", ""), now, timezone.get_current_timezone())
        except BadTime as bad:
            error = str(bad)
            if wants_json(request):
                return JsonResponse({"detail": error}, status=400)
        else:
            token = undo_items(items)
            inbox_marks.snooze(items, until, now)
            return _answer(
                request, _("Hidden until %(time)s.") % {"time": date_format(timezone.localtime(until), "SHORT_DATETIME_FORMAT")}, token
            )
    context = {
        "item": shown(items[0], translation.get_language() or settings.LANGUAGE_CODE),
        "choices": choices(now, timezone.get_current_timezone()),
        "at": request.POST.get("at", ""),
        "zone": timezone.get_current_timezone_name(),
        "error": error,
        "now": now,
        "next": request.POST.get("next") or request.GET.get("next", ""),
    }
    return render(request, "carillon/snooze.html", context, status=400 if error else 200)


@require_POST
@signed_in
def unsnooze_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will bring a snoozed item back at once."""
    return _act(request, public_id, lambda items: inbox_marks.unsnooze(items, timezone.now()), _("Moved back to the inbox."))


@require_POST
@signed_in
def read_all(request: HttpRequest) -> HttpResponse:
    """This function will mark everything as read up to the newest item that the person saw when they pressed the button."""
    user_id = person_id(request)
    through = open_cursor(user_id, request.POST.get("up_to", ""))
    if through is None:
        return _refuse(request, _("Nothing was marked as read: this page was out of date. Try again."))
    now = timezone.now()
    before = inbox.mark_of(user_id, now)
    watermark = inbox_marks.mark_all_read(user_id, now, through=through)
    return _answer(request, _("All marked as read."), undo_read_all(user_id, watermark, *before))


@require_POST
@signed_in
def archive_read(request: HttpRequest) -> HttpResponse:
    """This function will archive what is read, up to the newest item that the person saw when they pressed the button."""
    user_id, now = person_id(request), timezone.now()
    through = open_cursor(user_id, request.POST.get("up_to", ""))
    if through is None:
        return _refuse(request, _("Nothing was archived: this page was out of date. Try again."))
    archived = inbox_marks.archive_read(user_id, now, through=through)
    said = ngettext("%(count)d notification is archived.", "%(count)d notifications are archived.", archived) % {"count": archived}
    return _answer(request, said, undo_archive_read(user_id, now))


@require_POST
@signed_in
def mute_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will mute the thread, course or study of an item."""
    choices = mutable(get_item(request, public_id).message)
    # Without a choice it is the wider of the two.
    key = request.POST.get("key") or (choices[-1].key if choices else "")
    found = next((one for one in choices if one.key == key), None)
    if found is None:
        raise Http404
    user_id = person_id(request)
    mute(user_id, found.key, found.label, now=timezone.now())
    return _answer(request, _("Muted: %(name)s.") % {"name": found.label}, undo_mute(user_id, found.key))


@require_POST
@signed_in
def mark_seen(request: HttpRequest) -> HttpResponse:
    """This function will mark as seen what a page or the bell's panel shows, and what is older; a spoilt page marks nothing."""
    user_id = person_id(request)
    through = open_cursor(user_id, request.POST.get("seen_up_to", ""))
    if through is not None:
        inbox_marks.mark_seen(user_id, timezone.now(), through=through)
    return _answer(request, "", "")


@require_POST
@signed_in
def undo_last(request: HttpRequest) -> HttpResponse:
    """This function will take back what a token stands for."""
    try:
        undo(person_id(request), request.POST.get("token", ""), timezone.now())
    except TooLate:
        return _refuse(request, _("It is too late to undo this."))
    return _answer(request, _("Undone."), "")


def _act(request: HttpRequest, public_id: str, change: Callable[[list[InboxItem]], Any], said: str) -> HttpResponse:
    items = _items(request, public_id)
    token = undo_items(items)
    change(items)
    return _answer(request, said, token)


def _items(request: HttpRequest, public_id: str) -> list[InboxItem]:
    """This function will find an item and those that share its row. Raises Http404 for one that is not the person's."""
    ids = [name for name in request.GET.get("with", "").split(",") if name][:MOST_TOGETHER]
    if not ids:
        return [get_item(request, public_id)]
    wanted = inbox.items(person_id(request), timezone.now()).filter(message__public_id__in=[public_id, *ids])
    found = {item.message.public_id: item for item in wanted}
    if public_id not in found or not found.keys() >= set(ids):
        raise Http404
    return [found[name] for name in dict.fromkeys([public_id, *ids])]


def _answer(request: HttpRequest, said: str, token: str) -> HttpResponse:
    """This function will answer a change: a script with the bell's count, a form with the page it came from and what was done."""
    if wants_json(request):
        return JsonResponse({**inbox.bell(person_id(request), timezone.now()), "said": said, "undo": token})
    if said:
        messages.success(request, said, extra_tags=token)
    return _back(request)


def _refuse(request: HttpRequest, said: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"detail": said}, status=409)
    messages.error(request, said)
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next", "")
    return HttpResponseRedirect(back if is_own_address(request, back) else reverse("inbox"))


def _follow(request: HttpRequest, link: str) -> HttpResponse:
    try:
        allowed_link(link)
    except Refused:
        # It was allowed when it was sent; the operator has taken its host off the list since.
        messages.warning(request, _("This notification leads to a site that is no longer allowed."))
        return HttpResponseRedirect(reverse("inbox"))
    own = link.removeprefix(settings.SITE_URL)
    if is_own_address(request, own):
        return HttpResponseRedirect(own)
    # Chromium applies a page's Content-Security-Policy form-action to redirects too, and 'self' would end here.
    # A page that leads on is a navigation of its own, whatever the policy of the site that this app runs in.
    return render(request, "carillon/leaving.html", {"link": link})
