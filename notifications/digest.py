"""A digest: one message standing for several, with what of them is still worth saying. Read next: channels_ace/gather.py."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Q

from channels_ace.api import (
    ZONES,
    Delivery,
    Hours,
    Message,
    MessageType,
    UnknownType,
    Wait,
    ask_again,
    local_now,
    parse_zone,
    register,
    to_instant,
)
from notifications.models import Rest
from notifications.registry import Category, find
from notifications.resting import summaries_of

MOST_ITEMS = 5
DAILY, WEEKLY = "digest_daily", "digest_weekly"
DIGEST = "digest.summary"


class Digests:
    """When daily and weekly summaries go out: at one hour of each person's own day."""

    type = DIGEST
    cadences = frozenset({DAILY, WEEKLY})

    def slots(self, asked: Iterable[Wait], now: datetime) -> dict[Wait, datetime]:
        """This function will give the first hour of a summary after each wait began, or the last that has come, on the person's clock."""
        waits = list(asked)
        chosen = Rest.objects.filter(pk__in={wait.user_id for wait in waits})
        times = {rest.pk: summaries_of(rest) for rest in chosen}
        usual = summaries_of(Rest())
        return {wait: _slot(wait, now, *times.get(wait.user_id, usual)) for wait in waits}


def next_slot(cadence: str, zone: str, after: datetime, hour: int, weekday: int) -> datetime:
    """This function will give the first time of a daily or weekly summary after an instant; without a known zone it is UTC's."""
    place = parse_zone(zone if zone in ZONES else "UTC")
    day = local_now(after, place).date()
    while not ((cadence == DAILY or day.weekday() == weekday) and to_instant(day, time(hour), place) > after):
        day += timedelta(days=1)
    return to_instant(day, time(hour), place)


def _slot(wait: Wait, now: datetime, hour: int, weekday: int) -> datetime:
    slot = next_slot(wait.cadence, wait.zone, wait.since, hour, weekday)
    while slot <= now and (following := next_slot(wait.cadence, wait.zone, slot, hour, weekday)) <= now:
        slot = following
    return slot


def fill(deliveries: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """This function will put into each digest what of its members is unread and still wanted, and give the digests with nothing left."""
    left = _wanted(deliveries, now)
    empty = []
    for delivery in deliveries:
        messages = sorted(left.get((delivery.message_id, delivery.contact_point_id), []), key=lambda one: -one.pk)
        delivery.message.context |= {"sections": sections(messages), "count": len(messages), "newest": messages[:1]}
        if not messages:
            empty.append(delivery)
    return empty


def sections(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """This function will group messages by category and course, at most five each, and say how many more there are."""
    groups: dict[tuple[int, str], list[Message]] = defaultdict(list)
    order = list(Category)
    for message in messages:
        groups[order.index(_category(message)), str(message.context.get("course_name", ""))].append(message)
    return [
        {
            "category": order[category],
            "course": course,
            "items": [{"message": message, "link": f"/inbox/{message.public_id}/why/"} for message in found[:MOST_ITEMS]],
            "more": max(len(found) - MOST_ITEMS, 0),
        }
        for (category, course), found in sorted(groups.items(), key=lambda group: group[0])
    ]


def _wanted(deliveries: Sequence[Delivery], now: datetime) -> Mapping[tuple[int, int], list[Message]]:
    members = list(Delivery.objects.filter(_members_of(deliveries)).prefetch_related("message"))
    answers = ask_again(members, now)
    found: dict[tuple[int, int], list[Message]] = defaultdict(list)
    for member in members:
        # A later is none: its time has come with the digest's.
        if answers[member.pk].until is not None or not answers[member.pk].state:
            found[member.digest_id or 0, member.contact_point_id].append(member.message)
    return found


def _members_of(deliveries: Sequence[Delivery]) -> Q:
    """This function will find the members by their unique key, which begins with the message."""
    messages = {key for one in deliveries for key in one.message.context["members"]}
    return Q(
        message_id__in=messages,
        user_id__in={one.user_id for one in deliveries},
        channel__in={one.channel for one in deliveries},
        digest_id__in={one.message_id for one in deliveries},
    )


def _category(message: Message) -> Category:
    try:
        return find(message.type).category
    except (UnknownType, TypeError):
        return Category.OTHER


# Asked of its members, not of itself: it has waited with them, and what is unwanted is left out of it.
register(MessageType(name=DIGEST, channels=("email", "push"), hours=Hours.ANY, fill=fill))
