"""A delivery's life in the order it runs: claim, decide again, commit the attempt, send, record, receipts.

Rules kept here (docs/architecture.md, "What is promised"): an attempt row is committed before the first byte leaves;
no transaction is open around the network; every outcome is written only by whoever holds the fence; an answer that
might mean "accepted" is `unknown` and leaves that state only by evidence or by the type's policy. Read next: sweep.py.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from channels_ace.channel import Channel, Outcome, Outgoing, Receipt, carriers
from channels_ace.crypto import Unreadable
from channels_ace.decision import Question, rules, verdict
from channels_ace.message_types import MessageType, UnknownType, find
from channels_ace.models import Attempt, ContactPoint, Delivery, Suppression
from channels_ace.rendering import known_language, render

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
# A worker that was stopped and resumed must not send what another may have claimed since.
DEADLINE_SECONDS = 0.8 * LEASE.total_seconds()
MOST_CLAIMS = 5
RETRY_AFTER = [timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30)]
RECONCILE_AFTER = timedelta(minutes=10)

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
            message_type = find(type_name)
        except UnknownType:
            _end(deliveries, State.DEAD, "unknown_type", now)
            continue
        channel = carriers().get(channel_name)
        if channel is None:
            _end(deliveries, State.DEAD, "unknown_channel", now)
            continue
        allowed = _decide_again(deliveries, message_type, channel, now)
        for start in range(0, len(allowed), channel.batch_size):
            if time.monotonic() > claimed.deadline:
                logger.warning("Stopped before the lease ended; %d deliveries wait for the sweep", len(allowed) - start)
                break
            _send(allowed[start : start + channel.batch_size], message_type, channel, now)
    return len(claimed.deliveries)


def deliver_all(now: datetime, *, lane: str | None = None) -> int:
    """This function will deliver until nothing is due, and say how many deliveries it claimed."""
    total = 0
    while claimed := deliver(now, lane=lane):
        total += claimed
    return total


def claim(now: datetime, *, lane: str | None = None, limit: int = 500) -> Claim:
    """This function will lease due deliveries, oldest first; no two claims share one."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    due = Delivery.objects.filter(state__in=Delivery.WAITING, due_at__lte=now)
    if lane is not None:
        due = due.filter(lane=lane)
    with transaction.atomic():
        # SQLite has no row locks: there the transaction itself is the lock (it begins IMMEDIATE).
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        ids = list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:limit])
        if ids:
            Delivery.objects.filter(pk__in=ids).update(
                state=State.SENDING, lease_until=Now() + LEASE, fence=F("fence") + 1, claims=F("claims") + 1, changed_at=now
            )
        claimed = list(Delivery.objects.filter(pk__in=ids).select_related("message").order_by("due_at", "pk"))
    poisoned = [delivery for delivery in claimed if delivery.claims > MOST_CLAIMS]
    if poisoned:
        logger.error("%d deliveries set aside after %d claims without an outcome", len(poisoned), MOST_CLAIMS)
        _end(poisoned, State.DEAD, "poison", now)
    return Claim([delivery for delivery in claimed if delivery.claims <= MOST_CLAIMS], deadline)


def _by_type_and_channel(deliveries: Iterable[Delivery]) -> dict[tuple[str, str], list[Delivery]]:
    groups: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery.message.type, delivery.channel].append(delivery)
    return groups


