"""The browsers in which a person is signed in: listed for them, and signed out from another place. Read next: signed_in_apps.py.

A row stands for a session of Django's, which alone lets anybody in: signing a browser out deletes the session, and what is asked with it
in that moment is not saved any more. Which browser it is, is told in the words of known_browsers.py; nothing of where it is.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.known_browsers import device_of
from accounts.models import SignedInBrowser, User

_MARK = "signed_in_browser"
# How exact "last seen" is: each process writes it once in that time.
SEEN_EVERY = timedelta(hours=1)
# So long a row outlives its session: one that has just got another key is about to be told of it.
_KEPT = timedelta(days=1)


def living(user: User, now: datetime) -> QuerySet[SignedInBrowser]:
    """This function will list the browsers in which a person is signed in, the newest first."""
    # With another password the sessions of before are nobody's.
    marks = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    mine = SignedInBrowser.objects.filter(user=user, password_mark__in=marks)
    return mine.filter(Exists(_sessions(now))).order_by("-pk")


def sign_out(browsers: QuerySet[SignedInBrowser]) -> int:
    """This function will end the sessions of browsers, at once, and say how many that were."""
    with transaction.atomic():
        keys = list(browsers.values_list("session_key", flat=True))
        Session.objects.filter(pk__in=keys).delete()
        SignedInBrowser.objects.filter(session_key__in=keys).delete()
    return len(keys)


def this_one(session: SessionBase | None) -> str:
    """This function will give the id of the browser of a session, or nothing where there is none."""
    return str(session.get(_MARK, [""])[0]) if session is not None else ""


def forget_browsers(now: datetime) -> int:
    """This function will delete the rows whose session is over, and say how many those were."""
    return SignedInBrowser.objects.filter(~Exists(_sessions(now)), seen_at__lte=now - _KEPT).delete()[0]


def _sessions(now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(pk=OuterRef("session_key"), expire_date__gt=now)


@receiver(user_logged_in, dispatch_uid="accounts.note_signed_in_browser")
def note_sign_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    _note(request, user, timezone.now())


@receiver(user_logged_out, dispatch_uid="accounts.forget_signed_in_browser")
def note_sign_out(request: HttpRequest, user: User | None, **_signal: Any) -> None:
    if public_id := this_one(getattr(request, "session", None)):
        SignedInBrowser.objects.filter(public_id=public_id).delete()


def _note(request: HttpRequest, user: User, now: datetime) -> None:
    """This function will write down that a session is somebody's, or that it has another key since."""
    session = request.session
    if session.session_key is None:
        session.create()
    public_id = this_one(session)
    written = {"user": user, "password_mark": user.get_session_auth_hash(), "seen_at": now}
    known = SignedInBrowser.objects.filter(public_id=public_id, user=user) if public_id else SignedInBrowser.objects.none()
    if not known.update(session_key=session.session_key, **written):
        # Requests that come beside each other find one row.
        first = {**written, "device": device_of(request.headers.get("User-Agent", ""))[:64], "signed_in_at": now}
        made, _is_new = SignedInBrowser.objects.update_or_create(session_key=session.session_key, defaults=written, create_defaults=first)
        public_id = made.public_id
    session[_MARK] = [public_id, session.session_key]
    cache.add(_seen(public_id), True, SEEN_EVERY.total_seconds())


def _seen(public_id: str) -> str:
    return f"carillon.browser-seen.{public_id}"


class SignedInBrowserMiddleware:
    """Keeps the list of a person's browsers true: when each was seen last, and which session is its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Asking for the session of whoever looked at none would make the answer another for each cookie.
        if not request.session.accessed or not isinstance(request.user, User):
            return response
        # Who calls by a token is not whose session the cookie names.
        if request.session.get(SESSION_KEY) != str(request.user.pk):
            return response
        public_id, key = request.session.get(_MARK, ["", ""])
        now = timezone.now()
        if key != request.session.session_key:
            _note(request, request.user, now)
        elif cache.add(_seen(public_id), True, SEEN_EVERY.total_seconds()):
            SignedInBrowser.objects.filter(public_id=public_id).update(seen_at=now)
        return response
