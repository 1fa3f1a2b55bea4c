"""When and about what a person is left alone: changed here, one choice at a time. Read next: policies.py, which asks it as a set."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_ace.api import ZONES, Delivery, Hours, Message, Refused, UnknownType, local_now, parse_zone
from notifications.choice_models import Mute, Rest
from notifications.registry import find

LONGEST_PAUSE = timedelta(days=366)
EVERY_DAY = 127
KINDS: dict[str, str | Promise] = {"thread:": _("Discussion thread"), "study:": _("Study")}


@dataclass(frozen=True)
class LocalHour:
    """An hour of the week on people's clocks: Monday is day 0."""

    day: int
    hour: int


@dataclass(frozen=True)
class Mutable:
    """Something that a person may mute: a course, a study, or one thread."""

    key: str
    label: str

    @property
    def kind(self) -> str | Promise:
        """What it is, in a word."""
        return kind_of(self.key)


def kind_of(key: str) -> str | Promise:
    """This function will tell in a word what the key of a mute names."""
    return next((word for prefix, word in KINDS.items() if key.startswith(prefix)), _("Course"))


def rest_of(user_id: int) -> Rest:
    """This function will give when a person wants quiet; never paused and every hour of every day without a choice."""
    return Rest.objects.filter(pk=user_id).first() or Rest(user_id=user_id)


def pause(user_id: int, until: datetime | None, *, now: datetime) -> None:
    """This function will hold back everything but what is urgent until an instant, or no longer. Raises Refused."""
    if until is not None and not now < until <= now + LONGEST_PAUSE:
        raise Refused("A pause ends in the future, within a year.")
    _save(user_id, paused_until=until)


def choose_hours(user_id: int, opens: int, closes: int) -> None:
    """This function will narrow a person's hours to those from `opens` to `closes`, in their local time. Raises Refused."""
    if not 0 <= opens < closes <= 24:
        raise Refused("The hours end after they begin, on the same day.")
    _save(user_id, opens=opens, closes=closes)


def choose_days(user_id: int, days: int) -> None:
    """This function will narrow a person's days to those whose bits are set, Monday first. Raises Refused."""
    if not 1 <= days <= EVERY_DAY:
        raise Refused("At least one day is left.")
    _save(user_id, days=days)


def summaries_of(rest: Rest) -> tuple[int, int]:
    """This function will give the local hour of a person's summaries, and the day of the weekly one (Monday is 0)."""
    site = settings.CHANNELS_ACE
    hour = site["DIGEST_HOUR"] if rest.digest_hour is None else rest.digest_hour
    return hour, site["DIGEST_WEEKDAY"] if rest.digest_weekday is None else rest.digest_weekday


def choose_summaries(user_id: int, *, hour: int | None = None, weekday: int | None = None, now: datetime) -> None:
    """This function will move a person's summaries to another hour or day; None leaves either. Raises Refused."""
    if (hour is not None and not 0 <= hour <= 23) or (weekday is not None and not 0 <= weekday <= 6):
        raise Refused("There is no such hour or day.")
    chosen = {"digest_hour": hour, "digest_weekday": weekday}
    with transaction.atomic():
        _save(user_id, **{name: value for name, value in chosen.items() if value is not None})
        # What waits by the choice before is looked at anew, and put off to its new time.
        waiting = Delivery.objects.filter(user_id=user_id, state=Delivery.State.DEFERRED, reason__in=["digest_daily", "digest_weekly"])
        waiting.update(due_at=now)


def mute(user_id: int, key: str, label: str, *, now: datetime) -> None:
    """This function will leave a person alone about a course, a study or a thread. Raises Refused."""
    if not key or len(key) > 255 or not key.isprintable():
        raise Refused("There is nothing of this name.")
    Mute.objects.get_or_create(user_id=user_id, key=key, defaults={"label": label[:200], "muted_at": now})


def mutable(message: Message) -> list[Mutable]:
    """This function will list what a reader may mute: its thread, its course or study; nothing where that would change nothing."""
    try:
        known = find(message.type)
    except (UnknownType, TypeError):
        return []
    if known.locked or known.hours is Hours.ANY:
        return []
    context = message.context
    wide = context.get("course_name") or context.get("study") or message.scope
    found = [Mutable(message.thread, str(context.get("post_title") or wide)), Mutable(message.scope, str(wide))]
    return [one for one in found if one.key]


def muted_of(user_id: int, keys: Iterable[str]) -> set[str]:
    """This function will tell which of these a person muted."""
    return set(Mute.objects.filter(user_id=user_id, key__in=list(keys)).values_list("key", flat=True))


def unmute(user_id: int, key: str) -> bool:
    """This function will end a mute, and tell whether there was one."""
    return key.isprintable() and bool(Mute.objects.filter(user_id=user_id, key=key).delete()[0])


def mutes_of(user_id: int) -> list[Mute]:
    """This function will list what a person muted, the latest first."""
    return list(Mute.objects.filter(user_id=user_id).order_by("-muted_at", "-pk"))


@lru_cache(maxsize=4)
def zones_by_local_hour(quarter: datetime) -> dict[LocalHour, tuple[str, ...]]:
    """This function will give, for the start of a quarter of an hour, which zones are in which hour of their week: about thirty groups."""
    found: dict[LocalHour, list[str]] = {}
    for zone in sorted(ZONES):
        shown = local_now(quarter, parse_zone(zone))
        found.setdefault(LocalHour(shown.weekday(), shown.hour), []).append(zone)
    return {hour: tuple(zones) for hour, zones in found.items()}


def _save(user_id: int, **changed: Any) -> None:
    Rest.objects.update_or_create(user_id=user_id, defaults=changed)
