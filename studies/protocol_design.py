"""The words a protocol is made of: values that cannot change. Pure; `studies.protocol` makes them from a document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Texts = Mapping[str, tuple[str, ...]]
"""Variants by language."""


@dataclass(frozen=True, slots=True)
class BurstSeries:
    """The same block of days again and again, each starting at an activity event of its own."""

    id: str
    origin: str
    count: int
    interval_days: int | None
    length_days: int
    delay_days: int
    complete_after_days: int
    extend_to_days: int

    def event_id(self, number: int) -> str:
        return f"custom:{self.id}{number}Start"

    def start_offset_days(self, number: int) -> int:
        """This method will give the days from the origin to the start of a burst; bursts count from 1."""
        return self.delay_days + (number - 1) * (self.interval_days or 0)

    @property
    def numbers(self) -> range:
        return range(1, self.count + 1)

    @property
    def keeps_weekday(self) -> bool:
        return (self.interval_days or 0) % 7 == 0


@dataclass(frozen=True, slots=True)
class SessionDesign:
    """A task on days of a burst: `times[n]` are the times on `days[n]`; `window_minutes` is None for an all-day session."""

    id: str
    task: str
    days: tuple[int, ...]
    times: tuple[tuple[dt.time, ...], ...]
    window_minutes: int | None
    label: Mapping[str, str]
    extra_tasks: Mapping[int, tuple[str, ...]]

    @property
    def is_all_day(self) -> bool:
        return self.window_minutes is None

    @property
    def per_burst(self) -> int:
        return sum(len(times) for times in self.times)


@dataclass(frozen=True, slots=True)
class Schedule:
    id: str
    series_id: str
    sessions: tuple[SessionDesign, ...]


@dataclass(frozen=True, slots=True)
class Nudge:
    """What every nudge rule has: to whom not, when in local time, and by which channels in order."""

    id: str
    series_id: str
    send_at: dt.time
    window_opens: dt.time
    window_closes: dt.time
    channels: tuple[str, ...]
    excluded_data_groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class MissedDaysNudge(Nudge):
    """To those who miss days: `early_before_day` compares with the days of the burst that have passed (0 on day 1)."""

    counts: str
    consecutive: int
    total: int
    early_before_day: int
    blackout_start_days: int
    blackout_end_days: int
    early: Texts
    late: Texts
    cumulative: Texts
    # "current": the run of missed days up to today counts. "bridge": the first threshold that was crossed, recovered from or not.
    evaluate: str


@dataclass(frozen=True, slots=True)
class PreBurstNudge(Nudge):
    """To everyone, `lead_days` before each burst from `first_burst` on."""

    lead_days: int
    first_burst: int
    default: Texts
    by_data_group: Mapping[str, Texts]


@dataclass(frozen=True, slots=True)
class Protocol:
    id: str
    name: str
    participant_name: str
    source: tuple[str, ...]
    assumptions: tuple[str, ...]
    languages: tuple[str, ...]
    burst_series: tuple[BurstSeries, ...]
    schedules: tuple[Schedule, ...]
    nudges: tuple[MissedDaysNudge | PreBurstNudge, ...]

    def series(self, series_id: str) -> BurstSeries:
        """This method will give a burst series by its id; an unknown one raises KeyError."""
        return {series.id: series for series in self.burst_series}[series_id]

    def schedules_of(self, series_id: str) -> Iterator[Schedule]:
        return (schedule for schedule in self.schedules if schedule.series_id == series_id)

    def nudge(self, nudge_id: str) -> MissedDaysNudge | PreBurstNudge:
        """This method will give a nudge rule by its id; an unknown one raises KeyError."""
        return {nudge.id: nudge for nudge in self.nudges}[nudge_id]

    def variants(self, texts: Texts, language: str) -> tuple[str, ...]:
        """This method will give the variants in a language, else in its parent (pt for pt-BR), else in the first of the protocol."""
        return texts.get(language) or texts.get(language.split("-")[0]) or texts[self.languages[0]]
