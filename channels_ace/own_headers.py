"""Headers that another app gives to what goes out, by dotted path in CHANNELS_ACE["HEADERS"]. Read next: prepare.py."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from channels_ace.message_types import MessageType

Headers = Callable[[MessageType, int], Mapping[str, str]]


def own_headers(channel: str, message_type: MessageType, user_id: int) -> Mapping[str, str]:
    """This function will give the headers for one person's copy of a message of a type; none where nobody gives any."""
    path = settings.CHANNELS_ACE.get("HEADERS", {}).get(channel)
    return _found(path)(message_type, user_id) if path else {}


@cache
def _found(path: str) -> Headers:
    return cast(Headers, import_string(path))
