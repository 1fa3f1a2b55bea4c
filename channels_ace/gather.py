"""Several that waited for one person on one channel become one message that stands for them. Read next: delivery.py.

What waits for a summary, a buffer or the end of quiet hours is not claimed but gathered: asked again as a set, then either ended,
put off further, let go by itself, or written into a digest with its delivery, in the same transaction in which its members end.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Protocol

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from channels_ace.ask_again import Answer, ask_again
from channels_ace.models import Delivery, Message, Recipient

State = Delivery.State
# A digest whose provider refuses it is tried again for so long.
WORTH_SENDING = timedelta(days=1)
LANE = "transactional"


class Digests(Protocol):
    """What an app says of digests: their message type, and the times at which each reason's wait ends."""

    type: str
    cadences: frozenset[str]

    def slots(self, asked: Iterable["Wait"], now: datetime) -> dict["Wait", datetime]:
        """This function will give for each wait the first time of its cadence after it began, or the last of several that have come."""
        ...


@dataclass(frozen=True)
class Wait:
    """One person's wait for a cadence, from a moment on."""

    user_id: int
    zone: str
    cadence: str
    since: datetime


@dataclass
class Sorted:
    """What is to become of each delivery: an end or a new time, by itself, or into a digest by its key's parts."""

    ends: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    later: dict[tuple[str, datetime], list[int]] = field(default_factory=lambda: defaultdict(list))
    now: dict[tuple[int, str], list[Delivery]] = field(default_factory=lambda: defaultdict(list))
    of_cadence: dict[tuple[int, str, str], list[tuple[datetime, Delivery]]] = field(default_factory=lambda: defaultdict(list))


def gather(now: datetime, *, people: int = 500) -> int:
    """This function will see to what has waited long enough of up to so many people, and say how many deliveries that were."""
    with transaction.atomic():
        waited = _waited(now, people)
        if not waited:
            return 0
        found = _sort(waited, now)
        _digest(found, _zones(waited), now)
        for (reason, due_at), keys in found.later.items():
            Delivery.objects.filter(pk__in=keys).update(state=State.DEFERRED, reason=reason, due_at=due_at, changed_at=now)
        for (state, reason), keys in found.ends.items():
            Delivery.objects.filter(pk__in=keys).update(state=state, reason=reason, due_at=now, changed_at=now)
    return len(waited)


def gather_all(now: datetime) -> int:
    """This function will gather until nothing more has waited long enough, and say how many deliveries that were."""
    total = 0
    while gathered := gather(now):
        total += gathered
    return total


def _waited(now: datetime, people: int) -> list[Delivery]:
    due = Delivery.objects.filter(Delivery.gathered(), due_at__lte=now)
    users = set(due.order_by("due_at", "pk").values_list("user_id", flat=True)[:people])
    # What else a buffer holds goes along, though its own quarter of an hour is not over.
    rows = due.filter(user_id__in=users) | Delivery.objects.filter(Delivery.gathered(), user_id__in=users, reason="buffered")
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    return list(rows.order_by("pk").prefetch_related("message")) if users else []


def _zones(deliveries: Iterable[Delivery]) -> dict[int, str]:
    return dict(Recipient.objects.filter(pk__in={one.user_id for one in deliveries}).values_list("pk", "time_zone"))


def _sort(deliveries: Sequence[Delivery], now: datetime) -> Sorted:
    found, zones, answers = Sorted(), _zones(deliveries), ask_again(deliveries, now)
    waits = {one.pk: _wait(one, answers[one.pk], zones) for one in deliveries if _is_cadence(answers[one.pk])}
    slots = _digests().slots(waits.values(), now) if waits else {}
    for delivery in deliveries:
        answer = answers[delivery.pk]
        if delivery.pk in waits:
            slot = slots[waits[delivery.pk]]
            if slot > now:
                found.later[answer.reason, slot].append(delivery.pk)
            else:
                found.of_cadence[delivery.user_id, delivery.channel, answer.reason].append((slot, delivery))
        elif answer.until is not None:
            found.later[answer.reason, answer.until].append(delivery.pk)
        elif answer.state:
            found.ends[answer.state, answer.reason].append(delivery.pk)
        else:
            found.now[delivery.user_id, delivery.channel].append(delivery)
    return found


