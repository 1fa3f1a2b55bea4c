"""How a message looks and who it comes from, where one installation serves several sites. Read next: rendering.py.

Another app gives the looks, by dotted path in CHANNELS_ACE["LOOKS"]; without it every message looks the same.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

from channels_ace.models import Delivery


@dataclass(frozen=True, kw_only=True)
class Look:
    """The look of one site. `key` tells looks apart; whatever is empty stays as the installation has it."""

    key: str = ""
    # "Name <address>", from which its e-mail comes.
    sender: str = ""
    # What the texts know of it, as `brand`.
    brand: Mapping[str, Any] = field(default_factory=dict)
    # Texts of its own by (type, file, language): ("discussion.new_response", "email/subject.txt", "en").
    texts: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    # Entered while a message is written for it.
    around: Callable[[], AbstractContextManager[object]] = nullcontext


PLAIN = Look()
Looks = Callable[[Sequence[Delivery]], Mapping[int, Look]]


def looks_of(deliveries: Sequence[Delivery]) -> Mapping[int, Look]:
    """This function will give the looks of deliveries by their key; those that are not in it look as the installation does."""
    path = settings.CHANNELS_ACE.get("LOOKS")
    return _found(path)(deliveries) if path else {}


@cache
def _found(path: str) -> Looks:
    return cast(Looks, import_string(path))
