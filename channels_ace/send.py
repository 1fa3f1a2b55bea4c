"""Saying something: rows first, one statement a channel and chunk, a poke after the commit. Read next: decision.py, delivery.py."""

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import DateTimeField, F, FilteredRelation, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from channels_ace.channel import registered_channels
from channels_ace.decision import Question, Rule, rules, verdict
from channels_ace.insert import insert_from
from channels_ace.message_types import MessageType, find
from channels_ace.models import Delivery, FanOutChunk, Message

logger = logging.getLogger(__name__)

CHUNK = 20_000

Audience = QuerySet[Any] | Iterable[AbstractBaseUser] | Iterable[int]


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
    draft = Message(
        type=type,
        context=_plain(message_type, context or {}),
        link=link,
        scope=scope,
        channels=_limited(message_type, channels),
        idempotency_key=idempotency_key or f"auto:{uuid4().hex}",
        created_at=now,
        send_after=send_after,
        expires_at=expires_at or (now + message_type.fresh_for if message_type.fresh_for else None),
    )
    draft.fingerprint = _fingerprint(draft)
    people = _people(audience)
    chunks = _chunks(people)
    with transaction.atomic():
        message, created = _first(draft)
        if created:
            _plan_next(message, message_type, people, chunks, now)
    if not created and message.fingerprint != draft.fingerprint:
        raise KeyReused(f"The idempotency key {message.idempotency_key!r} already stands for another message.")
    if message.fanned_out_at is None:
        rest = chunks if created else _chunks(people, after=_last_planned(message))
        while _plan_next(message, message_type, people, rest, now):
            continue
        Message.objects.filter(pk=message.pk).update(fanned_out_at=now)
        message.fanned_out_at = now
    _poke_on_commit(message_type.lane)
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
        plain: dict[str, Any] = json.loads(json.dumps(dict(context), cls=DjangoJSONEncoder))
    except (TypeError, ValueError) as error:
        raise Refused(f"The context of {message_type.name} is not plain data: {error}.") from error
    written = json.dumps(plain)
    # After an even number of backslashes: what somebody wrote about \\u0000 is no NUL.
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", written):
        raise Refused(f"The context of {message_type.name} holds a NUL character.")
    try:
        json.dumps(plain, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Refused(f"The context of {message_type.name} holds half a character.") from error
    return plain


def _limited(message_type: MessageType, channels: Iterable[str] | None) -> list[str]:
    if channels is None:
        return list(message_type.channels)
    wanted = list(channels)
    foreign = [name for name in wanted if name not in message_type.channels]
    if foreign:
        raise Refused(f"{message_type.name} does not go out by {', '.join(foreign)}.")
    return wanted


def _fingerprint(message: Message) -> str:
    said = [message.type, message.context, message.link, message.scope, message.channels]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _first(draft: Message) -> tuple[Message, bool]:
    fields = ("type", "context", "link", "scope", "channels", "fingerprint", "created_at", "send_after", "expires_at")
    return Message.objects.get_or_create(
        idempotency_key=draft.idempotency_key, defaults={name: getattr(draft, name) for name in fields}
    )


def _people(audience: Audience) -> QuerySet[Any]:
    users = get_user_model()._default_manager.all()
    if isinstance(audience, QuerySet):
        return users.filter(pk__in=audience.order_by().values("pk"))
    return users.filter(pk__in={person.pk if isinstance(person, AbstractBaseUser) else person for person in audience})


def _chunks(people: QuerySet[Any], after: int = 0) -> Iterator[tuple[int, int]]:
    """This function will yield (after, last) user ids, each range holding up to CHUNK people."""
    while True:
        ahead = people.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
        last = ahead[CHUNK - 1 : CHUNK].first() or ahead.last()
        if last is None:
            return
        yield after, last
        after = last


def _last_planned(message: Message) -> int:
    last = message.chunks.order_by("-number").values_list("last_user_id", flat=True).first()
    return last or 0


def _plan_next(
    message: Message, message_type: MessageType, people: QuerySet[Any], chunks: Iterator[tuple[int, int]], now: datetime
) -> bool:
    bounds = next(chunks, None)
    if bounds is None:
        return False
    after, last = bounds
    with transaction.atomic():
        number = message.chunks.count() + 1
        # The unique key on (message, number) makes a second planner of the same chunk wait, then fail instead of doubling.
        FanOutChunk.objects.create(message=message, number=number, first_user_id=after + 1, last_user_id=last, done_at=now)
        for name in message.channels:
            _plan(message, message_type, name, people.filter(pk__gt=after, pk__lte=last), now)
    return True


def _plan(message: Message, message_type: MessageType, name: str, people: QuerySet[Any], now: datetime) -> None:
    channel = registered_channels()[name]
    expires_at = message.expires_at
    if fresh_for := message_type.fresh_for_channel.get(name):
        expires_at = min(filter(None, [expires_at, now + fresh_for]))
    question = Question(
        type=message_type,
        channel=name,
        contact_kinds=channel.contact_kinds,
        now=message.send_after or now,
        scope=Value(message.scope),
    )
    asked: list[Rule] = rules(question)
    rows = with_contact(people, channel.contact_kinds).annotate(verdict=verdict(asked))
    if not channel.contact_kinds:
        channel.write(message, rows.filter(verdict=0))
        # A channel that is its own store has a delivery row only for what was held back.
        rows = rows.exclude(verdict=0)
    _insert_deliveries(message, message_type.lane, name, rows, asked, expires_at=expires_at, now=now)


def _insert_deliveries(
    message: Message, lane: str, channel: str, rows: QuerySet[Any], asked: list[Rule], *, expires_at: datetime | None, now: datetime
) -> None:
    """This function will insert a delivery for every row of (pk, contact, verdict), in the state its verdict gives."""
    due_at = message.send_after or now
    first = Delivery.State.PLANNED if due_at > now else Delivery.State.READY
    columns: dict[str, str | Combinable] = {
        "user_id": "pk",
        "contact_point_id": Coalesce("contact", Value(0)),
        "message_id": Value(message.pk),
        "channel": Value(channel),
        "lane": Value(lane),
        "created_at": Value(now, output_field=DateTimeField()),
        "changed_at": Value(now, output_field=DateTimeField()),
    }
    if expires_at is not None:
        columns["expires_at"] = Value(expires_at, output_field=DateTimeField())
    states = [first, *(Delivery.State.DEFERRED if rule.until else Delivery.State.SUPPRESSED for rule in asked)]
    reasons = ["", *(rule.reason for rule in asked)]
    due = [due_at, *(max(rule.until, due_at) if rule.until else now for rule in asked)]
    insert_from(Delivery, columns, rows, by="verdict", looked_up={"state": states, "reason": reasons, "due_at": due})


def with_contact(people: QuerySet[Any], kinds: Iterable[str]) -> QuerySet[Any]:
    """This function will add to each person the contact points a channel could use now, as `contact` and its blind index (null for none), a row each."""
    kinds = list(kinds)
    if not kinds:
        return people.annotate(contact=Value(0), contact_index=Value(""))
    usable = Q(
        carillon_contact_points__kind__in=kinds,
        carillon_contact_points__verified_at__isnull=False,
        carillon_contact_points__removed_at=None,
    )
    return people.annotate(usable=FilteredRelation("carillon_contact_points", condition=usable)).annotate(
        contact=F("usable__id"), contact_index=F("usable__index")
    )


def _poke_on_commit(lane: str) -> None:
    poke = import_string(settings.CHANNELS_ACE["POKE"])
    transaction.on_commit(lambda: poke(lane))

