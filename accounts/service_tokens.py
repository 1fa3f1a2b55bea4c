"""How other services say who they are: tokens that an operator makes, with scopes. Read next: rest_api/service_tokens.py."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from accounts.models import ServiceToken

# Secret scanners know a leaked one by it.
PREFIX = "carillon_service_"
_SEEN_EVERY = timedelta(minutes=1)


def make_service_token(*, name: str, scopes: Iterable[str], made_by_id: int | None, expires_at: datetime | None, now: datetime) -> str:
    """This function will make a token and give it in clear, once: only its hash is kept."""
    clear = PREFIX + secrets.token_urlsafe(32)
    ServiceToken.objects.create(
        name=name,
        scopes=sorted(scopes),
        made_by_id=made_by_id,
        made_at=now,
        expires_at=expires_at,
        token_hash=_hash(clear),
        hint=clear[-4:],
    )
    return clear


def find_service_token(clear: str, now: datetime) -> ServiceToken | None:
    """This function will find the token that may be used now, and note that it was; None for a wrong, revoked or expired one."""
    found = ServiceToken.objects.filter(token_hash=_hash(clear), revoked_at=None).first()
    if found is None or (found.expires_at is not None and found.expires_at <= now):
        return None
    if found.used_at is None or found.used_at < now - _SEEN_EVERY:
        ServiceToken.objects.filter(pk=found.pk).update(used_at=now)
    return found


def revoke(tokens: Iterable[ServiceToken], now: datetime) -> int:
    """This function will end tokens at once, and say how many were still good."""
    return ServiceToken.objects.filter(pk__in=[token.pk for token in tokens], revoked_at=None).update(revoked_at=now)


def _hash(clear: str) -> str:
    # 256 random bits need no slow hash: nobody guesses them.
    return hashlib.sha256(clear.encode()).hexdigest()
