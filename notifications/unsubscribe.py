"""Turning e-mail off by a link, without signing in: tokens that name one person and one type, and can do nothing else.

Read next: unsubscribe_views.py. RFC 8058 says what mail programs do with the two headers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.core import signing
from django.db import transaction
from django.urls import reverse

from channels_ace.api import MessageType, UnknownType
from notifications.links import absolute
from notifications.models import Preference
from notifications.registry import WHOLE_CHANNEL, NotificationType, find, registered

LIFETIME = timedelta(days=180)
_SALT = "carillon.unsubscribe"
CHANNEL = "email"


class UnreadableToken(ValueError):
    """The token is not ours, is too old, or names somebody who is gone."""


@dataclass(frozen=True)
class Leaving:
    """Whose e-mail a token may turn off, and about what; no type means all that can be turned off."""

    user_id: int
    type: NotificationType | None


def headers_of(message_type: MessageType, user_id: int) -> Mapping[str, str]:
    """This function will give the headers by which a mail program offers to turn the type off; none for what is locked."""
    if isinstance(message_type, NotificationType) and CHANNEL in message_type.locked:
        return {}
    address = absolute(reverse("unsubscribe", args=[token_of(message_type, user_id)]))
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def token_of(message_type: MessageType, user_id: int) -> str:
    """This function will make a token that turns e-mail of a type off for one person."""
    name = message_type.name if isinstance(message_type, NotificationType) else ""
    return signing.dumps([user_id, name], salt=_SALT)


def read_token(token: str) -> Leaving:
    """This function will tell what a token may do. Raises UnreadableToken."""
    try:
        user_id, name = signing.loads(token, salt=_SALT, max_age=LIFETIME)
        known = find(name) if name else None
    except (signing.BadSignature, UnknownType, TypeError, ValueError) as error:
        raise UnreadableToken from error
    if not get_user_model()._default_manager.filter(pk=user_id).exists():
        raise UnreadableToken
    return Leaving(user_id, known)


def scopes_of(leaving: Leaving) -> list[str]:
    """This function will list what a token's bearer may turn off: the type, its category, all e-mail; the narrowest first."""
    return [leaving.type.scope, str(leaving.type.category), WHOLE_CHANNEL] if leaving.type else [WHOLE_CHANNEL]


@transaction.atomic
def turn_off(leaving: Leaving, scope: str, now: datetime) -> None:
    """This function will turn e-mail of a scope of the token off; done twice it is done once."""
    if scope not in scopes_of(leaving):
        raise UnreadableToken
    mine = Preference.objects.filter(user_id=leaving.user_id, channel=CHANNEL)
    if leaving.type and scope == leaving.type.category:
        # Else a type that was turned on for itself would go on.
        mine.filter(scope__in={known.scope for known in registered() if known.category == scope}).delete()
    Preference.objects.update_or_create(user_id=leaving.user_id, channel=CHANNEL, scope=scope, defaults={"is_on": False, "changed_at": now})
