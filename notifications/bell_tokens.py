"""What lets a bell on another site into one person's inbox for a few minutes. Read next: rest_api/bell_tokens.py, docs/embedding.md.

Nothing is stored: a token is signed, holds whose it is, and ends with the person's password, their account, or its time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

LASTS = timedelta(minutes=10)
PREFIX = "bell_"
_SALT = "carillon.bell"


@dataclass(frozen=True)
class BellToken:
    """A token as the other site gets it, and when it ends."""

    token: str
    expires_at: datetime


def make_bell_token(user: Any, now: datetime) -> BellToken:
    """This function will make a token for a person."""
    ends = now + LASTS
    return BellToken(PREFIX + signing.dumps([user.pk, int(ends.timestamp()), _state_of(user)], salt=_SALT), ends)


def owner_of(token: str, now: datetime) -> Any | None:
    """This function will give the person of a token that holds; None for one that was made up, is over, or was ended."""
    try:
        user_id, ends, state = signing.loads(token.removeprefix(PREFIX), salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if not token.startswith(PREFIX) or now.timestamp() >= ends:
        return None
    user: Any = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    return user if user is not None and constant_time_compare(state, _state_of(user)) else None


def _state_of(user: Any) -> str:
    """This function will give what changes with the person's password."""
    return salted_hmac(_SALT, user.get_session_auth_hash()).hexdigest()[:16]