def _is_cadence(answer: Answer) -> bool:
    return answer.until is not None and bool(settings.CHANNELS_ACE.get("DIGESTS")) and answer.reason in _digests().cadences


def _wait(delivery: Delivery, answer: Answer, zones: Mapping[int, str], since: datetime | None = None) -> Wait:
    began = max(filter(None, [delivery.created_at, delivery.message.send_after]))
    return Wait(delivery.user_id, zones.get(delivery.user_id, ""), answer.reason, since or began)


def _digest(found: Sorted, zones: Mapping[int, str], now: datetime) -> None:
    """This function will write the digests that are due; what comes too late for one that exists waits for the next."""
    wanted: dict[str, tuple[Message, list[Delivery]]] = {}
    for (user_id, channel), members in found.now.items():
        if len({member.message_id for member in members}) == 1 or not settings.CHANNELS_ACE.get("DIGESTS"):
            found.ends[State.READY, ""] += [member.pk for member in members]
        else:
            draft = _draft(f"digest:{channel}:{user_id}:{now.isoformat()}", "", user_id, channel, members, now)
            wanted[draft.idempotency_key] = draft, members
    for (user_id, channel, cadence), timed in found.of_cadence.items():
        slot = max(slot for slot, _ in timed)
        members = [member for _, member in timed]
        draft = _draft(f"digest:{cadence}:{channel}:{user_id}:{slot.isoformat()}", cadence, user_id, channel, members, now)
        wanted[draft.idempotency_key] = draft, members
    for key in Message.objects.filter(idempotency_key__in=wanted).values_list("idempotency_key", flat=True):
        draft, members = wanted.pop(key)
        late = Wait(members[0].user_id, zones.get(members[0].user_id, ""), draft.context["cadence"], now)
        due_at = _digests().slots([late], now)[late] if late.cadence else now + timedelta(seconds=1)
        found.later[late.cadence or members[0].reason, due_at] += [member.pk for member in members]
    _write(list(wanted.values()), now)


def _draft(key: str, cadence: str, user_id: int, channel: str, members: Sequence[Delivery], now: datetime) -> Message:
    newest_first = sorted({member.message_id for member in members}, reverse=True)
    return Message(
        type=_digests().type,
        context={"user_id": user_id, "cadence": cadence, "members": newest_first},
        link="/inbox/",
        channels=[channel],
        idempotency_key=key,
        fingerprint=sha256(key.encode()).hexdigest(),
        created_at=now,
        expires_at=now + WORTH_SENDING,
        fanned_out_at=now,
    )


def _write(digests: Sequence[tuple[Message, list[Delivery]]], now: datetime) -> None:
    if not digests:
        return
    Message.objects.bulk_create([message for message, _ in digests])
    deliveries, members = [], []
    for message, mine in digests:
        for contact in sorted({member.contact_point_id for member in mine}):
            deliveries.append(_delivery(message, mine[0], contact, now))
        for member in mine:
            member.digest_id = message.pk
            members.append(member)
    Delivery.objects.bulk_create(deliveries)
    Delivery.objects.bulk_update(members, ["digest_id"], batch_size=500)
    Delivery.objects.filter(pk__in=[member.pk for member in members]).update(state=State.IN_DIGEST, reason="in_digest", changed_at=now)
    poke = import_string(settings.CHANNELS_ACE["POKE"])
    transaction.on_commit(lambda: poke(LANE), robust=True)


def _delivery(message: Message, member: Delivery, contact: int, now: datetime) -> Delivery:
    return Delivery(
        message=message,
        user_id=member.user_id,
        channel=member.channel,
        contact_point_id=contact,
        lane=LANE,
        state=State.READY,
        due_at=now,
        expires_at=message.expires_at,
        created_at=now,
        changed_at=now,
    )


def _digests() -> Digests:
    return _load(settings.CHANNELS_ACE["DIGESTS"])


@cache
def _load(path: str) -> Digests:
    made: Any = import_string(path)()
    return made  # type: ignore[no-any-return]
