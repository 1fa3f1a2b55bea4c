"""When the bursts and sessions of one participant are: protocol, dates and a zone in, calendar out (no clock, no database).

A burst starts on a local calendar date, so it keeps its weekday in every zone and across clock changes; instants are
worked out last, from wall time and zone. Nothing is stored: `scheduling.adherence` lays what a person did over it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from channels_ace.local_time import does_date_exist, local_date, to_instant
from studies.protocol import BurstSeries, Protocol, SessionDesign

Overrides = Mapping[str, dt.date | None]
"""Dates of activity events that differ for one participant, by event id; None: that burst was removed."""

_DAY = dt.timedelta(days=1)
_MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class Burst:
    """One dated block of days: `start_date` is its first, `end_date` the day after its last."""

    series_id: str
    number: int
    start_date: dt.date
    end_date: dt.date
    event_id: str

    @property
    def last_date(self) -> dt.date:
        return self.end_date - _DAY

    def day_on(self, date: dt.date) -> int:
        """This method will give the number of the day that `date` is, the first being 1; it may lie outside the burst."""
        return (date - self.start_date).days + 1


@dataclass(frozen=True, slots=True)
class Session:
    """One thing to do: `opens_at <= t < closes_at`. Equal instants: its date never was in the participant's zone.

    The id names the session's design, burst, day and place in that day's list, never a time: a protocol that moves
    10:00 to 11:00 keeps the ids, and so what was done.
    """

    id: str
    schedule_id: str
    series_id: str
    burst_number: int
    day: int
    date: dt.date
    task: str
    extra_tasks: tuple[str, ...]
    label: Mapping[str, str]
    opens_at: dt.datetime
    closes_at: dt.datetime
    is_extension: bool


def bursts(protocol: Protocol, enrolled_date: dt.date, overrides: Overrides | None = None) -> list[Burst]:
    """This function will list all bursts of a participant by start date.

    `enrolled_date` is the local date of enrollment; an override replaces the date of its event alone.
    """
    moved = overrides or {}
    found = []
    for series in protocol.burst_series:
        for number in series.numbers:
            event_id = series.event_id(number)
            start = moved.get(event_id, enrolled_date + series.start_offset_days(number) * _DAY)
            if start is not None:
                found.append(Burst(series.id, number, start, start + series.length_days * _DAY, event_id))
    return sorted(found, key=lambda burst: (burst.start_date, burst.number))


def burst_on(
    protocol: Protocol, enrolled_date: dt.date, date: dt.date, overrides: Overrides | None = None, *, series_id: str | None = None
) -> Burst | None:
    """This function will give the burst that `date` belongs to, or None; where moved bursts overlap, the one that started last."""
    covering = [
        burst
        for burst in bursts(protocol, enrolled_date, overrides)
        if burst.start_date <= date < burst.end_date and series_id in (None, burst.series_id)
    ]
    return covering[-1] if covering else None


def next_burst(
    protocol: Protocol, enrolled_date: dt.date, date: dt.date, overrides: Overrides | None = None, *, series_id: str | None = None
) -> Burst | None:
    """This function will give the first burst that starts after `date`, or None."""
    coming = (
        burst for burst in bursts(protocol, enrolled_date, overrides) if burst.start_date > date and series_id in (None, burst.series_id)
    )
    return next(coming, None)


def sessions(
    protocol: Protocol,
    enrolled_date: dt.date,
    overrides: Overrides | None,
    zone: ZoneInfo,
    from_date: dt.date,
    to_date: dt.date,
    *,
    extended: Collection[str] = (),
) -> list[Session]:
    """This function will list the sessions of a participant on local dates from `from_date` to before `to_date`, by opening.

    `extended` holds the event ids of bursts that go on past their last day, because they were not completed by then.
    """
    found: list[Session] = []
    for burst in bursts(protocol, enrolled_date, overrides):
        series = protocol.series(burst.series_id)
        last_day = series.extend_to_days if burst.event_id in extended else series.length_days
        first = max(burst.day_on(from_date), 1)
        last = min(burst.day_on(to_date) - 1, last_day)
        for schedule in protocol.schedules_of(series.id):
            for design in schedule.sessions:
                found.extend(_sessions_of(design, schedule.id, series, burst, range(first, last + 1), zone))
    return sorted(found, key=lambda session: (session.opens_at, session.id))


def _sessions_of(
    design: SessionDesign, schedule_id: str, series: BurstSeries, burst: Burst, days: range, zone: ZoneInfo
) -> Iterator[Session]:
    times_by_day = dict(zip(design.days, design.times, strict=True))
    if len(design.days) == series.length_days:
        # What is done every day is also done on the days added, as on the last.
        times_by_day |= dict.fromkeys(range(series.length_days + 1, series.extend_to_days + 1), design.times[-1])
    for day in days:
        date = burst.start_date + (day - 1) * _DAY
        for index, time in enumerate(times_by_day.get(day, ())):
            opens_at, closes_at = session_window(date, time, design.window_minutes, zone)
            yield Session(
                id=f"{design.id}:{burst.number}:{day:02d}:{index}",
                schedule_id=schedule_id,
                series_id=series.id,
                burst_number=burst.number,
                day=day,
                date=date,
                task=design.task,
                extra_tasks=design.extra_tasks.get(day, ()),
                label=design.label,
                opens_at=opens_at,
                closes_at=closes_at,
                is_extension=day > series.length_days,
            )


def session_window(date: dt.date, time: dt.time, window_minutes: int | None, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """This function will give opening and closing of a session as UTC instants; None minutes: until the local day ends.

    Whole days end at the same wall time, whatever the clocks did; what is beyond them is counted in elapsed minutes.
    On a date that the zone skipped both are the same instant.
    """
    opens_at = to_instant(date, time, zone)
    if local_date(opens_at, zone) != date and not does_date_exist(date, zone):
        return opens_at, opens_at
    if window_minutes is None:
        return opens_at, to_instant(date + _DAY, dt.time.min, zone)
    days, minutes = divmod(window_minutes, _MINUTES_A_DAY)
    ends = to_instant(date + days * _DAY, time, zone) if days else opens_at
    return opens_at, ends + dt.timedelta(minutes=minutes)


def window_last_day(day: int, time: dt.time, window_minutes: int) -> int:
    """This function will give the number of the last day on which a window that opens on `day` can still be used."""
    last_minute = time.hour * 60 + time.minute + window_minutes - 1
    return day + last_minute // _MINUTES_A_DAY
