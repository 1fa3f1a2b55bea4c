"""From a message to rows for its people: a chunk a transaction, by one worker or two. Read next: insert.py, decision.py.

A chunk's row in the ledger is committed with its deliveries, so that whoever goes on plans what is missing and nothing twice.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Event, Lock
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from channels_ace.audience import People, with_contact, with_zone
from channels_ace.channel import registered_channels
from channels_ace.decision import Question, Rule, deny, rules, verdict
from channels_ace.insert import Into, insert_each
from channels_ace.message_types import MessageType
from channels_ace.models import Delivery, FanOutChunk, Message

# The database does the work: two of its processes are at it while our threads wait.
WORKERS = 2
# Says of an advisory lock that it is ours.
_FAN_OUT = 0x43617269


def begin(message: Message, message_type: MessageType, people: People, now: datetime) -> None:
    """This function will plan the first chunk in the caller's transaction, and say if that was everyone."""
    last, is_more = people.cut(0)
    if last is not None:
        _plan_chunk(message, message_type, people, 0, last, now)
    if not is_more:
        _close(message, now)


def go_on(message: Message, message_type: MessageType, people: People, now: datetime) -> Message:
    """This function will plan whom the ledger lacks, after waiting for whoever is at it, and give the message as it is then."""
    if connection.in_atomic_block or connection.vendor != "postgresql":
        while message.fanned_out_at is None:
            with transaction.atomic():
                message = _alone(message)
                if message.fanned_out_at is None:
                    _plan_missing(message, message_type, people, now)
        return message
    with transaction.atomic():
        message = _alone(message)
        if message.fanned_out_at is None:
            _plan_together(message, message_type, people, now)
            _close(message, now)
    return message


def _alone(message: Message) -> Message:
    """This function will wait until nobody else plans this message, until the end of the transaction."""
    if connection.vendor == "postgresql":
        # Not the message's own row: who cancels it must not wait for us.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_FAN_OUT, message.pk % 2**31])
    return Message.objects.get(pk=message.pk)


def _plan_missing(message: Message, message_type: MessageType, people: People, now: datetime) -> None:
    """This function will plan the first chunk that is missing, and close the fan-out if there is none."""
    chunk = None if _is_cancelled(message) else next(_missing(message, people), None)
    if chunk:
        _plan_chunk(message, message_type, people, *chunk, now)
    else:
        _close(message, now)


def _plan_together(message: Message, message_type: MessageType, people: People, now: datetime) -> None:
    """This function will have some workers plan all that is missing, each chunk in a transaction of its own."""
    missing, taking, failed = _missing(message, people), Lock(), Event()

    def take() -> tuple[int, int] | None:
        with taking:
            return None if failed.is_set() else next(missing, None)

    def work() -> None:
        try:
            while chunk := take():
                with transaction.atomic():
                    if _is_cancelled(message):
                        return
                    _plan_chunk(message, message_type, people, *chunk, now)
        except BaseException:
            failed.set()
            raise
        finally:
            # This thread's own connection, which nobody else would close.
            connection.close()

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="fan-out") as pool:
        for worker in [pool.submit(work) for _ in range(WORKERS)]:
            worker.result()


def _is_cancelled(message: Message) -> bool:
    """This function will tell whether the message was cancelled; who cancels it now waits for our chunk, and cancels that too."""
    held = Message.objects.filter(pk=message.pk).values_list("cancelled_at", flat=True)
    if connection.vendor != "postgresql":
        return held.get() is not None
    statement, parameters = held.query.sql_with_params()
    with connection.cursor() as cursor:
        # FOR SHARE, since several workers hold it at once.
        cursor.execute(f"{statement} FOR SHARE", parameters)
        return bool(cursor.fetchone()[0])


def _missing(message: Message, people: People) -> Iterator[tuple[int, int]]:
    """This function will yield the chunks between and after those in the ledger: the id before the first and the last id."""
    after = 0
    for first, last in [*message.chunks.order_by("first_user_id").values_list("first_user_id", "last_user_id"), (None, None)]:
        is_more = first is None or first > after + 1
        while is_more:
            end, is_more = people.cut(after, first)
            if end is not None:
                yield after, end
                after = end
        after = last or after


