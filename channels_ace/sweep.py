"""What a lost poke, a killed worker or a silent provider left behind. Level-triggered: twice does nothing. Read next: tasks.py."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from channels_ace.delivery import RECONCILE_AFTER
from channels_ace.message_types import Repeat, registered
from channels_ace.models import Attempt, Delivery

State = Delivery.State


def sweep(now: datetime) -> dict[str, int]:
    """This function will free expired leases, close unknowns whose time is up, expire what is stale, and count each."""
    return {"released": release_leases(now), "closed": close_unknowns(now), "expired": expire(now)}


def release_leases(now: datetime) -> int:
    """This function will take deliveries back from workers that died: with an open attempt they are unknown, without one ready."""
    dead = Delivery.objects.filter(state=State.SENDING, lease_until__lt=Now())
    unanswered = Attempt.objects.filter(delivery=OuterRef("pk"), fence=OuterRef("fence"), outcome="")
    with transaction.atomic():
        attempted = dead.filter(Exists(unanswered)).values_list("pk", flat=True)
        unknown = _only(list(attempted)).update(
            state=State.UNKNOWN, reason="worker_lost", reconcile_at=now + RECONCILE_AFTER, lease_until=None, changed_at=now
        )
        untouched = dead.filter(~Exists(unanswered)).values_list("pk", flat=True)
        ready = _only(list(untouched)).update(state=State.READY, reason="worker_lost", lease_until=None, changed_at=now)
    return unknown + ready


def _only(ids: list[int]) -> QuerySet[Delivery]:
    # Fenced by the lease itself: whoever claimed again since has a lease in the future.
    return Delivery.objects.filter(pk__in=ids, state=State.SENDING, lease_until__lt=Now())


def close_unknowns(now: datetime) -> int:
    """This function will end unknowns that no receipt explained in time: at most once stays unknown, at least once is tried again."""
    overdue = Delivery.objects.filter(state=State.UNKNOWN, reconcile_at__lte=now)
    again = [known.name for known in registered() if known.repeat is Repeat.AT_LEAST_ONCE]
    repeatable = list(overdue.filter(message__type__in=again).values_list("pk", flat=True))
    retried = overdue.filter(pk__in=repeatable).update(
        state=State.READY, reason="sent_again", due_at=now, reconcile_at=None, changed_at=now
    )
    closed = overdue.exclude(pk__in=repeatable).update(state=State.UNKNOWN_FINAL, reason="never_answered", reconcile_at=None, changed_at=now)
    return retried + closed


def expire(now: datetime) -> int:
    """This function will end what waits past its expiry."""
    stale = Delivery.objects.filter(state__in=Delivery.WAITING, expires_at__lte=now)
    return stale.update(state=State.EXPIRED, reason="expired", changed_at=now)


def oldest_due(now: datetime) -> timedelta:
    """This function will tell how long the oldest due delivery has waited: the measure of a healthy worker."""
    first = Delivery.objects.filter(state__in=Delivery.WAITING, due_at__lte=now).order_by("due_at").values_list("due_at", flat=True).first()
    return now - first if first is not None else timedelta(0)
