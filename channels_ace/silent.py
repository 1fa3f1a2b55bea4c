"""Asking that a person's devices be told without a sound what has changed. Read next: silent_telling.py, which tells them.

Whoever changes something asks; what is told is read when the push goes out. So a push that is told twice, late, or for several changes
at once is right each time, and needs no attempt row of its own (docs/adr/0012).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When

from channels_ace.channel import providers
from channels_ace.models import ContactPoint, Delivery, SilentPush

PUSH = "push"
# Several changes within so long are one push.
SOON = timedelta(seconds=5)
# What may be on a screen.
SHOWN = (Delivery.State.ACCEPTED, Delivery.State.DELIVERED, Delivery.State.UNKNOWN, Delivery.State.UNKNOWN_FINAL)
PEOPLE_A_STATEMENT = 2_000

State = SilentPush.State


def tell_devices(user_id: int, now: datetime, *, by: str = "") -> None:
    """This function will have a person's devices told, once the caller's transaction is committed, what is so then.

    It writes one row, or none for somebody without a device. `by` is the app in which it was changed (ContactPoint.app), which knows.
    """
    if not _can_tell():
        return
    mine = SilentPush.objects.filter(user_id=user_id)
    if not _note(mine, now, by) and ContactPoint.objects.filter(reached_by_push(), user_id=user_id).exists():
        # Whoever is first makes the row; both then write into it, and what they commit later is told later.
        SilentPush.objects.bulk_create([SilentPush(user_id=user_id, due_at=now, changed_at=now)], ignore_conflicts=True)
        _note(mine, now, by)


def tell_devices_of(user_ids: Iterable[int], now: datetime) -> None:
    """This function will do the same for many people, given in order of their ids, a few statements for each two thousand."""
    ids = iter(user_ids if _can_tell() else ())
    while some := list(islice(ids, PEOPLE_A_STATEMENT)):
        fresh = [SilentPush(user_id=user_id, due_at=now, changed_at=now) for user_id in some]
        SilentPush.objects.bulk_create(fresh, ignore_conflicts=True)
        theirs = SilentPush.objects.filter(user_id__in=some)
        # In the order in which whoever else writes several of them does.
        list(theirs.select_for_update().order_by("pk").values_list("pk"))
        _note(theirs, now, "")


def tell_readers(message_id: int, now: datetime) -> None:
    """This function will do the same for all on whose screens a message may stand that was withdrawn."""
    shown = Delivery.objects.filter(message_id=message_id, channel=PUSH, state__in=SHOWN, withdrawn_at=None)
    tell_devices_of(shown.order_by("user_id").values_list("user_id", flat=True).distinct().iterator(), now)


def _can_tell() -> bool:
    return any(channel.tells_silently for channel in providers(PUSH))


def _note(rows: QuerySet[SilentPush], now: datetime, by: str) -> int:
    """This function will write into rows that something has changed; each stays locked until it is committed. Gives how many there were."""
    open_ones = [State.WAITING, State.SENDING]
    soon = Value(now + SOON, output_field=DateTimeField())
    return rows.update(
        asked=F("asked") + 1,
        by=Case(When(Q(state__in=open_ones) & ~Q(by=by), then=Value("")), default=Value(by)),
        due_at=Case(When(state=State.WAITING, then=F("due_at")), When(rests_until__gt=now + SOON, then=F("rests_until")), default=soon),
        reason="",
        # Whoever sends now sees that it was asked again.
        state=Case(When(state=State.SENDING, then=F("state")), default=Value(State.WAITING)),
        changed_at=now,
    )


def reached_by_push() -> Q:
    """This function will give the condition that a contact point is a device that pushes may go to."""
    kinds = {kind for channel in providers(PUSH) for kind in channel.contact_kinds}
    return Q(kind__in=kinds, removed_at=None, verified_at__isnull=False)
