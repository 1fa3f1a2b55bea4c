"""What a lost poke, a killed worker or a silent provider left behind. Level-triggered: twice does nothing. Read next: tasks.py."""

from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Now

from channels_ace import fan_out, health, switches
from channels_ace.gather import gather_all
from channels_ace.message_types import Repeat, registered
from channels_ace.models import Attempt, Delivery
from channels_ace.receipts import apply_parked
from channels_ace.record import RECONCILE_AFTER

# A provider that takes a message and never says so would be handed it for ever; a person would get it each time.
MOST_UNANSWERED = 3
# The rest waits for the next sweep, a quarter of a minute later.
MOST_AT_ONCE = 5_000

# An attempt that was being committed while its lease ended can be seen by then.
GRACE = timedelta(seconds=5)

State = Delivery.State


def sweep(now: datetime) -> dict[str, int]:
    """This function will do all of the below, and count for each what it changed."""
    return {
        "released": release_leases(now),
        "matched": apply_parked(now),
        "closed": close_unknowns(now),
        "expired": expire(now),
        "gathered": gather_all(now),
        "resumed": switches.resume(now) + health.resume(now),
        # Last, since it may take seconds.
        "planned": fan_out.resume(now),
    }


def release_leases(now: datetime) -> int:
    """This function will take deliveries back from workers that died: with an open attempt they are unknown, without one ready."""
    dead = Delivery.objects.filter(state=State.SENDING, lease_until__lt=Now() - GRACE)
    in_doubt = Exists(Attempt.objects.filter(delivery=OuterRef("pk"), fence=OuterRef("fence"), outcome=""))
    unknown = dead.filter(in_doubt).update(
        state=State.UNKNOWN, reason="worker_lost", reconcile_at=now + RECONCILE_AFTER, lease_until=None, changed_at=now
    )
    # Nothing of these left: they are as they were before they were claimed.
    ready = dead.filter(~in_doubt).update(state=State.READY, reason="", lease_until=None, changed_at=now)
    return unknown + ready


def close_unknowns(now: datetime) -> int:
    """This function will end unknowns that no receipt explained in time: at most once stays unknown, at least once is tried again."""
    repeated = {known.name for known in registered() if known.repeat is Repeat.AT_LEAST_ONCE}
    overdue = Delivery.objects.filter(state=State.UNKNOWN, reconcile_at__lte=now)
    again: list[int] = []
    closed: list[int] = []
    for key, type_name, tried in overdue.annotate(tried=Count("attempts")).values_list("pk", "message__type", "tried")[:MOST_AT_ONCE]:
        (again if type_name in repeated and tried < MOST_UNANSWERED else closed).append(key)
    # Asked for their state again, since a receipt may have come in between.
    return overdue.filter(pk__in=again).update(
        state=State.READY, reason="sent_again", due_at=now, reconcile_at=None, changed_at=now
    ) + overdue.filter(pk__in=closed).update(state=State.UNKNOWN_FINAL, reason="never_answered", reconcile_at=None, changed_at=now)


def expire(now: datetime) -> int:
    """This function will end what waits past its expiry."""
    stale = Delivery.objects.filter(state__in=Delivery.WAITING, expires_at__lte=now)
    return stale.update(state=State.EXPIRED, reason="expired", changed_at=now)


def oldest_due(now: datetime) -> timedelta:
    """This function will tell how long the oldest due delivery has waited: the measure of a healthy worker."""
    first = Delivery.objects.filter(state__in=Delivery.WAITING, due_at__lte=now).order_by("due_at").values_list("due_at", flat=True).first()
    return now - first if first is not None else timedelta(0)


def due_lanes(now: datetime) -> list[str]:
    """This function will list the lanes in which something is due: their pokes may have been lost."""
    due = Delivery.objects.filter(state__in=Delivery.WAITING, due_at__lte=now)
    return list(due.order_by("lane").values_list("lane", flat=True).distinct())
