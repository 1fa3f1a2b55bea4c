"""Telling devices without a sound: claim, look, send, record; with a lease, so that several workers may. Read next: silent_devices.py."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from channels_ace.badges import badges_of
from channels_ace.channel import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, Channel, Outcome, Outgoing, Receipt, providers
from channels_ace.crypto import Unreadable
from channels_ace.health import PROVIDER_DOWN, choose, note
from channels_ace.models import ContactPoint, Delivery, SilentPush, Switch
from channels_ace.silent import PUSH, SOON
from channels_ace.silent_devices import MOST_IDS, TYPE, Device, busy, devices_of, must_hear, outgoing_to
from channels_ace.switches import SWITCHED_OFF

# FCM takes twenty silent pushes of a device at once, and then one each three minutes; an iPhone is woken a few times an hour.
REST = timedelta(seconds=20)
WAITS = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 900, 1800))
HOLD = timedelta(minutes=1)
LEASE = timedelta(seconds=60)
DEADLINE_SECONDS = LEASE.total_seconds() - CONNECT_TIMEOUT_SECONDS - READ_TIMEOUT_SECONDS - 2
GRACE = timedelta(seconds=5)
_BAD = (Outcome.REFUSED, Outcome.UNKNOWN)

State = SilentPush.State


def tell_due(now: datetime, *, limit: int = 200) -> int:
    """This function will tell the devices of up to `limit` people whose time has come, and say of how many."""
    if not _due(now).exists():
        return 0
    channel, is_probe = _carrier(now)
    if channel is None:
        return 0
    # What was claimed again and again without an outcome has killed its worker.
    _due(now).filter(claims__gt=len(WAITS)).update(state=State.GIVEN_UP, reason="poison", lease_until=None, claims=0, changed_at=now)
    deadline = time.monotonic() + DEADLINE_SECONDS
    claimed = _claim(now, 1 if is_probe else limit)
    under_way = busy(claimed)
    devices = devices_of([row for row in claimed if row.pk not in under_way], channel, now)
    badges = badges_of([row.pk for row in claimed], now)
    asked = [one for row in claimed for one in devices[row.pk] if must_hear(one, row, badges.get(row.pk))]
    _send(asked, badges, channel, deadline, now)
    _record(claimed, devices, badges, under_way, now)
    return len(claimed)


def _due(now: datetime) -> QuerySet[SilentPush]:
    return SilentPush.objects.filter(Q(state=State.WAITING, due_at__lte=now) | Q(state=State.SENDING, lease_until__lt=Now() - GRACE))


def _carrier(now: datetime) -> tuple[Channel | None, bool]:
    """This function will give what carries silent pushes now, and whether only one, as a probe; what cannot go waits, or ends."""
    names = [one.provider for one in providers(PUSH)]
    off = Switch.objects.filter(Q(kind="channel", name=PUSH) | Q(kind="type", name=TYPE)).exists()
    turned_off = Switch.objects.filter(kind="provider", name__in=names).values_list("name", flat=True)
    if off or set(names) <= set(turned_off):
        return _hold(now, SWITCHED_OFF)
    channel, is_probe = choose(PUSH, now)
    if channel is None:
        return _hold(now, PROVIDER_DOWN)
    if not channel.tells_silently:
        _due(now).update(state=State.GIVEN_UP, reason="not_silent", changed_at=now)
        return None, False
    return channel, is_probe


def _hold(now: datetime, reason: str) -> tuple[None, bool]:
    SilentPush.objects.filter(state=State.WAITING, due_at__lte=now).update(due_at=now + HOLD, reason=reason, changed_at=now)
    return None, False


def _claim(now: datetime, limit: int) -> list[SilentPush]:
    with transaction.atomic():
        due = _due(now)
        # SQLite has no row locks: there the transaction itself is the lock (it begins IMMEDIATE).
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        claimed = list(due.order_by("due_at", "pk")[:limit])
        SilentPush.objects.filter(pk__in=[row.pk for row in claimed]).update(
            state=State.SENDING, lease_until=Now() + LEASE, fence=F("fence") + 1, claims=F("claims") + 1
        )
    for row in claimed:
        row.fence, row.claims = row.fence + 1, row.claims + 1
    return claimed


def _send(asked: Sequence[Device], badges: Mapping[int, int], channel: Channel, deadline: float, now: datetime) -> None:
    """This function will hand over until the deadline, or until the provider fails, and write every answer beside its device."""
    by_token: dict[str, Device] = {}
    has_failed = False

    def given() -> Iterator[Outgoing]:
        for device in asked:
            if has_failed or time.monotonic() > deadline:
                return
            try:
                outgoing = outgoing_to(device, badges.get(device.point["user_id"]))
            except Unreadable:
                device.receipt = Receipt(outcome=Outcome.PERMANENT, code="address_unreadable")
                continue
            by_token[outgoing.token] = device
            yield outgoing

    outcomes: list[Outcome] = []
    for outgoing, receipt in channel.send(cast(Sequence[Outgoing], given())):
        by_token[outgoing.token].receipt = receipt
        outcomes.append(receipt.outcome)
        if receipt.outcome in _BAD:
            # At once, so that no further one goes to a provider that is down; good ones can wait.
            has_failed, outcomes = note(channel.provider, outcomes, now), []
    note(channel.provider, outcomes, now)


def _record(
    claimed: Sequence[SilentPush], devices: dict[int, list[Device]], badges: Mapping[int, int], busy: set[int], now: datetime
) -> None:
    """This function will write down what came of it; whoever was claimed by another worker meanwhile is theirs."""
    everyone = [one for several in devices.values() for one in several]
    with transaction.atomic():
        mine = SilentPush.objects.select_for_update().filter(pk__in=[row.pk for row in claimed], state=State.SENDING)
        held = {row.pk: row for row in mine.order_by("pk")}
        written = []
        for row in claimed:
            current = held.get(row.pk)
            if current is not None and current.fence == row.fence:
                _end(current, row, devices[row.pk], badges.get(row.pk), is_busy=row.pk in busy, now=now)
                written.append(current)
        SilentPush.objects.bulk_update(
            written, ["state", "reason", "due_at", "rests_until", "lease_until", "claims", "told", "changed_at"], batch_size=500
        )
        gone = [delivery for one in everyone if one.knows for delivery, _ in one.shown[:MOST_IDS]]
        Delivery.objects.filter(pk__in=gone, withdrawn_at=None).update(withdrawn_at=now)
        _remove_dead(everyone, now)


def _end(current: SilentPush, row: SilentPush, devices: Sequence[Device], badge: int | None, *, is_busy: bool, now: datetime) -> None:
    answers = [one.receipt for one in devices if one.receipt is not None]
    failed = [answer for answer in answers if answer.outcome in _BAD]
    is_left = any(one.is_asked and one.receipt is None for one in devices)
    is_more = any(one.knows and len(one.shown) > MOST_IDS for one in devices)
    is_asked_again = current.asked != row.asked
    current.lease_until, current.changed_at = None, now
    told = {str(one.point["pk"]): {"badge": badge, "at": now.isoformat()} for one in devices if one.knows}
    before = {key: value for key, value in current.told.items() if key in {str(one.point["pk"]) for one in devices}}
    if not is_busy:
        current.told = {**before, **told}
    if answers:
        current.rests_until = now + REST
    if is_busy:
        current.state, current.reason, current.due_at, current.claims = State.WAITING, "push_under_way", now + SOON, row.claims - 1
    elif failed and row.claims > len(WAITS) and not is_asked_again:
        current.state, current.reason, current.claims = State.GIVEN_UP, "refused_too_often", 0
    elif failed:
        advised = max(answer.retry_after_seconds or 0 for answer in failed)
        wait = max(WAITS[min(row.claims, len(WAITS)) - 1], timedelta(seconds=advised))
        reason = "refused" if all(answer.outcome is Outcome.REFUSED for answer in failed) else "told_again"
        current.state, current.reason, current.due_at = State.WAITING, reason, now + wait
        current.claims = 0 if is_asked_again else row.claims
    elif is_left:
        current.state, current.reason, current.due_at, current.claims = State.WAITING, "", now, row.claims - 1
    elif is_asked_again or is_more:
        current.state, current.reason, current.due_at, current.claims = State.WAITING, "", now + REST if answers else now + SOON, 0
    else:
        current.state, current.reason = _what_came(devices, answers)
        current.claims = 0


def _what_came(devices: Sequence[Device], answers: Sequence[Receipt]) -> tuple[State, str]:
    if any(answer.outcome is Outcome.ACCEPTED for answer in answers):
        return State.TOLD, "accepted"
    if answers:
        return State.GIVEN_UP, answers[0].code[:64] or "refused_for_good"
    return State.UNCHANGED, "nothing_changed" if devices else "no_device"


def _remove_dead(devices: Iterable[Device], now: datetime) -> None:
    dead: dict[str, list[int]] = defaultdict(list)
    for one in devices:
        if one.receipt is not None and one.receipt.address_is_dead:
            dead[one.receipt.code[:64] or "dead"].append(one.point["pk"])
    for reason, points in dead.items():
        # A device is known by its address: with another one it has another key.
        ContactPoint.objects.filter(pk__in=points, removed_at=None).update(removed_at=now, removed_reason=reason)
