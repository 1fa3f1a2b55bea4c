"""From a message to rows for its people: a chunk a transaction, by one worker or two. Read next: insert.py, decision.py.

A chunk's row in the ledger is committed with its deliveries, so that whoever goes on plans what is missing and nothing twice. Whom it
is for is written down with the first of several chunks: what is cut short, the sweep goes on with.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Event, Lock
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import DateTimeField, Max, Min, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from channels_ace.audience import Everyone, People, with_contact, with_zone
from channels_ace.channel import registered_channels, without_addresses
from channels_ace.decision import Question, Rule, deny, rules, verdict
from channels_ace.insert import Into, Statement, compile_each, insert_compiled
from channels_ace.message_types import MessageType, UnknownType, find
from channels_ace.models import Delivery, FanOut, FanOutChunk, Message

logger = logging.getLogger(__name__)

# The database does the work: two of its processes are at it while our threads wait.
WORKERS = 2
# A sweep has more to do: what is left then is planned by the next, a quarter of a minute later.
MOST_CHUNKS_A_SWEEP = 20
# People of a long fan-out who are planned before the caller's transaction ends.
FIRST = 2_000
# Stand for the first and the last id of a chunk in what is compiled for all of them; any column of ids takes them.
_ENDS = (2_147_011_973, 2_147_011_979)
# Says of an advisory lock that it is ours.
_FAN_OUT = 0x43617269

# The id before the first, the last id, and how many people that are.
Chunk = tuple[int, int, int]


def begin(message: Message, message_type: MessageType, people: People, now: datetime) -> None:
    """This function will plan the first chunk in the caller's transaction, and say if that was everyone.

    What is for all of many accounts is kept once where the channel can do that, so that it is there at once.
    """
    if people.everyone and people.has_more_than(settings.CHANNELS_ACE["KEPT_ONCE_ABOVE"]):
        _begin_for_all(message, now)
        return
    first = people.cut(0)
    if first.is_more:
        # What is wrong with it is found here, and the rest is shared by the workers.
        first = people.cut(0, most=FIRST)
    if first.last is not None:
        _Plan(message, message_type, people, now).write((0, first.last, first.people))
    if first.is_more:
        people.write_down(message.pk, now)
    else:
        _close(message, now)


def go_on(message: Message, message_type: MessageType, people: People, now: datetime) -> Message:
    """This function will plan whom the ledger lacks, after waiting for whoever is at it, and give the message as it is then."""
    plan: _Plan | None = None
    if connection.in_atomic_block or connection.vendor != "postgresql":
        while message.fanned_out_at is None:
            with transaction.atomic():
                message = _alone(message)
                if message.fanned_out_at is None:
                    plan = plan or _Plan(message, message_type, _fixed(people, message), now)
                    _plan_missing(plan)
        return message
    with transaction.atomic():
        message = _alone(message)
        if message.fanned_out_at is None:
            _plan_together(_Plan(message, message_type, _fixed(people, message), now))
            _finish(message, now)
    return message


def let_in(message: Message, channel: str, user_id: int, now: datetime) -> None:
    """This function will decide and write for one person what a channel keeps for all: their row, or why they have none."""
    try:
        message_type = find(message.type)
    except UnknownType:
        end = {"state": Delivery.State.DEAD, "reason": "unknown_type", "due_at": now, "created_at": now, "changed_at": now}
        Delivery.objects.create(message=message, user_id=user_id, channel=channel, contact_point_id=0, lane="bulk", **end)
        return
    _Plan(message, message_type, People([user_id]), now).write_over(channel, user_id, user_id)


def plan_over(message: Message, channel: str, users: QuerySet[Any], now: datetime) -> None:
    """This function will plan a message that was written in a batch over one of its channels, for some users, in the caller's transaction.

    Where nothing can reach one of them that way, the delivery says why.
    """
    ends = users.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is not None:
        _Plan(message, find(message.type), People(users), now).write_over(channel, ends["first"], ends["last"])
        poke_on_commit(find(message.type).lane)


def resume(now: datetime) -> int:
    """This function will go on with the fan-outs that nobody is at, and say how many chunks it planned.

    One that cannot go on says why to the operator, and stops no other.
    """
    planned = 0
    for begun in FanOut.objects.defer("user_ids").select_related("message").order_by("pk"):
        try:
            planned += _resume(begun, now, MOST_CHUNKS_A_SWEEP - planned)
        except Exception as error:
            logger.exception("The fan-out of message %s cannot go on", begun.message.public_id)
            FanOut.objects.filter(pk=begun.pk).update(trouble=without_addresses(f"{type(error).__name__}: {error}"))
        if planned >= MOST_CHUNKS_A_SWEEP:
            break
    return planned


def _resume(begun: FanOut, now: datetime, most: int) -> int:
    message_type = find(begun.message.type)
    plan: _Plan | None = None
    for planned in range(most):
        with transaction.atomic():
            if not _is_free(begun.message):
                return planned
            message = Message.objects.get(pk=begun.pk)
            if message.fanned_out_at is not None:
                return planned
            plan = plan or _Plan(message, message_type, _people_of(begun), now)
            if not _plan_missing(plan):
                return planned
    return most


def _begin_for_all(message: Message, now: datetime) -> None:
    through = get_user_model()._default_manager.order_by("-pk").values_list("pk", flat=True)[0]
    for name in message.channels:
        if keep_for_all := _keeper(name):
            keep_for_all(message, through)
    if all(_keeper(name) for name in message.channels):
        _close(message, now)
    else:
        People(Everyone(through)).write_down(message.pk, now)


def let_nobody_in(message: Message) -> None:
    """This function will end what channels keep for all of a message: who has not got it yet will not."""
    for name in message.channels:
        if _keeper(name):
            registered_channels()[name].forget_for_all(message)


def _keeper(name: str) -> Callable[[Message, int], None] | None:
    return getattr(registered_channels().get(name), "keep_for_all", None)


def _fixed(people: People, message: Message) -> People:
    """This function will give everyone as they were when it was said."""
    begun = FanOut.objects.defer("user_ids").filter(pk=message.pk).first() if people.everyone else None
    return People(Everyone(begun.everyone_through)) if begun else people


def _people_of(begun: FanOut) -> People:
    if begun.everyone_through is not None:
        return People(Everyone(begun.everyone_through))
    return People(int(key) for key in begun.user_ids.split(","))


def _is_free(message: Message) -> bool:
    """This function will keep others from planning this message until the end of the transaction, and tell whether nobody else is at it."""
    if connection.vendor != "postgresql":
        # The transaction itself is the lock (it begins IMMEDIATE).
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_FAN_OUT, message.pk % 2**31])
        return bool(cursor.fetchone()[0])


def _alone(message: Message) -> Message:
    """This function will wait until nobody else plans this message, until the end of the transaction."""
    if connection.vendor == "postgresql":
        # Not the message's own row: who cancels it must not wait for us.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_FAN_OUT, message.pk % 2**31])
    return Message.objects.get(pk=message.pk)


def _plan_missing(plan: "_Plan") -> bool:
    """This function will plan the first chunk that is missing; where there is none it closes the fan-out and says no."""
    chunk = None if _is_cancelled(plan.message) else next(_missing(plan.message, plan.people), None)
    if chunk is None:
        _finish(plan.message, plan.now)
        return False
    plan.write(chunk)
    return True


def _plan_together(plan: "_Plan") -> None:
    """This function will have some workers plan all that is missing, each chunk in a transaction of its own."""
    missing, taking, failed = _missing(plan.message, plan.people), Lock(), Event()

    def take() -> Chunk | None:
        with taking:
            return None if failed.is_set() else next(missing, None)

    def work() -> None:
        try:
            while chunk := take():
                with transaction.atomic():
                    if _is_cancelled(plan.message):
                        return
                    plan.write(chunk)
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


def _missing(message: Message, people: People) -> Iterator[Chunk]:
    """This function will yield the chunks between and after those in the ledger."""
    after = 0
    for first, last in [*message.chunks.order_by("first_user_id").values_list("first_user_id", "last_user_id"), (None, None)]:
        is_more = first is None or first > after + 1
        while is_more:
            end, number, is_more = people.cut(after, first)
            if end is not None:
                yield after, end, number
                after = end
        after = last or after


class _Plan:
    """What is said to whom, by the rules as they are when it is first written; compiling them takes longer than deciding for thousands."""

    def __init__(self, message: Message, message_type: MessageType, people: People, now: datetime) -> None:
        self.message, self.people, self.now = message, people, now
        self._type = message_type
        self._compiled: dict[str, list[Statement]] = {}
        self._compiling = Lock()

    def write(self, chunk: Chunk) -> None:
        """This method will plan the people up to an id in the caller's transaction."""
        after, last, number = chunk
        # The unique key on (message, first user) is the last word: no chunk is planned twice.
        ends = {"number": after, "first_user_id": after + 1, "last_user_id": last}
        FanOutChunk.objects.create(message=self.message, **ends, people=number, done_at=self.now)
        is_kept = self.people.everyone is not None and self.people.everyone.through is not None
        for name in self.message.channels:
            if not (is_kept and _keeper(name)):
                self.write_over(name, after + 1, last)
        poke_on_commit(self._type.lane)

    def write_over(self, name: str, first: int, last: int) -> None:
        """This method will plan the people from one id to another over a channel, in the caller's transaction."""
        channel = registered_channels().get(name)
        if channel and not channel.contact_kinds:
            channel.announce(first, last)
        if self.people.are_asked_for:
            with self._compiling:
                if name not in self._compiled:
                    self._compiled[name] = self._compile(name, _ENDS)
            insert_compiled(self._compiled[name], dict(zip(_ENDS, (first, last), strict=True)))
        else:
            insert_compiled(self._compile(name, (first, last)))

    def _compile(self, name: str, among: tuple[int, int]) -> list[Statement]:
        rows, *tables = _selected(self.message, self._type, name, self.people, among, self.now)
        return compile_each(rows, *tables, by="verdict")


