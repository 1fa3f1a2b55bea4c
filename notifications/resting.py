"""When and about what a person is left alone: changed here, one choice at a time. Read next: policies.py, which asks it as a set."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from channels_ace.api import ZONES, Refused, local_now, parse_zone
from notifications.choice_models import Mute, Rest

LONGEST_PAUSE = timedelta(days=366)
EVERY_DAY = 127


@dataclass(frozen=True)
class LocalHour:
    """An hour of the week on people's clocks: Monday is day 0."""

    day: int
    hour: int


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


def mute(user_id: int, key: str, label: str, *, now: datetime) -> None:
    """This function will leave a person alone about a course, a study or a thread. Raises Refused."""
    if not key or len(key) > 255:
        raise Refused("There is nothing of this name.")
    Mute.objects.get_or_create(user_id=user_id, key=key, defaults={"label": label[:200], "muted_at": now})


def unmute(user_id: int, key: str) -> bool:
    """This function will end a mute, and tell whether there was one."""
    return bool(Mute.objects.filter(user_id=user_id, key=key).delete()[0])


def is_muted(user_id: int, key: str) -> bool:
    """This function will tell whether a person muted something."""
    return Mute.objects.filter(user_id=user_id, key=key).exists()


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
