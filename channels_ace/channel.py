"""What a channel is: the carrier's side of a delivery. Read next: delivery.py, which calls it, and channels/, one file per carrier."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from channels_ace.insert import Into
    from channels_ace.models import Message

# A provider is slow when it takes ten seconds; a delivery's lease is longer than that, so an answer is recorded before the lease ends.
CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 10.0

_DETAIL_LENGTH = 200
_ANY_EMAIL = re.compile(r"[^\s<>@\"'(),;:]+@[^\s<>@\"'(),;:]+")
_ANY_NUMBER = re.compile(r"\+?\d{7,}")
_ANY_TOKEN = re.compile(r"[A-Za-z0-9_:\-]{40,}")


class Outcome(StrEnum):
    """What one request to a provider came to. When in doubt it is UNKNOWN: a second text is worse than a question mark."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # certainly not accepted, may be tried again
    PERMANENT = "permanent"  # certainly not accepted, and never will be
    UNKNOWN = "unknown"  # may have been accepted


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One provider request. The address is in clear here and nowhere else."""

    token: str  # the attempt's uuid; the provider gets it as correlation, so that its receipts find the attempt
    to: str = field(repr=False)
    to_kind: str  # ContactPoint kind: email, phone, device_token, device_fid
    parts: Mapping[str, str] = field(repr=False)  # rendered parts by name, those that the channel asks for
    type: str
    message_id: str
    language: str
    ttl_seconds: int | None  # how long the message is still worth something
    link: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    promotional: bool = False
    sender: str = ""  # "Name <address>" in place of settings.DEFAULT_FROM_EMAIL
    badge: int | None = None  # the number that the app's icon shows from now on; None leaves it as it is
    silent: bool = False  # nothing on the screen: the app is told `data`, and what waits under the same message_id is replaced


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The answer to one request. `code` is for programs, `detail` is the provider's own words without any address."""

    outcome: Outcome
    code: str = ""
    detail: str = ""
    provider_message_id: str = ""
    retry_after_seconds: int | None = None
    address_is_dead: bool = False  # nobody is reached there any more: the contact point goes
    parts: int = 1  # what is paid for: the segments of a text


class Channel(Protocol):
    """A way to reach a person. `send` makes exactly one provider request per outgoing it has taken from the batch, and takes at
    most `at_once` of them ahead of the receipts it has given: what a caller whose lease runs out has not handed over does not go
    out. It raises for no item."""

    name: str
    provider: str
    contact_kinds: tuple[str, ...]
    parts: tuple[str, ...]
    batch_size: int
    # How many attempts may be committed at once (hand_over.py): as many may be in doubt after a kill. A text is never one of several.
    at_once: int = 1
    # Whether what it carries sets the number on an app's icon (badges.py).
    shows_badge: bool = False
    # Whether it can tell an app something with nothing on the screen (silent.py).
    tells_silently: bool = False
    # What it cannot do without: a key of CHANNELS_ACE_PROVIDERS, and options of it.
    needs: tuple[str, tuple[str, ...]] = ("", ())

    def originator(self, type_name: str) -> str:
        """This function will name what a type's texts come from, since that is what a rate is for; empty where the provider chooses."""
        return ""

    def send(self, batch: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, Receipt]]:
        """This function will hand each outgoing to the provider and yield it with what the provider answered."""
        ...


class Store(Protocol):
    """A channel that is its own carrier: its rows are written in the statement that plans the message, and it needs no address."""

    name: str
    contact_kinds: tuple[str, ...]

    def rows(self, message: "Message") -> "Into":
        """This function will say which row a user, a row of the user model, gets of the message."""
        ...

    def keep_for_all(self, message: "Message", through: int) -> None:
        """This function will keep one row for all whose id is not above `through`; each gets their own when they look (let_in)."""
        ...

    def forget_for_all(self, message: "Message") -> None:
        """This function will let nobody else get what was kept for all: the message was cancelled."""
        ...

    def announce(self, first_user_id: int, last_user_id: int) -> None:
        """This function will learn, in the transaction, that rows may have been written for users from one id to another."""
        ...


def carriers() -> dict[str, Channel]:
    """This function will give the channels that a provider carries, by name."""
    return {name: channel for name, channel in registered_channels().items() if not hasattr(channel, "rows")}


def registered_channels() -> dict[str, Any]:
    """This function will give every channel of the settings by name, made once a process; of several with a name, the first."""
    return {name: found[0] for name, found in _load(tuple(settings.CHANNELS_ACE["CHANNELS"])).items()}


def providers(name: str) -> list[Channel]:
    """This function will list the channels of a name, one for each provider, in the order in which they are preferred."""
    return _load(tuple(settings.CHANNELS_ACE["CHANNELS"])).get(name, [])


@cache
def _load(paths: tuple[str, ...]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for path in paths:
        channel = import_string(path)()
        found.setdefault(channel.name, []).append(channel)
    return found


def provider_settings(name: str) -> Mapping[str, Any]:
    """This function will return the settings of one provider: a key of CHANNELS_ACE_PROVIDERS."""
    providers: Mapping[str, Mapping[str, Any]] = getattr(settings, "CHANNELS_ACE_PROVIDERS", {})
    return providers.get(name, {})


def sender_of(provider: Mapping[str, Any], type_name: str, default: str) -> str:
    """This function will give the number or name that a type of text comes from: its own, its app's, or the provider's default.

    Types with another sender have another opt-out list at the provider, if the sender was given one there.
    """
    senders: Mapping[str, str] = provider.get("senders") or {}
    return str(senders.get(type_name) or senders.get(type_name.partition(".")[0]) or provider.get(default) or "")


def without_addresses(text: object, *addresses: str) -> str:
    """This function will make a provider's error text fit to keep: one short line without these addresses and all that looks like one."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    for address in addresses:
        line = _pattern_of(address).sub("[address]", line)
    for pattern, name in ((_ANY_EMAIL, "[address]"), (_ANY_NUMBER, "[number]"), (_ANY_TOKEN, "[token]")):
        line = pattern.sub(name, line)
    return line[:_DETAIL_LENGTH]


def seconds_of(retry_after: object) -> int | None:
    """This function will read a Retry-After header given in seconds (RFC 9110, 10.2.3); a date or nonsense gives None."""
    text = str(retry_after)
    return int(text) if text.isascii() and text.isdecimal() else None


def never_connected(error: BaseException) -> bool:
    """This function will tell of an HTTP library's error whether no connection came about, so that nothing can have been sent."""
    # Imported here, since the web process never sends and must not pay for the library.
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (ConnectTimeoutError, NewConnectionError)):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _pattern_of(address: str) -> re.Pattern[str]:
    if not address:
        return re.compile(r"(?!)")
    digits = address.lstrip("+")
    if digits.isdecimal():
        # Providers print numbers grouped as people write them.
        return re.compile(r"\+?" + r"[\s().-]*".join(digits))
    return re.compile(re.escape(address), re.IGNORECASE)
