"""The settings page: switches, time zone, language, addresses. Read next: preferences.py, reach.py.

It is one form. Without JavaScript all of it is posted and what differs is saved; with it every change is posted by itself
(`changed`, `value`) and answered with what now holds, since a category's switch moves those below it.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from channels_ace.api import ContactPoint, Recipient, UnknownZone, known_language, parse_zone
from notifications.page_requests import person_id, signed_in, wants_json
from notifications.preferences import Cell, NotChangeable, Row, Section, choose, matrix
from notifications.reach import addresses, key_of, remove_address, ways
from notifications.zone_choices import zone_choices

SAVED = "carillon_settings_saved"
DESCRIPTIONS: dict[str, str | Promise] = {
    "discussion": gettext_lazy("What others write in your courses."),
    "course_dates": gettext_lazy("What is due, and when."),
    "account": gettext_lazy("Your account and this site."),
    "study": gettext_lazy("Studies that you take part in."),
    "other": gettext_lazy("Grades, news and all the rest."),
}


class NotSaved(ValueError):
    """A field does not take this value. `field` is its name; the text says it to the person."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def settings_page(request: HttpRequest) -> HttpResponse:
    """This function will show the settings of the person, or save them."""
    if request.method != "POST":
        return _show(request, saved=bool(request.session.pop(SAVED, False)))
    try:
        with transaction.atomic():
            _save_one(request) if "changed" in request.POST else _save_all(request)
    except NotSaved as refused:
        if wants_json(request):
            return JsonResponse({"detail": str(refused), "field": refused.field}, status=400)
        return _show(request, refused=refused)
    if wants_json(request):
        return JsonResponse({"saved": True, "holds": _what_holds(person_id(request))})
    request.session[SAVED] = True
    return HttpResponseRedirect(reverse("settings"))


@require_POST
@signed_in
def remove_contact_point(request: HttpRequest, key: str) -> HttpResponse:
    """This function will remove one of the person's own addresses."""
    point = remove_address(person_id(request), key, timezone.now())
    if point is None:
        raise Http404
    messages.success(request, _("%(address)s is removed. Nothing more goes there.") % {"address": point.hint})
    return HttpResponseRedirect(reverse("settings"))


def _save_one(request: HttpRequest) -> None:
    field, value = request.POST["changed"], request.POST.get("value", "")
    if field in ("zone", "language"):
        _save_place(person_id(request), **{field: value})
    elif value in ("on", "off"):
        _switch(person_id(request), field, is_on=value == "on")
    else:
        raise NotSaved(field, _("Choose on or off."))


def _save_all(request: HttpRequest) -> None:
    user_id, posted = person_id(request), request.POST
    if "language" not in posted:
        # An unchecked switch is not posted: a form that was cut short must not turn everything off.
        raise NotSaved("language", _("Choose a language from the list."))
    place = _place(user_id)
    _save_place(user_id, **{field: posted[field] for field, held in place.items() if posted.get(field, held) != held})
    reachable = {way["key"] for way in ways(addresses(user_id)) if way["available"]}
    # A category's switch first: it moves those below it, and then what was set below it holds.
    for name, (_row, cell) in sorted(_switches(user_id).items(), key=lambda switch: not switch[1][0].is_category):
        is_on = name in posted
        if cell.channel in reachable and is_on != cell.is_on:
            _switch(user_id, name, is_on=is_on)


def _switch(user_id: int, name: str, *, is_on: bool) -> None:
    scope, _colon, channel = name.rpartition(":")
    try:
        choose(user_id, scope, channel, is_on=is_on, now=timezone.now())
    except NotChangeable as error:
        raise NotSaved(name, _("This switch cannot be changed.")) from error


def _save_place(user_id: int, *, zone: str | None = None, language: str | None = None) -> None:
    changed: dict[str, str] = {}
    if zone is not None:
        try:
            parse_zone(zone)
        except UnknownZone as error:
            raise NotSaved("zone", _("Choose a time zone from the list.")) from error
        changed["time_zone"] = zone
    if language is not None:
        if language not in dict(settings.LANGUAGES):
            raise NotSaved("language", _("Choose a language from the list."))
        changed["language"] = language
    if changed:
        Recipient.objects.update_or_create(user_id=user_id, defaults=changed)


def _what_holds(user_id: int) -> dict[str, str]:
    return {**_place(user_id), **{name: "on" if cell.is_on else "off" for name, (_row, cell) in _switches(user_id).items()}}


def _place(user_id: int) -> dict[str, str]:
    recipient = Recipient.objects.filter(user_id=user_id).first() or Recipient()
    return {"zone": recipient.time_zone, "language": known_language(recipient.language or translation.get_language() or "")}


def _switches(user_id: int) -> dict[str, tuple[Row, Cell]]:
    """This function will give the switches that the page shows and that can be changed, by the name of their field."""
    rows = [row for section in matrix(user_id) for row in _rows(section)]
    return {_name(row, cell): (row, cell) for row in rows for cell in row.cells if cell.exists and not cell.is_locked}


def _rows(section: Section) -> tuple[Row, ...]:
    # One switch above one switch would say the same thing twice.
    return (section.row, *section.rows) if len(section.rows) > 1 else section.rows


def _name(row: Row, cell: Cell) -> str:
    return f"{row.scope}:{cell.channel}"


def _show(request: HttpRequest, *, saved: bool = False, refused: NotSaved | None = None) -> HttpResponse:
    user_id = person_id(request)
    place, points = _place(user_id), addresses(user_id)
    errors = {refused.field: str(refused)} if refused else {}
    context = {
        "channels": ways(points),
        "categories": [_section(section) for section in matrix(user_id)],
        "zone": {"value": place["zone"], "choices": zone_choices(place["zone"]), "error": errors.get("zone", "")},
        "language": {"value": place["language"], "choices": settings.LANGUAGES, "error": errors.get("language", "")},
        "saved": saved,
        "refused": str(refused) if refused else "",
        "contact_points": [_point(point) for point in points],
    }
    return render(request, "carillon/settings.html", context, status=400 if refused else 200)


def _section(section: Section) -> dict[str, Any]:
    everything = _("Everything in “%(category)s”") % {"category": section.category.label}
    return {
        "key": str(section.category),
        "label": section.category.label,
        "description": DESCRIPTIONS.get(section.category, ""),
        "rows": [_row(row, everything if row.is_category else str(row.label)) for row in _rows(section)],
    }


def _row(row: Row, label: str) -> dict[str, Any]:
    return {
        "key": row.scope,
        "label": label,
        "hint": row.hint,
        "is_category_row": row.is_category,
        "cells": [
            {
                "channel": cell.channel,
                "name": _name(row, cell),
                "checked": cell.is_on,
                "locked": cell.is_locked,
                "lock_reason": _("This is always sent: it cannot be turned off.") if cell.is_locked else "",
                "available": cell.exists,
            }
            for cell in row.cells
        ],
    }


def _point(point: ContactPoint) -> dict[str, Any]:
    return {
        "kind": ContactPoint.Kind(point.kind).label if point.kind in ("email", "phone") else _("Device"),
        "label": point.hint,
        "verified": point.verified_at is not None,
        "remove_url": reverse("contact-point-removal", args=[key_of(point)]),
    }
