"""A delivery's life in the order it runs: claim, decide again, prepare, hand over, record.

Rules kept here (docs/architecture.md, "What is promised"): an attempt row is committed before the first byte leaves;
no transaction is open around the network; every outcome is written only by whoever holds the fence; an answer that
might mean "accepted" is `unknown` and leaves that state only by evidence or by the type's policy. Read next: prepare.py,
hand_over.py, record.py, sweep.py.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from channels_ace.among import among
from channels_ace.channel import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, Channel, Outcome, carriers
from channels_ace.clocked import Clocked
from channels_ace.contact_points import REPLACED
from channels_ace.decision import Question, Rule, made_of, rules, verdict
from channels_ace.gather import gather_all
from channels_ace.hand_over import HandOver
from channels_ace.health import HANDED_ON, PROVIDER_DOWN, choose
from channels_ace.message_types import MessageType, UnknownType, find, registered
from channels_ace.models import Attempt, ContactPoint, Delivery
from channels_ace.prepare import Sending, prepare
from channels_ace.record import ours
from channels_ace.switches import HOLD

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
# A worker that was stopped and resumed must not send what another may have claimed since; the last request it may still
# begin must have its answer recorded before the lease ends.
DEADLINE_SECONDS = LEASE.total_seconds() - CONNECT_TIMEOUT_SECONDS - READ_TIMEOUT_SECONDS - 2
# A STOP that comes while a batch goes out is seen before the next text, whatever the provider's pace.
DECISION_SECONDS = 5
MOST_CLAIMS = 5

State = Delivery.State


@dataclass(frozen=True)
class Claim:
    """Deliveries that are ours until the lease ends. `deadline` is on the local monotonic clock."""

    deliveries: list[Delivery]
    deadline: float


def deliver(now: datetime, *, lane: str | None = None, limit: int = 500) -> int:
    """This function will send what is due in a lane (or all), up to `limit` deliveries, and say how many it claimed."""
    claimed = claim(now, lane=lane, limit=limit)
    for (type_name, channel_name), deliveries in _by_type_and_channel(claimed.deliveries).items():
        try:
            _deliver(deliveries, type_name, channel_name, claimed.deadline, now)
        except Exception:
            # What a policy or a channel breaks must not stop the other types; its rows come back when their lease ends.
            logger.exception("Deliveries of %s by %s broke off", type_name, channel_name)
    return len(claimed.deliveries)


def deliver_all(now: datetime, *, lane: str | None = None) -> int:
    """This function will gather and deliver until nothing is due, and say how many deliveries it claimed."""
    gather_all(now)
    total = 0
    while claimed := deliver(now, lane=lane):
        total += claimed
    return total


def claim(now: datetime, *, lane: str | None = None, limit: int = 500) -> Claim:
    """This function will lease due deliveries, oldest first; no two claims share one."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    due = Delivery.objects.filter(~Delivery.gathered(), state__in=Delivery.WAITING, due_at__lte=now)
    if lane is not None:
        due = due.filter(lane=lane)
    with transaction.atomic():
        # SQLite has no row locks: there the transaction itself is the lock (it begins IMMEDIATE).
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        claimed = _together(list(due.prefetch_related("message").order_by("due_at", "pk")[:limit]), limit)
        if claimed:
            Delivery.objects.filter(among("pk", [delivery.pk for delivery in claimed])).update(
                state=State.SENDING, lease_until=Now() + LEASE, fence=F("fence") + 1, claims=F("claims") + 1, changed_at=now
            )
    for delivery in claimed:
        # As the rows are now: they were locked until their update, and nobody else writes them while the lease holds.
        delivery.state, delivery.fence, delivery.claims = State.SENDING, delivery.fence + 1, delivery.claims + 1
    return Claim(claimed, deadline)


