"""The settings page inside an app: a code that opens it once, and the visit that follows. Read next: settings_visit_pages.py.

A visit is no session: it is a cookie that only this page is sent and only this page reads, so that no other page can be seen with it.
It ends after an hour, and at once when the app is signed out or its person disabled.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing

from accounts.models import SignedInApp
from accounts.signed_in_apps import BadToken, find_living

CODE_LASTS = timedelta(seconds=60)
VISIT_LASTS = timedelta(hours=1)
_SALT = "carillon.settings-visit"


@dataclass(frozen=True)
class Visit:
    """Somebody at the settings page of an app."""

    app: SignedInApp
    theme: str
    language: str


def make_code(app: SignedInApp, now: datetime) -> tuple[str, datetime]:
    """This function will give a code and its end. It takes the place of the app's last one; only its hash is kept."""
    secret = secrets.token_urlsafe(32)
    SignedInApp.objects.filter(pk=app.pk).update(settings_code=_hash(secret), settings_code_at=now)
    return f"{app.public_id}.{secret}", now + CODE_LASTS


def redeem_code(code: str, now: datetime) -> SignedInApp | None:
    """This function will give the app of a code that is used for the first time within its minute; None for every other."""
    public_id, _dot, secret = code.partition(".")
    fresh = SignedInApp.objects.filter(
        public_id=public_id, settings_code=_hash(secret), settings_code_at__gt=now - CODE_LASTS, settings_code_at__lte=now
    )
    try:
        # The statement that finds it spends it: of two at one moment, one gets in.
        return find_living(public_id, now) if fresh.update(settings_code="", settings_code_at=None) else None
    except BadToken:
        return None


def seal(visit: Visit) -> str:
    """This function will write a visit for its cookie."""
    return signing.dumps([visit.app.public_id, visit.theme, visit.language], salt=_SALT)


def read_visit(cookie: str, now: datetime) -> Visit | None:
    """This function will read a visit that still holds; None for every other."""
    try:
        public_id, theme, language = signing.loads(cookie, salt=_SALT, max_age=VISIT_LASTS)
        return Visit(find_living(public_id, now), theme, language)
    except (signing.BadSignature, UnicodeError, BadToken):
        return None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