def _close(message: Message, now: datetime) -> None:
    Message.objects.filter(pk=message.pk).update(fanned_out_at=now)
    message.fanned_out_at = now


def _finish(message: Message, now: datetime) -> None:
    FanOut.objects.filter(pk=message.pk).delete()
    _close(message, now)


def _selected(
    message: Message, message_type: MessageType, name: str, people: People, among: tuple[int, int], now: datetime
) -> tuple[Any, ...]:
    """This function will give the people from one id to another with their verdicts, and the tables that they go into."""
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
        thread=Value(message.thread),
        among=among,
        expiry="own_expiry" if expires_at else "",
    )
    asked: list[Rule] = rules(question) if channel else [deny(Q(pk__isnull=False), "unknown_channel")]
    rows = with_zone(with_contact(people.between(*among), kinds, among, verified=not message_type.to_unverified), among)
    if expires_at:
        rows = rows.annotate(own_expiry=Value(expires_at, output_field=DateTimeField()))
    deliveries = _deliveries(message, name, message_type.lane, asked, starts=starts, expires=bool(expires_at), now=now)
    tables = [deliveries]
    if channel and not kinds:
        # A channel that is its own store has a delivery row only for what was held back.
        tables = [replace(channel.rows(message), only="= 0"), replace(deliveries, only="<> 0")]
    return rows.annotate(verdict=verdict(asked)), *tables


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
    return Into(model=Delivery, columns=columns, looked_up=ends_of(asked, starts=starts, now=now))


def ends_of(asked: Sequence[Rule], *, starts: datetime, now: datetime) -> dict[str, list[Any]]:
    """This function will list the columns of a delivery that hang on the verdict: first those of who may get it, then of each rule."""
    return {
        "state": [Delivery.State.PLANNED if starts > now else Delivery.State.READY, *(rule.state for rule in asked)],
        "reason": ["", *(rule.reason for rule in asked)],
        "due_at": [starts, *(rule.until or now for rule in asked)],
    }


def start(now: datetime, send_after: datetime | None) -> datetime:
    """This function will tell from when a message may go out."""
    return max(now, send_after) if send_after else now


def poke_on_commit(lane: str) -> None:
    """This function will wake the workers of a lane once this is committed."""
    poke = import_string(settings.CHANNELS_ACE["POKE"])
    # A poke may be lost: that costs a little time, and must not look as if nothing had been said.
    transaction.on_commit(lambda: poke(lane), robust=True)