def _decide_again(deliveries: Sequence[Delivery], message_type: MessageType, channel: Channel, now: datetime) -> list[Delivery]:
    """This function will ask the policies again over what was claimed, write every no and later, and return the rest."""
    question = Question(
        type=message_type,
        channel=channel.name,
        contact_kinds=channel.contact_kinds,
        now=now,
        user="user_id",
        contact_point="contact_point_id",
        zone="user__carillon_recipient__time_zone",
        scope=OuterRef("own_scope"),
        expiry="own_expiry",
    )
    asked = rules(question)
    ids = [delivery.pk for delivery in deliveries]
    rows = Delivery.objects.filter(pk__in=ids).annotate(
        own_expiry=F("expires_at"),
        own_scope=F("message__scope"),
        contact_index=Subquery(ContactPoint.objects.filter(pk=OuterRef("contact_point_id")).values("index")[:1]),
    )
    verdicts = dict(rows.annotate(verdict=verdict(asked)).values_list("pk", "verdict"))
    held: dict[int, list[Delivery]] = defaultdict(list)
    allowed = []
    for delivery in deliveries:
        number = verdicts.get(delivery.pk)
        if number == 0:
            allowed.append(delivery)
        elif number is not None:
            held[number].append(delivery)
    for number, group in held.items():
        rule = asked[number - 1]
        if rule.until is not None:
            _end(group, State.DEFERRED, rule.reason, now, due_at=rule.until)
        else:
            _end(group, State.EXPIRED if rule.reason == "expired" else State.SUPPRESSED, rule.reason, now)
    return allowed


def _send(deliveries: Sequence[Delivery], message_type: MessageType, channel: Channel, now: datetime) -> None:
    outgoing = _write_attempts(deliveries, message_type, channel, now)
    by_token = {one.token: delivery for delivery, one in outgoing}
    for one, receipt in channel.send([one for _, one in outgoing]):
        record(by_token[one.token], UUID(one.token), receipt, message_type, now)


def _write_attempts(
    deliveries: Sequence[Delivery], message_type: MessageType, channel: Channel, now: datetime
) -> list[tuple[Delivery, Outgoing]]:
    """This function will render, and commit an attempt for each delivery whose fence is still ours, before anything leaves."""
    points = ContactPoint.objects.select_related("user__carillon_recipient").defer("address")
    contacts = {point.pk: point for point in points.filter(pk__in=[delivery.contact_point_id for delivery in deliveries])}
    words: dict[tuple[int, str], dict[str, str]] = {}
    outgoing: list[tuple[Delivery, Outgoing]] = []
    for delivery in deliveries:
        contact = contacts.get(delivery.contact_point_id)
        if contact is None or contact.user_id != delivery.user_id:
            _end([delivery], State.SUPPRESSED, "contact_removed", now)
            continue
        language = known_language(_language_of(contact))
        key = (delivery.message_id, language)
        try:
            if key not in words:
                words[key] = render(delivery.message, channel.name, channel.parts, language)
            address = contact.address
        except Unreadable:
            _end([delivery], State.DEAD, "address_unreadable", now)
            continue
        except Exception:
            # One broken text must not stop the batch; which one, and why, is in the log with its message.
            logger.exception("Message %s could not be rendered for %s", delivery.message.public_id, channel.name)
            _end([delivery], State.DEAD, "not_rendered", now)
            continue
        outgoing.append((delivery, _outgoing(delivery, message_type, contact, address, words[key], language, now)))
    with transaction.atomic():
        ours = set(_ours([delivery for delivery, _ in outgoing]).values_list("pk", flat=True))
        outgoing = [(delivery, one) for delivery, one in outgoing if delivery.pk in ours]
        Attempt.objects.bulk_create(
            Attempt(token=UUID(one.token), delivery=delivery, fence=delivery.fence, provider=channel.provider, started_at=now)
            for delivery, one in outgoing
        )
    return outgoing


def _language_of(contact: ContactPoint) -> str:
    recipient = getattr(contact.user, "carillon_recipient", None)
    return recipient.language if recipient is not None else ""


def _ours(deliveries: Iterable[Delivery]) -> QuerySet[Delivery]:
    fenced = Q(pk__in=[])
    for delivery in deliveries:
        fenced |= Q(pk=delivery.pk, fence=delivery.fence)
    return Delivery.objects.filter(fenced, state=State.SENDING, lease_until__gt=Now())


