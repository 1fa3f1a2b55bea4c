"""The settings page: what a person hears about, by which ways and when. Read next: settings_form.py, preferences.py."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from channels_ace.api import ContactPoint, Refused, local_date
from notifications.models import Cadence
from notifications.page_requests import is_own_address, person_id, signed_in, wants_json
from notifications.preferences import Cell, Row, Section, matrix
from notifications.preview import DIGEST, would_have_sent
from notifications.reach import addresses, key_of, remove_address, ways
from notifications.registry import CHANNEL_LABELS, WHOLE_CHANNEL
from notifications.resting import LONGEST_PAUSE, kind_of, mute, mutes_of, unmute
from notifications.settings_form import NotSaved, change, change_hours, held, name_of, shown_rows, zone_of
from notifications.zone_choices import zone_choices

SAVED = "carillon_settings_saved"
DESCRIPTIONS: dict[str, str | Promise] = {
    "discussion": gettext_lazy("What others write in your courses."),
    "course_dates": gettext_lazy("What is due, and when."),
    "account": gettext_lazy("Your account and this site."),
    "study": gettext_lazy("Studies that you take part in."),
    "other": gettext_lazy("Grades, news and all the rest."),
}


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def settings_page(request: HttpRequest, *, theme: str | None = None) -> HttpResponse:
    """This function will show the settings of the person, or save them; with a theme ("", "light", "dark") as a page inside an app."""
    if request.method != "POST":
        return _show(request, saved=bool(request.session.pop(SAVED, False)), theme=theme)
    try:
        with transaction.atomic():
            if "changed" in request.POST:
                change(person_id(request), request.POST["changed"], request.POST.get("value", ""), now=timezone.now())
            else:
                _save_all(request)
    except NotSaved as refused:
        if wants_json(request):
            return JsonResponse({"detail": str(refused), "field": refused.field}, status=400)
        return _show(request, refused=refused, theme=theme)
    if wants_json(request):
        user_id = person_id(request)
        return JsonResponse({"saved": True, "holds": held(user_id), "preview": _preview(user_id)})
    request.session[SAVED] = True
    return HttpResponseRedirect(request.path)


@require_POST
@signed_in
def remove_contact_point(request: HttpRequest, key: str) -> HttpResponse:
    """This function will remove one of the person's own addresses."""
    point = remove_address(person_id(request), key, timezone.now())
    if point is None:
        raise Http404
    messages.success(request, _("%(address)s is removed. Nothing more goes there.") % {"address": point.hint})
    return HttpResponseRedirect(reverse("settings"))


@require_POST
@signed_in
def add_mute(request: HttpRequest) -> HttpResponse:
    """This function will mute the course, study or thread that the form names, and lead back to where it was."""
    try:
        mute(person_id(request), request.POST.get("key", ""), request.POST.get("label", ""), now=timezone.now())
    except Refused as error:
        raise Http404 from error
    return _answer_mute(request, _("Muted. You hear no more of it."))


@require_POST
@signed_in
def remove_mute(request: HttpRequest) -> HttpResponse:
    """This function will end a mute of the person's own."""
    if not unmute(person_id(request), request.POST.get("key", "")):
        raise Http404
    return _answer_mute(request, _("No longer muted."))


def _answer_mute(request: HttpRequest, said: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"saved": True})
    messages.success(request, said)
    back = request.POST.get("next", "")
    return HttpResponseRedirect(back if is_own_address(request, back) else reverse("settings"))


def _save_all(request: HttpRequest) -> None:
    user_id, posted, now = person_id(request), request.POST, timezone.now()
    if "language" not in posted:
        # An unchecked switch is not posted: a form that was cut short must not turn everything off.
        raise NotSaved("language", _("Choose a language from the list."))
    unreachable = {way["key"] for way in ways(addresses(user_id)) if not way["available"]}
    before = held(user_id)
    for name, value in before.items():
        wanted = posted.get(name, "off" if value in ("on", "off") else value)
        # A switch that is disabled is not posted either, and keeps its value.
        if wanted != value and name.rpartition(":")[2] not in unreachable and name not in ("opens", "closes"):
            change(user_id, name, wanted, now=now)
    hours = {name: posted[name] for name in ("opens", "closes") if posted.get(name, before[name]) != before[name]}
    if hours:
        change_hours(user_id, **hours)


