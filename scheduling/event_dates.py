"""On which local dates one participant's activity events fall: protocol and overrides in, dates out (no clock, no database).

An event that someone moved or removed counts for those that have it as their origin, too. Next: `scheduling.burst_calendar`.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping

from studies.chance import draw_between
from studies.protocol import ENROLLMENT, BurstSeries, EventDesign, Period, Protocol

Overrides = Mapping[str, dt.date | None]
"""Dates of activity events that differ for one participant, by event id; None: that event was removed."""


def event_dates(protocol: Protocol, enrolled_date: dt.date, overrides: Overrides | None = None, *, seed: str = "") -> dict[str, dt.date]:
    """This function will date the events of a participant; what was removed, is not set, or counts from such an event is left out.

    `enrolled_date` is the local date of enrollment. `seed` decides the jitter of bursts that start by chance.
    """
    return _Dating(protocol, enrolled_date, overrides or {}, seed).all()


def add_period(date: dt.date, period: Period) -> dt.date | None:
    """This function will add a period: years and months first, to the end of a shorter month, then weeks and days.

    None: beyond the calendar.
    """
    months = date.year * 12 + date.month - 1 + period.years * 12 + period.months
    year, month = divmod(months, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        return None
    day = min(date.day, calendar.monthrange(year, month + 1)[1])
    try:
        return dt.date(year, month + 1, day) + dt.timedelta(weeks=period.weeks, days=period.days)
    except OverflowError:
        return None


def burst_offsets(series: BurstSeries, seed: str) -> list[int]:
    """This function will give the days from the origin to the start of each burst: with jitter, by chance within its bounds."""
    starts: list[int] = []
    for number, (low, high) in zip(series.numbers, series.start_bounds(), strict=True):
        first = max(low, starts[-1] + series.min_gap_days) if starts and series.jitter_days else low
        starts.append(draw_between(first, high, seed, "burst", series.id, number) if first < high else high)
    return starts


class _Dating:
    def __init__(self, protocol: Protocol, enrolled_date: dt.date, overrides: Overrides, seed: str) -> None:
        self._protocol, self._overrides, self._seed = protocol, overrides, seed
        self._known: dict[str, dt.date | None] = {ENROLLMENT: enrolled_date}
        self._events: dict[str, EventDesign] = {event.id: event for event in protocol.events}
        self._series = {
            series.event_id(number): series for series in protocol.burst_series if not series.origins for number in series.numbers
        }

    def all(self) -> dict[str, dt.date]:
        dated = {event_id: self.date(event_id) for event_id in self._protocol.event_ids}
        return {event_id: date for event_id, date in dated.items() if date is not None}

    def date(self, event_id: str) -> dt.date | None:
        if event_id in self._overrides:
            return self._overrides[event_id]
        if event_id not in self._known:
            # A protocol has no event that counts from itself (studies.protocol_checks).
            self._known |= self._generate(event_id)
        return self._known[event_id]

    def _generate(self, event_id: str) -> dict[str, dt.date | None]:
        event = self._events.get(event_id)
        if event is not None:
            origin = self.date(event.origin) if event.origin else None
            return {event_id: add_period(origin, event.period) if origin is not None else None}
        series = self._series[event_id]
        origin = self.date(series.origin)
        offsets = burst_offsets(series, self._seed)
        return {
            series.event_id(number): origin + dt.timedelta(days=offset) if origin is not None else None
            for number, offset in zip(series.numbers, offsets, strict=True)
        }
