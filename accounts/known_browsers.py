"""Telling a person that their account was signed in to from where it never was before. Read next: account_changes.py.

A browser is known by a cookie of its own, which says nothing about who used it; we keep its hash for each person who signed in there.
The first browser of an account is the one it begins with, and tells nobody.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import KnownBrowser, User
from notifications.api import notify

COOKIE = "carillon_browser"
LASTS = 400 * 24 * 3600  # the longest that browsers keep a cookie (RFC 6265bis, section 5.5)
_MARK = re.compile(r"[A-Za-z0-9_-]{32}")
# The first that is found in what a browser says of itself names it: most claim to be others too.
_BROWSERS = {
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Macintosh": "macOS",
    "Linux": "Linux",
}


def tell_of_sign_in(user_id: int, device: str, now: datetime) -> None:
    """This function will tell a person at once that somebody signed in as them, on a device in words ("Firefox, Linux")."""
    notify(
        type="account.new_sign_in",
        audience=[user_id],
        context={"device": device[:100], "signed_in_at": now.replace(microsecond=0).isoformat()},
        now=now,
    )


def device_of(agent: str) -> str:
    """This function will name the browser and the system that a User-Agent header tells of: "Firefox, Linux", or "" for neither."""
    found = (next((name for token, name in names.items() if token in agent), "") for names in (_BROWSERS, _SYSTEMS))
    return ", ".join(name for name in found if name)


@receiver(user_logged_in, dispatch_uid="accounts.note_browser")
def note_browser(request: HttpRequest, user: User, **_signal: Any) -> None:
    # A command or a test that signs somebody in has no browser.
    if request.method is None:
        return
    mark = request.COOKIES.get(COOKIE, "")
    if not _MARK.fullmatch(mark):
        mark = secrets.token_urlsafe(24)
    request.META[COOKIE] = mark
    now, known = timezone.now(), KnownBrowser.objects.filter(user=user)
    is_first = not known.exists()
    _browser, is_new = known.get_or_create(mark=hashlib.sha256(mark.encode()).hexdigest(), defaults={"user": user, "first_seen_at": now})
    if is_new and not is_first:
        tell_of_sign_in(user.pk, device_of(request.headers.get("User-Agent", "")), now)


class KnownBrowserMiddleware:
    """Gives a browser its cookie when somebody has signed in there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if mark := request.META.get(COOKIE):
            response.set_cookie(COOKIE, mark, max_age=LASTS, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
        return response
