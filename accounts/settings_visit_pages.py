"""The settings page inside an app: opened once by a code, then without header, in the app's theme and language.

Read next: notifications/settings_views.py, which makes the page.
"""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts.settings_visits import VISIT_LASTS, Visit, read_visit, redeem_code, seal
from channels_ace.api import known_language
from notifications.api import settings_page

COOKIE = "carillon_settings_visit"
THEMES = ("light", "dark")


# The code is proof enough, and comes from an app, which has no page of ours to bring a CSRF token from.
@csrf_exempt
@require_POST
def open_settings(request: HttpRequest) -> HttpResponseBase:
    """This function will open the page for the code that is posted: in a body, so that it stands in no log and no history."""
    app = redeem_code(request.POST.get("code", ""), timezone.now())
    if app is None:
        return _refuse(request)
    theme = request.POST.get("theme", "")
    language = known_language(request.POST.get("language", "") or translation.get_language() or "")
    response = HttpResponseRedirect(reverse("embedded-settings"), status=303)
    response.set_cookie(
        COOKIE,
        seal(Visit(app, theme if theme in THEMES else "", language)),
        max_age=int(VISIT_LASTS.total_seconds()),
        path=reverse("embedded-settings"),
        httponly=True,
        # Not Strict: that is not sent after a redirect from a post that a page of the app made. What changes something has a CSRF token.
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return _private(response)


@require_http_methods(["GET", "HEAD", "POST"])
def embedded_settings(request: HttpRequest) -> HttpResponseBase:
    """This function will show or save the settings of whoever the visit is of."""
    visit = read_visit(request.COOKIES.get(COOKIE, ""), timezone.now())
    if visit is None:
        return _refuse(request)
    before = request.user
    request.user = visit.app.user
    try:
        with translation.override(visit.language):
            response = settings_page(request, theme=visit.theme)
    finally:
        # Whatever looks at the request on its way out sees who it came from: nobody who is signed in.
        request.user = before
    response["Content-Language"] = visit.language
    return _private(response)


def _refuse(request: HttpRequest) -> HttpResponseBase:
    request.user = AnonymousUser()
    return _private(render(request, "accounts/embedded_settings_closed.html", {"is_embedded": True}, status=403))


def _private(response: HttpResponseBase) -> HttpResponseBase:
    response["Referrer-Policy"] = "no-referrer"
    add_never_cache_headers(response)
    return response
