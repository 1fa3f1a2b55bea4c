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
from scheduling.event_dates import Overrides, event_dates
from studies.chance import draw
from studies.protocol import BurstSeries, Protocol, RandomTimes, SessionDesign

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
    accepted_until: dt.datetime | None = None
    """What is finished later does not count; None: it does, however late."""


def bursts(protocol: Protocol, enrolled_date: dt.date, overrides: Overrides | None = None, *, seed: str = "") -> list[Burst]:
    """This function will list all bursts of a participant by start date.

    `enrolled_date` is the local date of enrollment, `seed` the participant's own chance.
    """
    dates = event_dates(protocol, enrolled_date, overrides, seed=seed)
    found = []
    for series in protocol.burst_series:
        for number in series.numbers:
            event_id = series.event_id(number)
            if event_id in dates:
                # A series of its own events has its delay in their dates.
                start = dates[event_id] + (series.delay_days if series.origins else 0) * _DAY
                found.append(Burst(series.id, number, start, start + series.length_days * _DAY, event_id))
    return sorted(found, key=lambda burst: (burst.start_date, burst.number))


def sessions(
    protocol: Protocol,
    enrolled_date: dt.date,
    overrides: Overrides | None,
    zone: ZoneInfo,
    from_date: dt.date,
    to_date: dt.date,
    *,
    extended: Collection[str] = (),
    seed: str = "",
    groups: Collection[str] = (),
) -> list[Session]:
    """This function will list the sessions of a participant on local dates from `from_date` to before `to_date`, by opening.

    `extended` holds the event ids of bursts that go on past their last day, because they were not completed by then;
    `seed` is the participant's own chance, `groups` are their data groups.
    """
    found: list[Session] = []
    known = bursts(protocol, enrolled_date, overrides, seed=seed)
    for burst in known:
        series = protocol.series(burst.series_id)
        last_day = series.extend_to_days if burst.event_id in extended else series.length_days
        first = max(burst.day_on(from_date), 1)
        last = min(burst.day_on(to_date) - 1, last_day)
        for schedule in protocol.schedules_of(series.id):
            if not schedule.is_for(groups):
                continue
            elsewhere = [other for other in known if other.series_id in schedule.except_series]
            for design in schedule.sessions:
                of_burst = _sessions_of(design, schedule.id, series, burst, range(first, last + 1), zone, seed)
                found.extend(session for session in of_burst if not any(_covers(other, session.date) for other in elsewhere))
    return sorted(found, key=lambda session: (session.opens_at, session.id))


def _covers(burst: Burst, date: dt.date) -> bool:
    return burst.start_date <= date < burst.end_date


def _sessions_of(
    design: SessionDesign, schedule_id: str, series: BurstSeries, burst: Burst, days: range, zone: ZoneInfo, seed: str
) -> Iterator[Session]:
    times_by_day = dict(zip(design.days, design.times, strict=True))
    if len(design.days) == series.length_days:
        # What is done every day is also done on the days added, as on the last.
        times_by_day |= dict.fromkeys(range(series.length_days + 1, series.extend_to_days + 1), design.times[-1])
    for day in days:
        if day not in times_by_day:
            continue
        date = burst.start_date + (day - 1) * _DAY
        chance = (seed, design.id, burst.number, day)
        times = times_by_day[day] if design.random_times is None else random_times(design.random_times, date, *chance)
        for index, time in enumerate(times):
            if design.probability < 1 and draw(*chance, index, "takes place") >= design.probability:
                continue
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
                accepted_until=None if design.grace_minutes is None else closes_at + dt.timedelta(minutes=design.grace_minutes),
            )


def random_times(design: RandomTimes, date: dt.date, seed: str, *what: str | int) -> list[dt.time]:
    """This function will draw the times of a date by chance: inside that weekday's window, in order, the gap apart.

    The gaps are taken out of the window before the times are drawn and put back between them after, so every draw fits.
    """
    window = design.window(date.isoweekday())
    if window is None:
        return []
    opens, closes = window
    room = closes - opens - (design.count - 1) * design.min_gap_minutes
    drawn = sorted(int(draw(seed, *what, index) * room) for index in range(design.count))
    minutes = [opens + minute + index * design.min_gap_minutes for index, minute in enumerate(drawn)]
    return [dt.time(minute // 60, minute % 60) for minute in minutes]


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