def _outgoing(
    delivery: Delivery, message_type: MessageType, contact: ContactPoint, address: str, parts: dict[str, str], language: str, now: datetime
) -> Outgoing:
    remaining = int((delivery.expires_at - now).total_seconds()) if delivery.expires_at else None
    return Outgoing(
        token=str(uuid4()),
        to=address,
        to_kind=contact.kind,
        parts=parts,
        type=message_type.name,
        message_id=delivery.message.public_id,
        language=language,
        ttl_seconds=remaining,
        link=delivery.message.link,
        data={"message_id": delivery.message.public_id, "notification_type": message_type.name.rsplit(".", 1)[-1]},
        promotional=message_type.promotional,
    )


def record(delivery: Delivery, token: UUID, receipt: Receipt, message_type: MessageType, now: datetime) -> bool:
    """This function will write what the provider answered, if the fence is still ours, and say whether it was."""
    with transaction.atomic():
        Attempt.objects.filter(token=token).update(
            finished_at=now,
            outcome=receipt.outcome,
            code=receipt.code[:64],
            detail=receipt.detail[:300],
            provider_message_id=receipt.provider_message_id[:191],
            parts=receipt.parts,
        )
        values = _after(delivery, receipt, message_type, now)
        mine = Delivery.objects.filter(pk=delivery.pk, fence=delivery.fence, state=State.SENDING)
        if not mine.update(**values, changed_at=now, lease_until=None):
            logger.warning("Delivery %s was claimed by another worker before its outcome came", delivery.pk)
            return False
        if receipt.code == "opted_out":
            _suppress_opted_out(delivery, now)
        if receipt.address_is_dead:
            ContactPoint.objects.filter(pk=delivery.contact_point_id).update(removed_at=now, removed_reason=receipt.code[:64] or "dead")
    return True


def _suppress_opted_out(delivery: Delivery, now: datetime) -> None:
    """This function will remember that the provider knows of an opt-out that we did not: nothing more goes there."""
    index = ContactPoint.objects.filter(pk=delivery.contact_point_id).values_list("index", flat=True).first()
    if index is not None:
        Suppression.objects.get_or_create(
            index=index, channel=delivery.channel, scope="", defaults={"reason": Suppression.Reason.STOP, "since": now}
        )


def _after(delivery: Delivery, receipt: Receipt, message_type: MessageType, now: datetime) -> dict[str, object]:
    """This function will say what an answer makes of a delivery."""
    if receipt.outcome is Outcome.ACCEPTED:
        return {"state": State.ACCEPTED, "reason": "accepted", "claims": 0}
    if receipt.outcome is Outcome.PERMANENT:
        return {"state": State.UNDELIVERABLE, "reason": receipt.code[:64] or "refused_for_good", "claims": 0}
    if receipt.outcome is Outcome.UNKNOWN:
        return {"state": State.UNKNOWN, "reason": "unanswered", "reconcile_at": now + RECONCILE_AFTER, "claims": 0}
    refusals = delivery.attempts.filter(outcome=Outcome.REFUSED).count()
    wait = RETRY_AFTER[min(refusals, len(RETRY_AFTER)) - 1]
    if receipt.retry_after_seconds is not None:
        wait = max(wait, timedelta(seconds=receipt.retry_after_seconds))
    if delivery.expires_at is None and refusals > len(RETRY_AFTER):
        return {"state": State.UNDELIVERABLE, "reason": "refused_too_often", "claims": 0}
    return {"state": State.READY, "reason": "refused", "due_at": now + wait, "claims": 0}


def _end(deliveries: Iterable[Delivery], state: State, reason: str, now: datetime, due_at: datetime | None = None) -> None:
    """This function will put deliveries we hold into a state, with its reason."""
    values: dict[str, object] = {"state": state, "reason": reason, "changed_at": now, "lease_until": None, "claims": 0}
    if due_at is not None:
        values["due_at"] = due_at
    with transaction.atomic():
        _ours(deliveries).update(**values)