def _plan_chunk(message: Message, message_type: MessageType, people: People, after: int, last: int, now: datetime) -> None:
    """This function will plan the people up to an id in the caller's transaction."""
    _do_not_compile()
    # The unique key on (message, first user) is the last word: no chunk is planned twice.
    FanOutChunk.objects.create(message=message, number=after, first_user_id=after + 1, last_user_id=last, done_at=now)
    for name in message.channels:
        _plan(message, message_type, name, people, (after + 1, last), now)
    _poke_on_commit(message_type.lane)


def _close(message: Message, now: datetime) -> None:
    Message.objects.filter(pk=message.pk).update(fanned_out_at=now)
    message.fanned_out_at = now


def _do_not_compile() -> None:
    """PostgreSQL takes a second to compile a verdict for each chunk, many times what it takes to compute it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL jit = off")


def _plan(message: Message, message_type: MessageType, name: str, people: People, among: tuple[int, int], now: datetime) -> None:
    channel = registered_channels().get(name)
    kinds = channel.contact_kinds if channel else ()
    starts = start(now, message.send_after)
    expires_at = message.expires_at
    if fresh_for := message_type.fresh_for_channel.get(name):
        # Counted from when it was said, also for the chunks of a fan-out that went on later.
        expires_at = min(filter(None, [expires_at, start(message.created_at, message.send_after) + fresh_for]))
    question = Question(
        type=message_type,
        channel=name,
        contact_kinds=kinds,
        now=starts,
        zone="place__time_zone",
        scope=Value(message.scope),
        among=among,
        expiry="own_expiry" if expires_at else "",
    )
    asked: list[Rule] = rules(question) if channel else [deny(Q(pk__isnull=False), "unknown_channel")]
    rows = with_zone(with_contact(people.between(*among), kinds, among), among)
    if expires_at:
        rows = rows.annotate(own_expiry=Value(expires_at, output_field=DateTimeField()))
    deliveries = _deliveries(message, name, message_type.lane, asked, starts=starts, expires=bool(expires_at), now=now)
    tables = [deliveries]
    if channel and not kinds:
        # A channel that is its own store has a delivery row only for what was held back.
        tables = [replace(channel.rows(message), only="= 0"), replace(deliveries, only="<> 0")]
    insert_each(rows.annotate(verdict=verdict(asked)), *tables, by="verdict")


def _deliveries(message: Message, channel: str, lane: str, asked: list[Rule], *, starts: datetime, expires: bool, now: datetime) -> Into:
    """This function will say which delivery a row of (pk, contact, verdict) gets: its state and reason are those of the verdict."""
    columns: dict[str, str | Combinable] = {
        "user_id": "pk",
        "contact_point_id": Coalesce("contact", Value(0)),
        "message_id": Value(message.pk),
        "channel": Value(channel),
        "lane": Value(lane),
        "created_at": Value(now, output_field=DateTimeField()),
        "changed_at": Value(now, output_field=DateTimeField()),
    }
    if expires:
        columns["expires_at"] = "own_expiry"
    first = Delivery.State.PLANNED if starts > now else Delivery.State.READY
    looked_up: dict[str, list[Any]] = {
        "state": [first, *(rule.state for rule in asked)],
        "reason": ["", *(rule.reason for rule in asked)],
        "due_at": [starts, *(rule.until or now for rule in asked)],
    }
    return Into(model=Delivery, columns=columns, looked_up=looked_up)


def start(now: datetime, send_after: datetime | None) -> datetime:
    """This function will tell from when a message may go out."""
    return max(now, send_after) if send_after else now


def _poke_on_commit(lane: str) -> None:
    poke = import_string(settings.CHANNELS_ACE["POKE"])
    # A poke may be lost: that costs a little time, and must not look as if nothing had been said.
    transaction.on_commit(lambda: poke(lane), robust=True)
