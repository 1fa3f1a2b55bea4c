"""Local time as people live it: zones, wall clocks, gaps, overlaps and daily windows, from data alone (no clock, no database)."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

_DAY = dt.timedelta(days=1)
_SECOND = dt.timedelta(seconds=1)

# What a zone database lists beside the zones: a placeholder, this machine's own setting, and copies
# of every zone that count leap seconds differently.
_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})
_COPIES = ("posix/", "right/")

ZONES: frozenset[str] = frozenset(name for name in available_timezones() if name not in _NOT_ZONES and not name.startswith(_COPIES))


class UnknownZone(ValueError):
    """A name that is not an IANA time zone we accept."""


def parse_zone(name: str) -> ZoneInfo:
    """This function will give the zone of an IANA name, spelled exactly; anything else raises `UnknownZone`."""
    if name not in ZONES:
        raise UnknownZone(f"unknown time zone: {name[:64]!r}")
    return _load_zone(name)


# zoneinfo itself keeps only the last eight zones, and reading one from disk takes longer than all that is done with it.
@functools.cache
def _load_zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_now(instant: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """This function will give what clock and calendar show in `zone` at an aware `instant`; a naive one raises."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(zone)


def local_date(instant: dt.datetime, zone: ZoneInfo) -> dt.date:
    """This function will give the calendar date in `zone` at `instant`."""
    return local_now(instant, zone).date()


def to_instant(date: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """This function will give the UTC instant of a wall time, exactly one for every date, time and zone.

    A wall time that happens twice means the first. One that a clock change skips is read with the offset before the
    change, so 02:30 becomes 03:30 (RFC 5545, section 3.3.5); where that would leave the date, as on a date that a zone
    skipped altogether (Apia, 2011-12-30), it is the first instant after what was skipped.
    """
    wall = dt.datetime.combine(date, time.replace(tzinfo=None, fold=0))
    instant = wall.replace(tzinfo=zone).astimezone(dt.UTC)
    shown = instant.astimezone(zone)
    if shown.date() == date:
        return instant
    skipped_by = shown.replace(tzinfo=None) - wall
    return _find_change(instant - skipped_by, instant, zone)


def does_date_exist(date: dt.date, zone: ZoneInfo) -> bool:
    """This function will tell whether `date` had or will have any moment in `zone`."""
    return to_instant(date, dt.time.min, zone) < to_instant(date + _DAY, dt.time.min, zone)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the day in local time, `opens` included and `closes` not; past midnight when it closes before it opens.

    Equal ends mean the whole day.
    """

    opens: dt.time
    closes: dt.time

    def is_open(self, instant: dt.datetime, zone: ZoneInfo) -> bool:
        """This method will tell whether the wall clock in `zone` is inside the window."""
        return self._holds(local_now(instant, zone).time())

    def next_opening(self, instant: dt.datetime, zone: ZoneInfo) -> dt.datetime:
        """This method will give the first UTC instant from `instant` on at which the window is open.

        Clock changes count as they happen: a window may open because the clock jumped into it, or stay shut that day.
        """
        shown = local_now(instant, zone)
        instant = instant.astimezone(dt.UTC)
        if self._holds(shown.time()):
            return instant
        opening = instant + self._wait_from(shown)
        if opening.astimezone(zone).utcoffset() == shown.utcoffset():
            return opening
        return self.next_opening(_find_change(instant, opening, zone), zone)

    def _holds(self, wall: dt.time) -> bool:
        if self.opens < self.closes:
            return self.opens <= wall < self.closes
        return wall >= self.opens or wall < self.closes

    def _wait_from(self, shown: dt.datetime) -> dt.timedelta:
        wall = shown.replace(tzinfo=None)
        opening = dt.datetime.combine(wall.date(), self.opens)
        return opening - wall if opening > wall else opening + _DAY - wall


def openings(instant: dt.datetime, window: Window, zones: Iterable[str]) -> dict[str, dt.datetime | None]:
    """This function will tell for each zone name when the window next opens there, None where it is open at `instant`.

    Zones whose offset does not change in the next two days are worked out once per offset, so all of them together
    take a few milliseconds.
    """
    later = instant + 2 * _DAY
    by_offset: dict[dt.timedelta | None, dt.datetime | None] = {}
    found: dict[str, dt.datetime | None] = {}
    for name in zones:
        zone = parse_zone(name)
        offset = local_now(instant, zone).utcoffset()
        if offset != later.astimezone(zone).utcoffset():
            found[name] = _opening_or_none(instant, window, zone)
            continue
        if offset not in by_offset:
            by_offset[offset] = _opening_or_none(instant, window, zone)
        found[name] = by_offset[offset]
    return found


def _opening_or_none(instant: dt.datetime, window: Window, zone: ZoneInfo) -> dt.datetime | None:
    return None if window.is_open(instant, zone) else window.next_opening(instant, zone)


def _find_change(before: dt.datetime, after: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The first whole second in (before, after] with another offset than at `before`: zones change on whole seconds."""
    before, after = before.replace(microsecond=0), after.replace(microsecond=0) + _SECOND
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + ((after - before) // 2 // _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return before + _SECOND
