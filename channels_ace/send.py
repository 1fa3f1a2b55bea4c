"""Saying something: rows first, one statement a channel and chunk, a poke after the commit. Read next: decision.py, delivery.py."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import DateTimeField, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from channels_ace.audience import Audience, People, with_contact
from channels_ace.channel import registered_channels
from channels_ace.decision import Question, Rule, deny, rules, verdict
from channels_ace.insert import insert_from
from channels_ace.message_types import MessageType, find
from channels_ace.models import Delivery, FanOutChunk, Message


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
    starts = _start(now, send_after)
    draft = Message(
        type=type,
        context=_plain(message_type, context or {}),
        link=_storable("link", link),
        scope=_storable("scope", scope),
        channels=_limited(message_type, channels),
        idempotency_key=_storable("idempotency_key", idempotency_key) or f"auto:{uuid4().hex}",
        created_at=now,
        send_after=send_after,
        expires_at=expires_at or (starts + message_type.fresh_for if message_type.fresh_for else None),
    )
    draft.fingerprint = _fingerprint(draft)
    people = People(audience)
    with transaction.atomic():
        message, created = _first(draft)
        if created:
            _plan_next(message, message_type, people, 0, now)
    if message.fingerprint != draft.fingerprint:
        raise KeyReused(f"The idempotency key {message.idempotency_key!r} already stands for another message.")
    while message.fanned_out_at is None:
        with transaction.atomic():
            # Whoever else sends with this key waits here, and goes on where we stopped.
            message = Message.objects.select_for_update().get(pk=message.pk)
            if message.fanned_out_at is None:
                last = message.chunks.order_by("-number").values_list("last_user_id", flat=True).first()
                _plan_next(message, message_type, people, last or 0, now)
    return message


def cancel(message: Message, now: datetime) -> int:
    """This function will cancel what has not yet been sent of a message, and say how many deliveries that were."""
    with transaction.atomic():
        Message.objects.filter(pk=message.pk, cancelled_at=None).update(cancelled_at=now)
        return _cancel(Delivery.objects.filter(message=message), now)


def cancel_scope(scope: str, now: datetime, *, user_id: int) -> int:
    """This function will cancel what has not yet been sent to one person in a scope, and say how many deliveries that were."""
    return _cancel(Delivery.objects.filter(user_id=user_id, message__scope=scope), now)


def leave_to_the_sweep(lane: str) -> None:
    """This function will not poke anybody: the next sweep finds the rows."""


def _cancel(deliveries: QuerySet[Delivery], now: datetime) -> int:
    waiting = Delivery.objects.filter(pk__in=deliveries.filter(state__in=Delivery.WAITING).values("pk"), state__in=Delivery.WAITING)
    return waiting.update(state=Delivery.State.CANCELLED, reason="cancelled", changed_at=now)


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
    said = [message.type, message.context, message.link, message.scope, message.channels]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _first(draft: Message) -> tuple[Message, bool]:
    fields = ("type", "context", "link", "scope", "channels", "fingerprint", "created_at", "send_after", "expires_at")
    return Message.objects.get_or_create(idempotency_key=draft.idempotency_key, defaults={name: getattr(draft, name) for name in fields})


def _plan_next(message: Message, message_type: MessageType, people: People, after: int, now: datetime) -> None:
    """This function will plan the next chunk in the caller's transaction, and close the fan-out after the last one."""
    chunk, last, is_more = people.next_chunk(after)
    if last is not None and message.cancelled_at is None:
        _do_not_compile()
        # The unique key on (message, first user) is the last word: no chunk is planned twice.
        FanOutChunk.objects.create(message=message, number=after, first_user_id=after + 1, last_user_id=last, done_at=now)
        for name in message.channels:
            _plan(message, message_type, name, chunk, now)
        _poke_on_commit(message_type.lane)
    if last is None or not is_more or message.cancelled_at is not None:
        Message.objects.filter(pk=message.pk).update(fanned_out_at=now)
        message.fanned_out_at = now


def _do_not_compile() -> None:
    """PostgreSQL takes a second to compile a verdict for each chunk, many times what it takes to compute it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL jit = off")


def _plan(message: Message, message_type: MessageType, name: str, people: QuerySet[Any], now: datetime) -> None:
    channel = registered_channels().get(name)
    kinds = channel.contact_kinds if channel else ()
    starts = _start(now, message.send_after)
    expires_at = message.expires_at
    if fresh_for := message_type.fresh_for_channel.get(name):
        # Counted from when it was said, also for the chunks of a fan-out that went on later.
        expires_at = min(filter(None, [expires_at, _start(message.created_at, message.send_after) + fresh_for]))
    question = Question(
        type=message_type,
        channel=name,
        contact_kinds=kinds,
        now=starts,
        scope=Value(message.scope),
        expiry="own_expiry" if expires_at else "",
    )
    asked: list[Rule] = rules(question) if channel else [deny(Q(pk__isnull=False), "unknown_channel")]
    rows = with_contact(people, kinds)
    if expires_at:
        rows = rows.annotate(own_expiry=Value(expires_at, output_field=DateTimeField()))
    rows = rows.annotate(verdict=verdict(asked))
    if channel and not kinds:
        channel.write(message, rows.filter(verdict=0))
        # A channel that is its own store has a delivery row only for what was held back.
        rows = rows.exclude(verdict=0)
    columns: dict[str, str | Combinable] = {"expires_at": "own_expiry"} if expires_at else {}
    columns |= {"channel": Value(name), "lane": Value(message_type.lane)}
    _insert_deliveries(message, columns, rows, asked, starts=starts, now=now)


def _insert_deliveries(
    message: Message, columns: Mapping[str, str | Combinable], rows: QuerySet[Any], asked: list[Rule], *, starts: datetime, now: datetime
) -> None:
    """This function will insert a delivery for every row of (pk, contact, verdict), in the state its verdict gives."""
    columns = {
        **columns,
        "user_id": "pk",
        "contact_point_id": Coalesce("contact", Value(0)),
        "message_id": Value(message.pk),
        "created_at": Value(now, output_field=DateTimeField()),
        "changed_at": Value(now, output_field=DateTimeField()),
    }
    first = Delivery.State.PLANNED if starts > now else Delivery.State.READY
    states = [first, *(rule.state for rule in asked)]
    reasons = ["", *(rule.reason for rule in asked)]
    due = [starts, *(rule.until or now for rule in asked)]
    insert_from(Delivery, columns, rows, by="verdict", looked_up={"state": states, "reason": reasons, "due_at": due})


def _start(now: datetime, send_after: datetime | None) -> datetime:
    return max(now, send_after) if send_after else now


def _poke_on_commit(lane: str) -> None:
    poke = import_string(settings.CHANNELS_ACE["POKE"])
    # A poke may be lost: that costs a little time, and must not look as if nothing had been said.
    transaction.on_commit(lambda: poke(lane), robust=True)