def _together(due: list[Delivery], limit: int) -> list[Delivery]:
    """This function will pick what may be claimed in one go: what was lost before goes in ever smaller company.

    A row that kills its worker loses all that was claimed with it. In batches of 500, 50, 5, 1 and 1 it is alone before its
    claims are used up, and takes nobody along.
    """
    if not due:
        return []
    lost = due[0].claims
    return [delivery for delivery in due if delivery.claims == lost][: max(1, limit // 10**lost)]


def _by_type_and_channel(deliveries: Iterable[Delivery]) -> dict[tuple[str, str], list[Delivery]]:
    groups: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery.message.type, delivery.channel].append(delivery)
    return groups


def _deliver(deliveries: list[Delivery], type_name: str, channel_name: str, deadline: float, now: datetime) -> None:
    poisoned = [delivery for delivery in deliveries if delivery.claims > MOST_CLAIMS]
    if poisoned:
        logger.error("%d deliveries set aside after %d claims without an outcome", len(poisoned), MOST_CLAIMS)
        _end(poisoned, State.DEAD, "poison", now)
        deliveries = [delivery for delivery in deliveries if delivery.claims <= MOST_CLAIMS]
    if channel_name not in carriers():
        _end(deliveries, State.DEAD, "unknown_channel", now)
        return
    try:
        message_type = find(type_name)
    except UnknownType:
        _end(deliveries, State.DEAD, "unknown_type", now)
        return
    for provider, refused in _by_refusal(deliveries).items():
        _carry(refused, message_type, channel_name, provider, deadline, now)


def _by_refusal(deliveries: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    """This function will sort deliveries by the provider that has just refused them, and handed them on."""
    handed_on = [delivery.pk for delivery in deliveries if delivery.reason == HANDED_ON]
    refused = (
        Attempt.objects.filter(delivery__in=handed_on, outcome=Outcome.REFUSED).order_by("pk") if handed_on else Attempt.objects.none()
    )
    last = dict(refused.values_list("delivery_id", "provider"))
    groups: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        groups[last.get(delivery.pk, "")].append(delivery)
    return groups


def _carry(
    deliveries: list[Delivery], message_type: MessageType, channel_name: str, refused_by: str, deadline: float, now: datetime
) -> None:
    while deliveries:
        if time.monotonic() > deadline:
            logger.warning("Stopped before the lease ended; %d deliveries go to the next worker", len(deliveries))
            _end(deliveries, State.READY, "", now)
            return
        channel, is_probe = choose(channel_name, now, refused_by=refused_by)
        if channel is None:
            # Out of the way of the next claim; the sweep brings them back. No attempt is used up.
            _end(deliveries, State.DEFERRED, PROVIDER_DOWN, now, due_at=now + HOLD)
            return
        size = 1 if is_probe else channel.batch_size
        batch, deliveries = deliveries[:size], deliveries[size:]
        sendings = _decide_and_prepare(batch, message_type, channel, now)
        deliveries = _send(sendings, channel, min(deadline, time.monotonic() + DECISION_SECONDS), now) + deliveries


def _decide_and_prepare(deliveries: Sequence[Delivery], message_type: MessageType, channel: Channel, now: datetime) -> list[Sending]:
    """This function will give what may go out, ready to go, and write down why the rest may not."""
    with transaction.atomic():
        refusals = _decide_again(deliveries, message_type, channel, now)
        allowed = [delivery for delivery in deliveries if delivery.pk in refusals]
        sendings, unfit = prepare(allowed, refusals, message_type, channel, now)
        for (state, reason), group in unfit.items():
            _end(group, state, reason, now)
    return sendings


def _decide_again(deliveries: Sequence[Delivery], message_type: MessageType, channel: Channel, now: datetime) -> dict[int, int]:
    """This function will ask the policies again, write every no and later, and return the rest by key with its refusals so far."""
    by_key = {delivery.pk: delivery for delivery in deliveries}
    asked, found = _question(message_type, channel).ask(list(by_key), now)
    decided = [row for row in map(_Decided._make, found) if _is_ours(row, by_key[row.pk])]
    held: dict[int, list[Delivery]] = defaultdict(list)
    for row in decided:
        if row.verdict and row.cancelled is None:
            held[row.verdict].append(by_key[row.pk])
    for number, group in held.items():
        rule = asked[number - 1]
        _end(group, rule.state, rule.reason, now, due_at=rule.until)
    _end([by_key[row.pk] for row in decided if row.cancelled is not None], State.CANCELLED, "cancelled", now)
    if len(decided) < len(deliveries):
        _end_orphans([delivery for delivery in deliveries if delivery.pk not in {row.pk for row in decided}], now)
    return {row.pk: row.refusals for row in decided if not row.verdict and row.cancelled is None}


class _Decided(NamedTuple):
    pk: int
    fence: int
    is_leased: bool
    cancelled: datetime | None
    refusals: int
    verdict: int


def _is_ours(row: _Decided, delivery: Delivery) -> bool:
    return row.is_leased and row.fence == delivery.fence


_questions: dict[tuple[str, str, str], tuple[Any, Clocked]] = {}


def _question(message_type: MessageType, channel: Channel) -> Clocked:
    """This function will give the question whether a type may go over a channel now, made again when what it is made of changes."""
    key = message_type.name, channel.name, channel.provider
    things = settings.CHANNELS_ACE, channel, registered(), made_of(message_type, channel.name)
    known = _questions.get(key)
    if known is None or known[0] != things:
        known = _questions[key] = things, Clocked(partial(_ask_about, message_type, channel))
    return known[1]


def _ask_about(
    message_type: MessageType, channel: Channel, keys: Sequence[int], now: datetime
) -> tuple[list[Rule], QuerySet[Any, tuple[Any, ...]]]:
    """This function will give the rules, and what `_Decided` says of each of the deliveries."""
    still_used = Q(removed_at=None) | Q(removed_reason=REPLACED) if message_type.to_replaced else Q(removed_at=None)
    contact = ContactPoint.objects.filter(
        still_used,
        pk=OuterRef("contact_point_id"),
        user_id=OuterRef("user_id"),
        kind__in=channel.contact_kinds,
    )
    if not message_type.to_unverified:
        contact = contact.filter(verified_at__isnull=False)
    tried = Attempt.objects.filter(delivery=OuterRef("pk"), provider=channel.provider)
    refused = tried.filter(outcome=Outcome.REFUSED).order_by().values("delivery")
    question = Question(
        type=message_type,
        channel=channel.name,
        contact_kinds=channel.contact_kinds,
        now=now,
        user="user_id",
        zone="user__carillon_recipient__time_zone",
        scope=OuterRef("own_scope"),
        thread=OuterRef("own_thread"),
        expiry="own_expiry",
        delivery="pk",
    )
    asked = rules(question)
    rows = Delivery.objects.filter(among("pk", keys)).annotate(
        own_expiry=F("expires_at"),
        own_scope=F("message__scope"),
        own_thread=F("message__thread"),
        contact=Subquery(contact.values("pk")),
        contact_index=Subquery(contact.values("index")),
        cancelled=F("message__cancelled_at"),
        refusals=Coalesce(Subquery(refused.annotate(times=Count("pk")).values("times")), 0),
        is_leased=Q(state=State.SENDING, lease_until__gt=Now()),
    )
    return asked, rows.annotate(verdict=verdict(asked)).values_list(*_Decided._fields)


def _end_orphans(deliveries: Sequence[Delivery], now: datetime) -> None:
    """This function will end the deliveries of people who are gone; those that are merely no longer ours stay untouched."""
    known = set(get_user_model()._default_manager.filter(pk__in={one.user_id for one in deliveries}).values_list("pk", flat=True))
    _end([one for one in deliveries if one.user_id not in known], State.SUPPRESSED, "no_contact_point", now)


def _send(sendings: Sequence[Sending], channel: Channel, deadline: float, now: datetime) -> list[Delivery]:
    """This function will hand over until the deadline, record every answer, and return what was not handed over."""
    batch = HandOver(sendings, channel.provider, deadline, now, at_once=channel.at_once, originator=channel.originator)
    try:
        for outgoing, receipt in channel.send(batch):
            batch.answered(outgoing, receipt)
    finally:
        batch.close()
    return batch.left


def _end(deliveries: Sequence[Delivery], state: State, reason: str, now: datetime, due_at: datetime | None = None) -> None:
    """This function will put deliveries we hold into a state, with its reason."""
    values: dict[str, object] = {"state": state, "reason": reason, "changed_at": now, "lease_until": None, "claims": 0}
    if due_at is not None:
        values["due_at"] = due_at
    if deliveries:
        ours(deliveries).update(**values)
