"""What a provider's answer makes of a delivery. Read next: receipts.py, for what providers report later."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from channels_ace.among import among
from channels_ace.channel import Outcome, Receipt
from channels_ace.contact_points import suppress_index
from channels_ace.crypto import indexes_since
from channels_ace.health import HANDED_ON, next_provider
from channels_ace.models import Attempt, ContactPoint, Delivery, Suppression
from channels_ace.prepare import Sending
from channels_ace.prices import estimate

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
        fenced |= Q(among("pk", ids), fence=fence)
    return fenced


def record(sending: Sending, receipt: Receipt, now: datetime) -> bool:
    """This function will write what the provider answered, if nobody claimed the delivery since, and say whether that was so."""
    delivery = sending.delivery
    with transaction.atomic(savepoint=False):
        Attempt.objects.filter(token=UUID(sending.outgoing.token)).update(**answer_columns(sending, receipt), finished_at=now)
        if receipt.code == "opted_out":
            # The provider knows of an opt-out that we did not: nothing more goes there.
            suppress_index(channel=delivery.channel, index=sending.address_index, reason=Suppression.Reason.STOP, now=now)
        if receipt.address_is_dead:
            # Unless the person has put another address in its place meanwhile.
            dead = ContactPoint.objects.filter(
                pk=delivery.contact_point_id, index__in=indexes_since(sending.address_index), removed_at=None
            )
            dead.update(removed_at=now, removed_reason=receipt.code[:64] or "dead")
        # With the same fence, "unknown" is our own: the sweep gave up on us, and here is the answer after all.
        mine = Delivery.objects.filter(pk=delivery.pk, fence=delivery.fence, state__in=[State.SENDING, State.UNKNOWN])
        if not mine.update(**_after(sending, receipt, now), claims=0, lease_until=None, changed_at=now):
            logger.warning("Delivery %s moved on before the answer of attempt %s came", delivery.pk, sending.outgoing.token)
            return False
    return True


def answer_columns(sending: Sending, receipt: Receipt) -> dict[str, Any]:
    """This function will give what an attempt's row keeps of an answer."""
    return {
        "outcome": receipt.outcome,
        "code": receipt.code[:64],
        "detail": receipt.detail[:300],
        "provider_message_id": receipt.provider_message_id[:191],
        "parts": receipt.parts,
        "price_estimate": _price(sending, receipt),
    }


def _price(sending: Sending, receipt: Receipt) -> Decimal | None:
    is_paid_for = sending.outgoing.to_kind == ContactPoint.Kind.PHONE and receipt.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)
    return estimate(sending.provider, sending.outgoing.to, receipt.parts) if is_paid_for else None


def _after(sending: Sending, receipt: Receipt, now: datetime) -> dict[str, object]:
    """This function will say what an answer makes of a delivery."""
    if receipt.outcome is Outcome.ACCEPTED:
        return {"state": State.ACCEPTED, "reason": "accepted", "reconcile_at": None}
    if receipt.outcome is Outcome.PERMANENT:
        return {"state": State.UNDELIVERABLE, "reason": receipt.code[:64] or "refused_for_good", "reconcile_at": None}
    if receipt.outcome is Outcome.UNKNOWN:
        return {"state": State.UNKNOWN, "reason": "unanswered", "reconcile_at": now + RECONCILE_AFTER}
    if next_provider(sending.delivery.channel, sending.provider) is not None:
        # Certainly not accepted: another provider may have it, and need not wait for this one's sake.
        return {"state": State.READY, "reason": HANDED_ON, "due_at": now, "reconcile_at": None}
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
