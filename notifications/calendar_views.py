"""The page of date reminders and the calendar link, and the calendar itself. Read next: calendar_feed.py."""

import hashlib

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseNotModified, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from notifications.calendar_feed import CalendarLink, make_link, revoke_link, whose, write_calendar
from notifications.course_dates import HOURS
from notifications.models import DateChoice
from notifications.page_requests import person_id, signed_in

SHOWN_ONCE = "carillon_calendar_token"
SWITCHES = ("week_before", "day_before", "changes_only")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def calendar_page(request: HttpRequest) -> HttpResponse:
    """This function will show when a learner is reminded of dates and their calendar link, or change what the form says."""
    user_id = person_id(request)
    if request.method != "POST":
        return _show(request, user_id)
    does = request.POST.get("do")
    if does == "create":
        request.session[SHOWN_ONCE] = make_link(user_id, timezone.now())
    elif does == "revoke":
        revoke_link(user_id)
    elif does != "choose" or not _choose(request, user_id):
        return HttpResponseBadRequest(_("This form cannot be read. Go back and try again."))
    return HttpResponseRedirect(reverse("calendar"))


@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """This function will give the calendar of whoever's link this is; the link itself is the permission."""
    user_id = whose(token)
    if user_id is None:
        raise Http404
    body = write_calendar(user_id, timezone.now())
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    fresh = tag in request.headers.get("If-None-Match", "")
    answer: HttpResponse = HttpResponseNotModified() if fresh else HttpResponse(body, content_type="text/calendar; charset=utf-8")
    answer["ETag"] = tag
    answer["Cache-Control"] = "private, max-age=300"
    answer["X-Robots-Tag"] = "noindex"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _show(request: HttpRequest, user_id: int) -> HttpResponse:
    token = request.session.pop(SHOWN_ONCE, None)
    context = {
        "choice": DateChoice.objects.filter(user_id=user_id).first() or DateChoice(user_id=user_id),
        "hours": HOURS,
        "has_link": CalendarLink.objects.filter(user_id=user_id).exists(),
        "address": settings.SITE_URL + reverse("calendar-feed", args=[token]) if token else "",
    }
    answer = render(request, "carillon/calendar.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _choose(request: HttpRequest, user_id: int) -> bool:
    """This function will store the choices of the form, no row where they are the default, and tell whether they could be read."""
    hours = request.POST.get("hours_before", "")
    if hours not in ("", *map(str, HOURS)):
        return False
    chosen = {name: request.POST.get(name) == "on" for name in SWITCHES} | {"hours_before": int(hours) if hours else None}
    if chosen == {"week_before": False, "day_before": True, "changes_only": False, "hours_before": None}:
        DateChoice.objects.filter(user_id=user_id).delete()
    else:
        DateChoice.objects.update_or_create(user_id=user_id, defaults=chosen)
    return True
