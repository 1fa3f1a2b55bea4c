"""What can be said: the registry of message types. Read next: send.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from channels_ace.models import Delivery


class Repeat(StrEnum):
    """What to do with a send that may or may not have been accepted."""

    AT_MOST_ONCE = "at_most_once"
    AT_LEAST_ONCE = "at_least_once"


class Hours(StrEnum):
    """When a person may be disturbed: `design` is the table of windows in docs/architecture.md."""

    ANY = "any"
    CONSIDERATE = "considerate"


class UnknownType(LookupError):
    """No app has registered a message type of this name."""


@dataclass(frozen=True, kw_only=True)
class MessageType:
    """A declared sort of message, named "app.name".

    `variables` are the context keys its texts need; a message without one of them is refused before anything is written.
    `lane` is one of settings.LANES. `fresh_for` is how long it is worth sending: None means for ever.
    """

    name: str
    channels: tuple[str, ...]
    variables: tuple[str, ...] = ()
    lane: str = "transactional"
    repeat: Repeat = Repeat.AT_MOST_ONCE
    hours: Hours = Hours.CONSIDERATE
    fresh_for: timedelta | None = None
    fresh_for_channel: Mapping[str, timedelta] = field(default_factory=dict)
    promotional: bool = False
    # What verifies an address is the one thing that goes to it before.
    to_unverified: bool = False
    # What tells an address that another took its place is the one thing that still goes to it (contact_points.py, replace_contact_point).
    to_replaced: bool = False
    # Gives the texts what is known only at the moment of sending, and names the deliveries with nothing left to say.
    fill: Callable[[Sequence["Delivery"], datetime], Sequence["Delivery"]] | None = None


_registered: dict[str, MessageType] = {}


def register(message_type: MessageType) -> None:
    """This function will make a type known. Raises ValueError when another type has its name."""
    known = _registered.get(message_type.name)
    if known is not None and known != message_type:
        raise ValueError(f"Two message types are named {message_type.name!r}.")
    if "." not in message_type.name:
        raise ValueError(f"The message type {message_type.name!r} must be named app.name.")
    _registered[message_type.name] = message_type


def registered() -> list[MessageType]:
    """This function will list every type, in order of name."""
    return [_registered[name] for name in sorted(_registered)]


def find(name: str) -> MessageType:
    """This function will find a type by name. Raises UnknownType."""
    try:
        return _registered[name]
    except KeyError:
        raise UnknownType(f"No message type is named {name!r}.") from None
