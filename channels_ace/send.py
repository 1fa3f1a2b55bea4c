"""Saying something: rows first, for people a chunk at a time, and a poke after the commit. Read next: fan_out.py, delivery.py."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import QuerySet

from channels_ace.audience import Audience, People
from channels_ace.fan_out import begin, go_on, let_nobody_in, start
from channels_ace.message_types import MessageType, find
from channels_ace.models import Delivery, Message
from channels_ace.silent import tell_readers


class Refused(ValueError):
    """This cannot be said; nothing was written. The text names what is wrong."""


class KeyReused(Refused):
    """The idempotency key already stands for a message with other words."""


def send(
    *,
    type: str,
    audience: Audience,
    now: datetime,
    context: Mapping[str, Any] | None = None,
    scope: str = "",
    thread: str = "",
    link: str = "",
    channels: Iterable[str] | None = None,
    idempotency_key: str = "",
    send_after: datetime | None = None,
    expires_at: datetime | None = None,
) -> Message:
    """This function will say something to an audience (users, their ids, or a queryset of users), once for each idempotency key.

    Writes the message and, for every recipient and channel, either a delivery that will be sent or the reason why not.
    Called again with the same key it returns the first message, after finishing a fan-out that was cut short.
    Raises UnknownType, Refused (a missing variable, a channel the type does not have) and KeyReused.
    """
    message_type = find(type)
    draft = draft_message(
        message_type,
        now=now,
        context=context,
        scope=scope,
        thread=thread,
        link=link,
        channels=channels,
        idempotency_key=idempotency_key,
        send_after=send_after,
        expires_at=expires_at,
    )
    people = People(audience)
    with transaction.atomic():
        message, created = _first(draft)
        if created:
            begin(message, message_type, people, now)
    if message.fingerprint != draft.fingerprint:
        raise KeyReused(f"The idempotency key {message.idempotency_key!r} already stands for another message.")
    return message if message.fanned_out_at else go_on(message, message_type, people, now)


def check_message(*, type: str, context: Mapping[str, Any], scope: str, link: str, channels: Iterable[str] | None, now: datetime) -> None:
    """This function will raise what send() would raise for these words, and write nothing."""
    draft_message(find(type), now=now, context=context, scope=scope, link=link, channels=channels)


def draft_message(
    message_type: MessageType,
    *,
    now: datetime,
    context: Mapping[str, Any] | None,
    scope: str,
    link: str,
    channels: Iterable[str] | None,
    thread: str = "",
    idempotency_key: str = "",
    send_after: datetime | None = None,
    expires_at: datetime | None = None,
) -> Message:
    """This function will make a message that is not written yet. Raises Refused."""
    starts = start(now, send_after)
    draft = Message(
        type=message_type.name,
        context=_plain(message_type, context or {}),
        link=_storable("link", link),
        scope=_storable("scope", scope),
        thread=_storable("thread", thread),
        channels=_limited(message_type, channels),
        idempotency_key=_storable("idempotency_key", idempotency_key) or f"auto:{uuid4().hex}",
        created_at=now,
        send_after=send_after,
        expires_at=expires_at or (starts + message_type.fresh_for if message_type.fresh_for else None),
    )
    draft.fingerprint = _fingerprint(draft)
    return draft


def cancel(message: Message, now: datetime) -> int:
    """This function will cancel what has not yet been sent of a message, and say how many deliveries that were."""
    with transaction.atomic():
        if Message.objects.filter(pk=message.pk, cancelled_at=None).update(cancelled_at=now):
            let_nobody_in(message)
            # Of what was sent, only a push can be taken back.
            tell_readers(message.pk, now)
        return _cancel(Delivery.objects.filter(message=message), now)


def cancel_scope(scope: str, now: datetime, *, user_id: int) -> int:
    """This function will cancel what has not yet been sent to one person in a scope, and say how many deliveries that were."""
    return _cancel(Delivery.objects.filter(user_id=user_id, message__scope=scope), now)


def cancel_waiting(deliveries: QuerySet[Delivery], now: datetime, *, reason: str) -> int:
    """This function will cancel those deliveries of a set that have not been sent, for a reason, in one statement."""
    return _cancel(deliveries, now, reason)


def leave_to_the_sweep(lane: str) -> None:
    """This function will not poke anybody: the next sweep finds the rows."""


def _cancel(deliveries: QuerySet[Delivery], now: datetime, reason: str = "cancelled") -> int:
    waiting = Delivery.objects.filter(pk__in=deliveries.filter(state__in=Delivery.WAITING).values("pk"), state__in=Delivery.WAITING)
    return waiting.update(state=Delivery.State.CANCELLED, reason=reason, changed_at=now)


def _plain(message_type: MessageType, context: Mapping[str, Any]) -> dict[str, Any]:
    missing = [name for name in message_type.variables if context.get(name) in (None, "")]
    if missing:
        raise Refused(f"{message_type.name} needs {', '.join(missing)} in its context.")
    try:
        written = json.dumps(dict(context), cls=DjangoJSONEncoder, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(f"The context of {message_type.name} is not plain data: {error}.") from error
    plain: dict[str, Any] = json.loads(written)
    for text in _texts(plain):
        _storable("context", text)
    return plain


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, held in value.items():
            yield name
            yield from _texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from _texts(held)


def _storable(name: str, text: str) -> str:
    """This function will give back a text that every database takes: whole characters, no NUL, not longer than its column."""
    longest = getattr(Message._meta.get_field(name), "max_length", None)
    if longest is not None and len(text) > longest:
        raise Refused(f"{name} is longer than {longest} characters.")
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Refused(f"{name} holds a NUL or half a character.")
    return text


def _limited(message_type: MessageType, channels: Iterable[str] | None) -> list[str]:
    if channels is None:
        return list(message_type.channels)
    wanted = list(dict.fromkeys(channels))
    foreign = [name for name in wanted if name not in message_type.channels]
    if foreign:
        raise Refused(f"{message_type.name} does not go out by {', '.join(foreign)}.")
    return wanted


def _fingerprint(message: Message) -> str:
    said = [message.type, message.context, message.link, message.scope, message.channels, *([message.thread] if message.thread else [])]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _first(draft: Message) -> tuple[Message, bool]:
    fields = ("type", "context", "link", "scope", "thread", "channels", "fingerprint", "created_at", "send_after", "expires_at")
    return Message.objects.get_or_create(idempotency_key=draft.idempotency_key, defaults={name: getattr(draft, name) for name in fields})
