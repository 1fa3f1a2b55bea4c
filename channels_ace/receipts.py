"""What a provider reports after it took a message: kept once each, and only ever moving a delivery up. Read next: webhooks of channels/."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from channels_ace.contact_points import suppress_index
from channels_ace.models import Attempt, ContactPoint, Delivery, ProviderEvent, Suppression

# An event may overtake the transaction that it is about, or belong to another site on the same account.
PARKED_FOR = timedelta(hours=72)
MOST_AT_ONCE = 5_000

State = Delivery.State


class Kind(StrEnum):
    """What providers report, whatever they call it."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given_up"  # this message will not arrive; another one to that address may
    FAILED = "failed"  # for good; what may still arrive is pending
    DELIVERED = "delivered"
    COMPLAINED = "complained"  # it arrived, and was reported as unwanted


# Each beats the ones before it and everything that is not named: evidence goes over what we only supposed.
_RANKS = [State.ACCEPTED, State.UNDELIVERABLE, State.DELIVERED]
_MEANS = {
    Kind.GIVEN_UP: State.UNDELIVERABLE,
    Kind.FAILED: State.UNDELIVERABLE,
    Kind.DELIVERED: State.DELIVERED,
    Kind.COMPLAINED: State.DELIVERED,
}
_REASONS = {State.ACCEPTED: "accepted", State.UNDELIVERABLE: "refused_for_good", State.DELIVERED: "delivered"}


def record_receipt(
    provider: str, event_id: str, token: UUID | None, kind: Kind, occurred_at: datetime, payload: dict[str, Any], now: datetime
) -> bool:
    """This function will keep a provider's event and apply it, and say whether it did: False for a repeated or an early one.

    Events may come twice, in any order, before our own record of the answer, and for attempts that are not ours. One whose
    attempt is not known yet is parked; `apply_parked` matches it later.
    """
    with transaction.atomic():
        event, _created = ProviderEvent.objects.get_or_create(
            provider=provider,
            event_id=event_id,
            defaults={"token": token, "kind": Kind(kind), "occurred_at": occurred_at, "received_at": now, "payload": payload},
        )
        return event.applied_at is None and _apply(event, now)


def apply_parked(now: datetime) -> int:
    """This function will apply events that came before their attempt was known, and say how many."""
    known = Exists(Attempt.objects.filter(token=OuterRef("token")))
    parked = ProviderEvent.objects.filter(known, applied_at=None, token__isnull=False, received_at__gt=now - PARKED_FOR)
    applied = 0
    for event in parked.order_by("pk")[:MOST_AT_ONCE]:
        with transaction.atomic():
            applied += _apply(event, now)
    return applied


def _apply(event: ProviderEvent, now: datetime) -> bool:
    attempt = Attempt.objects.select_related("delivery").filter(token=event.token).first() if event.token else None
    if attempt is None or not ProviderEvent.objects.filter(pk=event.pk, applied_at=None).update(applied_at=now):
        return False
    kind = Kind(event.kind)
    target = _MEANS.get(kind, State.ACCEPTED)
    lower = Delivery.objects.filter(pk=attempt.delivery_id).exclude(state__in=_RANKS[_RANKS.index(target) :])
    if target is State.UNDELIVERABLE:
        # That an earlier attempt failed says nothing about a later one.
        lower = lower.filter(fence=attempt.fence)
    lower.update(state=target, reason=_REASONS[target], reconcile_at=None, lease_until=None, claims=0, changed_at=now)
    if attempt.delivery.channel == "email":
        _suppress(attempt, kind, now)
    return True


def _suppress(attempt: Attempt, kind: Kind, now: datetime) -> None:
    reason = {Kind.FAILED: Suppression.Reason.BOUNCE, Kind.COMPLAINED: Suppression.Reason.COMPLAINT}.get(kind)
    # Verified since means another address now stands in the place of the one that was written to.
    used = ContactPoint.objects.filter(pk=attempt.delivery.contact_point_id, verified_at__lte=attempt.started_at)
    index = used.values_list("index", flat=True).first()
    if reason is not None and index is not None:
        suppress_index(channel="email", index=index, reason=reason, now=now)
