"""What a person shows beside their password: a code of an authenticator app, or one from paper. Read next: second_factor_pages.py.

The codes are those of RFC 6238: six digits, a new one every 30 seconds, by SHA-1, which is what the apps know. Whom we ask for one is
settings.REQUIRE_SECOND_FACTOR_OF; everybody else may choose it. A session in which it was shown carries the moment since when the person
has one, so that another app, or none, ends what the old one opened.
"""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import AuthenticatorApp, RecoveryCode, SignedInApp, User
from accounts.signed_in_apps import end
from accounts.tries import allow
from notifications.api import notify
from studies.api import may_research

SESSION_KEY = "second_factor"
# What a session carries that a provider of single sign-on vouches for (single_sign_on.py).
BY_PROVIDER = "provider"
STEP_SECONDS = 30
RECOVERY_CODES = 10
# Those who see other people's data sign in once a working day (NIST SP 800-63B-4, 2.2.3: at most 24 hours).
STAFF_SESSION = timedelta(hours=12)
# Without letters and digits that look like others.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class WrongCode(ValueError):
    """The code does not fit, or was used before. Which of them is nobody's business."""


def must_have(user: User) -> bool:
    """This function will tell whether a person does nothing here without a second factor."""
    asked = settings.REQUIRE_SECOND_FACTOR_OF
    return ("operators" in asked and (user.is_staff or user.is_superuser)) or ("researchers" in asked and may_research(user))


def is_shown(user: User, session: SessionBase) -> bool:
    """This function will tell whether a session has shown all that its person has."""
    return user.second_factor_at is None or session.get(SESSION_KEY) in (BY_PROVIDER, _mark(user))


def is_missing(user: User, session: SessionBase) -> bool:
    """This function will tell whether a person who must have a second factor has none, neither here nor at a provider."""
    return user.second_factor_at is None and session.get(SESSION_KEY) != BY_PROVIDER and must_have(user)


@receiver(user_logged_in, dispatch_uid="accounts.shorten_session")
def shorten_session(request: HttpRequest, user: User, **_signal: Any) -> None:
    if must_have(user):
        request.session.set_expiry(timezone.now() + STAFF_SESSION)


def note_shown(user: User, session: SessionBase) -> None:
    """This function will write into a session that the second factor was shown in it."""
    session[SESSION_KEY] = _mark(user)


def begin(user: User, now: datetime) -> AuthenticatorApp:
    """This function will give the app that a person is about to add, with the same secret until they have."""
    return AuthenticatorApp.objects.get_or_create(user=user, defaults={"secret": _new_secret(), "added_at": now})[0]


def address_of_app(app: AuthenticatorApp) -> str:
    """This function will write what an authenticator app reads from a QR code."""
    site = urlsplit(settings.SITE_URL).hostname or "carillon"
    name = quote(f"{site}:{app.user.get_username()}", safe=":@")
    return f"otpauth://totp/{name}?secret={app.secret}&issuer={quote(site)}&digits=6&period={STEP_SECONDS}"


def add(user: User, code: str, now: datetime) -> list[str]:
    """This function will take the first code of a new app, ask for one from now on, and give the recovery codes. Raises WrongCode.

    Apps that are signed in by the password alone are signed out; other browsers are asked for the code.
    """
    with transaction.atomic():
        app = AuthenticatorApp.objects.select_for_update().filter(user=user, user__second_factor_at=None).first()
        if app is None or not _take_digits(app, code, now):
            raise WrongCode
        user.second_factor_at = now
        user.save(update_fields=["second_factor_at"])
        end(SignedInApp.objects.filter(user=user), SignedInApp.Ended.SECOND_FACTOR, now)
        notify(type="account.second_factor_added", audience=[user], now=now)
        return make_recovery_codes(user)


def take(user: User, code: str, now: datetime) -> None:
    """This function will take a code of the person's app or from paper, once. Raises WrongCode, and TooMany."""
    allow("second_factor", now, account=str(user.pk))
    with transaction.atomic():
        app = AuthenticatorApp.objects.select_for_update().filter(user=user, user__second_factor_at__isnull=False).first()
        if app is None or not (_take_digits(app, code, now) or _take_recovery_code(user, code, now)):
            raise WrongCode


def remove(user: User, now: datetime) -> bool:
    """This function will stop asking a person for a second factor, and tell them; False if they had none."""
    with transaction.atomic():
        AuthenticatorApp.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        if not User.objects.filter(pk=user.pk, second_factor_at__isnull=False).update(second_factor_at=None):
            return False
        user.second_factor_at = None
        notify(type="account.second_factor_removed", audience=[user], now=now)
        return True


def make_recovery_codes(user: User) -> list[str]:
    """This function will give ten new codes, each of 49 random bits; those before work no more."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=user, mark=_hash(code)) for code in codes)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def recovery_codes_left(user: User) -> int:
    """This function will count the codes on paper that still work."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def digits_at(app: AuthenticatorApp, step: int) -> str:
    """This function will give the six digits that an app shows in a step of 30 seconds, counted since 1970."""
    # The apps and most sites use secrets of 160 bits; cryptography asks for as many.
    return TOTP(base64.b32decode(app.secret), 6, SHA1(), STEP_SECONDS).generate(step * STEP_SECONDS).decode()  # noqa: S303


def _take_digits(app: AuthenticatorApp, code: str, now: datetime) -> bool:
    """A clock may be a step before ours or behind it."""
    digits = code.replace(" ", "")
    here = int(now.timestamp()) // STEP_SECONDS
    for step in (here - 1, here, here + 1):
        if step > app.last_step and constant_time_compare(digits_at(app, step), digits):
            app.last_step = step
            app.save(update_fields=["last_step"])
            return True
    return False


def _take_recovery_code(user: User, code: str, now: datetime) -> bool:
    written = code.replace(" ", "").replace("-", "").lower()
    if not RecoveryCode.objects.filter(user=user, mark=_hash(written), used_at=None).update(used_at=now):
        return False
    notify(type="account.recovery_code_used", audience=[user], context={"left": recovery_codes_left(user)}, now=now)
    return True


def _new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode()


def _mark(user: User) -> str:
    return user.second_factor_at.isoformat() if user.second_factor_at else ""


def _hash(code: str) -> str:
    # Not slow: nobody tries 2 to the power of 49 for each of ten codes of an account whose password they do not have.
    return hashlib.sha256(f"carillon.recovery-code.{code}".encode()).hexdigest()