def _show(request: HttpRequest, *, saved: bool = False, refused: NotSaved | None = None, theme: str | None = None) -> HttpResponse:
    user_id = person_id(request)
    points, fields, now = addresses(user_id), held(user_id), timezone.now()
    errors = {refused.field: str(refused)} if refused else {}
    context = {
        "channels": ways(points),
        "everything": _everything(fields),
        "categories": [_section(section, fields) for section in matrix(user_id)],
        "cadences": Cadence.choices,
        "zone": {"value": fields["zone"], "choices": zone_choices(fields["zone"]), "error": errors.get("zone", "")},
        "language": {"value": fields["language"], "choices": settings.LANGUAGES, "error": errors.get("language", "")},
        "rest": _rest(fields, errors, local_date(now, zone_of(user_id))),
        "summaries": _summaries(fields, errors),
        "mutes": [
            {"key": mute.key, "label": mute.label or mute.key, "kind": kind_of(mute.key), "since": mute.muted_at}
            for mute in mutes_of(user_id)
        ],
        "preview": _preview(user_id),
        "saved": saved,
        "refused": str(refused) if refused else "",
        "contact_points": [_point(point) for point in points],
        # Inside an app stands no more than the form: all else is on pages that it does not open.
        "is_embedded": theme is not None,
        "theme": theme,
    }
    return render(request, "carillon/settings.html", context, status=400 if refused else 200)


def _everything(fields: Mapping[str, str]) -> dict[str, Any]:
    cells = [_cell(f"{WHOLE_CHANNEL}:{channel}", channel, fields) for channel in CHANNEL_LABELS]
    hint = _("What is always sent still comes.")
    return {"key": "everything", "label": _("Everything"), "hint": hint, "is_category_row": True, "cells": cells}


def _rest(fields: Mapping[str, str], errors: Mapping[str, str], today: date) -> dict[str, Any]:
    names = ("paused_until", "opens", "closes")
    # 5 January 1970 was a Monday.
    days = [(f"day:{day}", date_format(date(1970, 1, 5 + day), "l"), fields[f"day:{day}"] == "on") for day in range(7)]
    tomorrow, last = today + timedelta(days=1), today + LONGEST_PAUSE - timedelta(days=1)
    hours = [(str(hour), f"{hour:02d}:00") for hour in range(25)]
    return {
        **{name: {"value": fields[name], "error": errors.get(name, "")} for name in names},
        "days": days,
        "days_error": next((text for field, text in errors.items() if field.startswith("day:")), ""),
        "first": tomorrow.isoformat(),
        "last": last.isoformat(),
        "opening_hours": hours[:-1],
        "closing_hours": hours[1:],
    }


def _summaries(fields: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    return {
        "hour": {"value": fields["digest_hour"], "error": errors.get("digest_hour", "")},
        "weekday": {"value": fields["digest_weekday"], "error": errors.get("digest_weekday", "")},
        "hours": [(str(hour), f"{hour:02d}:00") for hour in range(24)],
        "weekdays": [(str(day), date_format(date(1970, 1, 5 + day), "l")) for day in range(7)],
    }


def _preview(user_id: int) -> str:
    """This function will say what the present choices would have sent in the last 30 days."""
    count = would_have_sent(user_id, timezone.now())
    ways_counted = {"inbox": CHANNEL_LABELS["inbox"], "email": CHANNEL_LABELS["email"], DIGEST: _("gathered in digests"), **CHANNEL_LABELS}
    what = " · ".join(f"{label} {count[way]}" for way, label in ways_counted.items())
    return _("Of the last 30 days these choices would have sent you: %(what)s") % {"what": what}


def _section(section: Section, fields: Mapping[str, str]) -> dict[str, Any]:
    everything = _("Everything in “%(category)s”") % {"category": section.category.label}
    return {
        "key": str(section.category),
        "label": section.category.label,
        "description": DESCRIPTIONS.get(section.category, ""),
        "rows": [_row(row, everything if row.is_category else str(row.label), fields) for row in shown_rows(section)],
    }


def _row(row: Row, label: str, fields: Mapping[str, str]) -> dict[str, Any]:
    cells = [_cell(name_of(row, cell), cell.channel, fields, cell) for cell in row.cells]
    cadence = {"name": f"cadence:{row.scope}", "value": fields.get(f"cadence:{row.scope}")}
    return {
        "key": row.scope,
        "label": label,
        "hint": row.hint,
        "parts": row.parts,
        "elsewhere": row.elsewhere,
        "is_category_row": row.is_category,
        "cells": cells,
        # Nothing to choose where e-mail is locked or does not exist.
        "cadence": cadence if f"{row.scope}:email" in fields and cadence["value"] is not None else None,
    }


def _cell(name: str, channel: str, fields: Mapping[str, str], cell: Cell | None = None) -> dict[str, Any]:
    is_locked = cell is not None and cell.is_locked
    return {
        "channel": channel,
        "name": name,
        "checked": cell.is_on if cell else fields[name] == "on",
        "locked": is_locked,
        "lock_reason": _("This is always sent: it cannot be turned off.") if is_locked else "",
        "available": cell is None or cell.exists,
    }


def _point(point: ContactPoint) -> dict[str, Any]:
    return {
        "kind": ContactPoint.Kind(point.kind).label if point.kind in ("email", "phone") else _("Device"),
        "label": point.hint,
        "verified": point.verified_at is not None,
        "remove_url": reverse("contact-point-removal", args=[key_of(point)]),
        "can_return": point.kind == ContactPoint.Kind.PHONE and "sms" in getattr(settings, "ADDRESS_PAGES", {}),
    }
