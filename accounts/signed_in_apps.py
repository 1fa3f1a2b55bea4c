"""Signing in from an app: a short access token, and refresh tokens that survive lost answers. Read next: rest_api/signed_in_apps.py.

A mobile network loses answers. Whoever shows the token before the newest gets the newest again, so that nobody signs in anew because a
reply was lost; whoever shows an older one has a copy of something spent, and the family ends. RFC 9700, section 4.14.2, has the reasons.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare

from accounts.known_browsers import tell_of_sign_in
from accounts.models import SignedInApp, User
from channels_ace.api import remove_devices_of
from notifications.api import notify

ACCESS_LASTS = timedelta(minutes=10)
# A refresh token that nobody renews, and the longest that a family lives however often it is renewed.
REFRESH_LASTS = timedelta(days=30)
FAMILY_LASTS = timedelta(days=180)
# So long the predecessor is good in any case: requests that ran beside each other come back in any order.
OVERLAP = timedelta(seconds=60)
PREFIX = "capp_"
Ended = SignedInApp.Ended


class BadToken(ValueError):
    """The token is not ours, has expired, or its family has ended. Which of them is nobody's business."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What an app gets when it signs in and each time it renews."""

    app: SignedInApp
    access: str
    access_expires_at: datetime
    refresh: str
    refresh_expires_at: datetime


def sign_in(user: User, name: str, now: datetime) -> Tokens:
    """This function will start a family of refresh tokens for a person who has proved who they are, and tell them so."""
    app = SignedInApp.objects.create(user=user, name=name, password_mark=user.get_session_auth_hash(), created_at=now, renewed_at=now)
    tell_of_sign_in(user.pk, name, now)
    return _tokens(app, now)


def first_tokens(public_id: str, now: datetime) -> Tokens:
    """This function will give the first tokens of a family once more, while nothing has been heard of it. Raises BadToken."""
    app = find_living(public_id, now)
    if app.arrived or app.generation > 1:
        raise BadToken
    return _tokens(app, now)


def renew(refresh: str, now: datetime) -> Tokens:
    """This function will give the successor of a refresh token, the same one however often it is asked. Raises BadToken.

    A token older than the immediate predecessor ends the family, and tells its owner.
    """
    public_id, generation, _until = _read(refresh, "refresh")
    app = find_living(public_id, now)
    # A newer one than we know was signed by us too: the database was restored to an earlier state.
    if generation >= app.generation:
        latest = SignedInApp.objects.filter(pk=app.pk, ended_at=None, generation=app.generation)
        latest.update(generation=generation + 1, renewed_at=now)
        # Whoever was faster has made the same successor.
        app.refresh_from_db()
    if generation == app.generation - 1 and (now - app.renewed_at <= OVERLAP or app.arrived < app.generation):
        return _tokens(app, now)
    if end(SignedInApp.objects.filter(pk=app.pk), Ended.REUSED, now):
        notify(type="account.app_signed_out", audience=[app.user_id], context={"app": app.name}, now=now)
    raise BadToken


def app_of(access: str, now: datetime) -> SignedInApp:
    """This function will give the app, with its person, to which a living access token belongs. Raises BadToken."""
    public_id, generation, expires_at = _read(access, "access")
    if datetime.fromtimestamp(expires_at, now.tzinfo) <= now:
        raise BadToken
    app = find_living(public_id, now)
    if app.arrived < generation:
        SignedInApp.objects.filter(pk=app.pk, arrived__lt=generation).update(arrived=generation)
    return app


def living(user_id: int, now: datetime) -> QuerySet[SignedInApp]:
    """This function will list the apps in which a person is signed in, the newest first."""
    mine = SignedInApp.objects.filter(user_id=user_id, ended_at=None)
    return mine.filter(renewed_at__gt=now - REFRESH_LASTS, created_at__gt=now - FAMILY_LASTS).order_by("-pk")


def end(apps: QuerySet[SignedInApp], because: str, now: datetime) -> int:
    """This function will sign apps out, at once, so that no push reaches the devices they registered, and say how many that were."""
    with transaction.atomic():
        ending = dict(apps.filter(ended_at=None).values_list("public_id", "user_id"))
        ended = SignedInApp.objects.filter(public_id__in=ending, ended_at=None).update(ended_at=now, ended_because=because)
        remove_devices_of(ending.keys(), set(ending.values()), now)
    return ended


def find_living(public_id: str, now: datetime) -> SignedInApp:
    """This function will give the app of an id, with its person, while both may come in. Raises BadToken."""
    app = SignedInApp.objects.select_related("user").filter(public_id=public_id, ended_at=None).first()
    if app is None or not app.user.is_active:
        raise BadToken
    if now >= min(app.renewed_at + REFRESH_LASTS, app.created_at + FAMILY_LASTS):
        end(SignedInApp.objects.filter(pk=app.pk), Ended.EXPIRED, now)
        raise BadToken
    marks = [app.user.get_session_auth_hash(), *app.user.get_session_auth_fallback_hash()]
    if not any(constant_time_compare(app.password_mark, mark) for mark in marks):
        end(SignedInApp.objects.filter(pk=app.pk), Ended.PASSWORD, now)
        raise BadToken
    return app


def _tokens(app: SignedInApp, now: datetime) -> Tokens:
    access_expires_at = (now + ACCESS_LASTS).replace(microsecond=0)
    return Tokens(
        app=app,
        access=_signed(app, "access", int(access_expires_at.timestamp())),
        access_expires_at=access_expires_at,
        refresh=_signed(app, "refresh", 0),
        refresh_expires_at=min(app.renewed_at + REFRESH_LASTS, app.created_at + FAMILY_LASTS),
    )


def _signed(app: SignedInApp, use: str, until: int) -> str:
    return PREFIX + _signer(use).sign(f"{app.public_id}.{app.generation}.{until}")


def _read(token: str, use: str) -> tuple[str, int, int]:
    """This function will give (family, generation, end in seconds since 1970 or nought) of a token. Raises BadToken."""
    try:
        public_id, generation, until = _signer(use).unsign(token.removeprefix(PREFIX)).split(".")
    except (BadSignature, UnicodeError) as error:
        raise BadToken from error
    return public_id, int(generation), int(until)


def _signer(use: str) -> Signer:
    # A salt for each use: a refresh token is no access token, and the other way round.
    return Signer(salt=f"carillon.signed-in-app.{use}", sep="~")
