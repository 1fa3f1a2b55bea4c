"""What a provider's answer makes of a delivery. Read next: receipts.py, for what providers report later."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from channels_ace.channel import Outcome, Receipt
from channels_ace.contact_points import suppress_index
from channels_ace.models import Attempt, ContactPoint, Delivery, Suppression
from channels_ace.prepare import Sending

logger = logging.getLogger(__name__)

RETRY_AFTER = [timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30)]
RECONCILE_AFTER = timedelta(minutes=10)

State = Delivery.State


def ours(deliveries: Iterable[Delivery]) -> QuerySet[Delivery]:
    """This function will give those of the deliveries that nobody claimed since, and whose lease holds."""
    return Delivery.objects.filter(_fenced(deliveries), state=State.SENDING, lease_until__gt=Now())


def _fenced(deliveries: Iterable[Delivery]) -> Q:
    """This function will give the condition that a row is one of the deliveries, as it was when it was claimed."""
    by_fence: dict[int, list[int]] = defaultdict(list)
    for delivery in deliveries:
        by_fence[delivery.fence].append(delivery.pk)
    fenced = Q(pk__in=[])
    for fence, ids in by_fence.items():
        fenced |= Q(pk__in=ids, fence=fence)
    return fenced


def record(sending: Sending, receipt: Receipt, now: datetime) -> bool:
    """This function will write what the provider answered, if nobody claimed the delivery since, and say whether that was so."""
    delivery = sending.delivery
    with transaction.atomic(savepoint=False):
        Attempt.objects.filter(token=UUID(sending.outgoing.token)).update(**_answer(receipt, now))
        if receipt.code == "opted_out":
            # The provider knows of an opt-out that we did not: nothing more goes there.
            suppress_index(channel=delivery.channel, index=sending.address_index, reason=Suppression.Reason.STOP, now=now)
        if receipt.address_is_dead:
            # Unless the person has put another address in its place meanwhile.
            dead = ContactPoint.objects.filter(pk=delivery.contact_point_id, index=sending.address_index, removed_at=None)
            dead.update(removed_at=now, removed_reason=receipt.code[:64] or "dead")
        # With the same fence, "unknown" is our own: the sweep gave up on us, and here is the answer after all.
        mine = Delivery.objects.filter(pk=delivery.pk, fence=delivery.fence, state__in=[State.SENDING, State.UNKNOWN])
        if not mine.update(**_after(sending, receipt, now), claims=0, lease_until=None, changed_at=now):
            logger.warning("Delivery %s moved on before the answer of attempt %s came", delivery.pk, sending.outgoing.token)
            return False
    return True


def record_all(answers: Sequence[tuple[Sending, Receipt]], now: datetime) -> None:
    """This function will write what the provider answered to several: in two statements what it accepted, one by one all else."""
    accepted = [(sending, receipt) for sending, receipt in answers if receipt.outcome is Outcome.ACCEPTED]
    for sending, receipt in answers:
        if receipt.outcome is not Outcome.ACCEPTED:
            record(sending, receipt, now)
    if len(accepted) < 2:
        for sending, receipt in accepted:
            record(sending, receipt, now)
        return
    written = ["finished_at", "outcome", "code", "detail", "provider_message_id", "parts"]
    with transaction.atomic():
        # The rows are there: inserting them again, by token, is how many get different values in one statement.
        Attempt.objects.bulk_create(
            [
                Attempt(
                    token=UUID(sending.outgoing.token),
                    delivery_id=sending.delivery.pk,
                    fence=sending.delivery.fence,
                    started_at=now,
                    **_answer(receipt, now),
                )
                for sending, receipt in accepted
            ],
            update_conflicts=True,
            unique_fields=["token"],
            update_fields=written,
        )
        held = _fenced(sending.delivery for sending, _ in accepted)
        mine = Delivery.objects.filter(held, state__in=[State.SENDING, State.UNKNOWN])
        moved_on = len(accepted) - mine.update(**_after(*accepted[0], now), claims=0, lease_until=None, changed_at=now)
    if moved_on:
        logger.warning("%d deliveries moved on before the answers of their attempts came", moved_on)


def _answer(receipt: Receipt, now: datetime) -> dict[str, Any]:
    """This function will give an attempt's columns for an answer."""
    return {
        "finished_at": now,
        "outcome": receipt.outcome,
        "code": receipt.code[:64],
        "detail": receipt.detail[:300],
        "provider_message_id": receipt.provider_message_id[:191],
        "parts": receipt.parts,
    }


def _after(sending: Sending, receipt: Receipt, now: datetime) -> dict[str, object]:
    """This function will say what an answer makes of a delivery."""
    if receipt.outcome is Outcome.ACCEPTED:
        return {"state": State.ACCEPTED, "reason": "accepted", "reconcile_at": None}
    if receipt.outcome is Outcome.PERMANENT:
        return {"state": State.UNDELIVERABLE, "reason": receipt.code[:64] or "refused_for_good", "reconcile_at": None}
    if receipt.outcome is Outcome.UNKNOWN:
        return {"state": State.UNKNOWN, "reason": "unanswered", "reconcile_at": now + RECONCILE_AFTER}
    refusals = sending.refusals + 1
    if sending.delivery.expires_at is None and refusals > len(RETRY_AFTER):
        return {"state": State.UNDELIVERABLE, "reason": "refused_too_often", "reconcile_at": None}
    wait = retry_wait(sending.delivery.pk, refusals)
    if receipt.retry_after_seconds is not None:
        wait = max(wait, timedelta(seconds=receipt.retry_after_seconds))
    return {"state": State.READY, "reason": "refused", "due_at": now + wait, "reconcile_at": None}


def retry_wait(key: int, refusals: int) -> timedelta:
    """This function will tell how long to wait after some refusals: a fifth more or less, so that not all come back at once."""
    spread = 0.8 + (key * 7919 % 401) / 1000
    return RETRY_AFTER[min(refusals, len(RETRY_AFTER)) - 1] * spread
