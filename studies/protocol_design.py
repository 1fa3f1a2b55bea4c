"""The words a protocol is made of: values that cannot change. Pure; `studies.protocol` makes them from a document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

Texts = Mapping[str, tuple[str, ...]]
"""Variants by language."""


ENROLLMENT = "enrollment"
UPDATES = ("mutable", "immutable", "future_only")


@dataclass(frozen=True, slots=True)
class Period:
    """An ISO period; what is added last is days, so that P1M-1D is the day before."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class EventDesign:
    """A dated fact of each participant: a period after its origin, or (without one) set by somebody."""

    id: str
    origin: str
    period: Period
    update: str


@dataclass(frozen=True, slots=True)
class RandomisedGroups:
    """Arms: of these data groups each participant gets one, by its share of the whole."""

    id: str
    shares: Mapping[str, int]

    def pick(self, chance: float) -> str:
        """This method will give the group of a number from 0 to below 1."""
        place = chance * sum(self.shares.values())
        for group, upto in zip(self.shares, accumulate(self.shares.values()), strict=True):
            if place < upto:
                return group
        raise ValueError(chance)


@dataclass(frozen=True, slots=True)
class Attribute:
    """What may be known of a participant beside their data groups: a choice of `values`, an integer within its bounds, or yes or no."""

    id: str
    type: str
    values: tuple[str, ...] = ()
    minimum: int = -(2**31)
    maximum: int = 2**31 - 1

    def write(self, value: object) -> str | None:
        """This method will give a value as it is stored; None: it is not allowed."""
        if self.type == "boolean":
            return str(value).lower() if isinstance(value, bool) else None
        if self.type == "integer":
            is_integer = isinstance(value, int) and not isinstance(value, bool)
            return str(value) if is_integer and self.minimum <= value <= self.maximum else None  # type: ignore[operator]
        return value if isinstance(value, str) and value in self.values else None


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """Who has one of the values, or a number within the bounds, meets it; with none of these, whoever has any value."""

    id: str
    values: tuple[str | int | bool, ...] = ()
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class BurstSeries:
    """The same block of days again and again, each starting at an activity event.

    With `origins` burst n starts at the n-th of these events; else the events are its own, at an interval from `origin`.
    """

    id: str
    origin: str
    count: int
    interval_days: int | None
    length_days: int
    delay_days: int
    complete_after_days: int
    extend_to_days: int
    origins: tuple[str, ...] = ()
    update: str = "mutable"
    jitter_days: int = 0
    min_gap_days: int = 1
    within_days: int | None = None

    def event_id(self, number: int) -> str:
        return self.origins[number - 1] if self.origins else f"custom:{self.id}{number}Start"

    def start_offset_days(self, number: int) -> int:
        """This method will give the days from the origin to the (middle of the) start of a burst; bursts count from 1."""
        return self.delay_days + (number - 1) * (self.interval_days or 0)

    def start_bounds(self) -> list[tuple[int, int]]:
        """This method will give the first and last offset in days at which each burst may start, the gap apart by themselves.

        An empty range (first above last) means that the series has no room.
        """
        if not self.jitter_days:
            return [(self.start_offset_days(number),) * 2 for number in self.numbers]
        lows: list[int] = []
        for number in self.numbers:
            low = self.start_offset_days(number) - self.jitter_days
            lows.append(max(low, lows[-1] + self.min_gap_days) if lows else low)
        highs: list[int] = []
        for number in reversed(self.numbers):
            high = self.start_offset_days(number) + self.jitter_days - 1
            if self.within_days is not None:
                high = min(high, self.within_days - self.length_days)
            highs.append(min(high, highs[-1] - self.min_gap_days) if highs else high)
        return list(zip(lows, reversed(highs), strict=True))

    @property
    def numbers(self) -> range:
        return range(1, self.count + 1)

    @property
    def keeps_weekday(self) -> bool:
        return (self.interval_days or 0) % 7 == 0


@dataclass(frozen=True, slots=True)
class RandomTimes:
    """So many times a day by chance, the gap apart, inside the weekday's window."""

    count: int
    min_gap_minutes: int
    # Weekday (1 is Monday), opening and closing minute of the day.
    windows: tuple[tuple[int, int, int], ...]

    def window(self, weekday: int) -> tuple[int, int] | None:
        """This method will give the minutes of the day at which a weekday's window opens and closes; None: nothing is asked."""
        return next(((opens, closes) for known, opens, closes in self.windows if known == weekday), None)

    @property
    def bounds(self) -> tuple[int, int]:
        """The minutes of the day between which all windows lie."""
        return min(opens for _weekday, opens, _closes in self.windows), max(closes for _weekday, _opens, closes in self.windows)


@dataclass(frozen=True, slots=True)
class ReminderDesign:
    """One step in a session's chain of reminders."""

    after_minutes: int
    channels: tuple[str, ...]
    texts: Texts
    by_data_group: Mapping[str, Texts]
    by_channel: Mapping[str, Texts]


@dataclass(frozen=True, slots=True)
class SessionDesign:
    """A task on days of a burst: `times[n]` are the times on `days[n]`; `window_minutes` is None for an all-day session.

    With `random_times` there are no `times`. `grace_minutes` None: a late finish counts, however late.
    """

    id: str
    task: str
    days: tuple[int, ...]
    times: tuple[tuple[dt.time, ...], ...]
    window_minutes: int | None
    label: Mapping[str, str]
    extra_tasks: Mapping[int, tuple[str, ...]]
    random_times: RandomTimes | None = None
    probability: float = 1.0
    grace_minutes: int | None = None
    reminders: tuple[ReminderDesign, ...] = ()

    @property
    def is_all_day(self) -> bool:
        return self.window_minutes is None

    @property
    def per_burst(self) -> int:
        """So many at most: with a probability, or weekdays without a window, there may be fewer."""
        if self.random_times is not None:
            return len(self.days) * self.random_times.count
        return sum(len(times) for times in self.times)

    def asked_on(self, day: int, weekday: int) -> int:
        """This method will tell how many of it a day of a burst asks for, at most."""
        if day not in self.days:
            return 0
        if self.random_times is not None:
            return self.random_times.count if self.random_times.window(weekday) else 0
        return len(self.times[self.days.index(day)])

    @property
    def may_be_fewer(self) -> bool:
        return self.probability < 1 or (self.random_times is not None and len(self.random_times.windows) < 7)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is done in the bursts of a series, by whom, and during which other series not."""

    id: str
    series_id: str
    sessions: tuple[SessionDesign, ...]
    except_series: frozenset[str] = frozenset()
    only_data_groups: frozenset[str] = frozenset()
    excluded_data_groups: frozenset[str] = frozenset()

    def is_for(self, groups: Collection[str]) -> bool:
        """This method will tell whether a participant in these data groups has this schedule."""
        wanted = not self.only_data_groups or not self.only_data_groups.isdisjoint(groups)
        return wanted and self.excluded_data_groups.isdisjoint(groups)


@dataclass(frozen=True, slots=True)
class DaysAfter:
    """Days of a participant that begin at an activity event or a while after it: what a rule outside bursts looks at."""

    event_id: str
    delay_days: int = 0
    length_days: int = 1
    complete_after_days: int = 1

    @property
    def extend_to_days(self) -> int:
        return self.length_days


@dataclass(frozen=True, slots=True)
class Nudge:
    """What every nudge rule has: to whom not, when in local time, and by which channels in order.

    It is about the bursts of a series, or about an activity event (`days`) and then has no series.
    """

    id: str
    series_id: str
    send_at: dt.time
    window_opens: dt.time
    window_closes: dt.time
    channels: tuple[str, ...]
    excluded_data_groups: frozenset[str]
    only_data_groups: frozenset[str] = field(default=frozenset(), kw_only=True)
    # To those who meet all of the first and none of the second.
    only_attributes: tuple[AttributeCondition, ...] = field(default=(), kw_only=True)
    excluded_attributes: tuple[AttributeCondition, ...] = field(default=(), kw_only=True)
    probability: float = field(default=1.0, kw_only=True)
    days: DaysAfter | None = field(default=None, kw_only=True)
    # By channel, then by kind: other words than those of a text message.
    by_channel: Mapping[str, Mapping[str, Texts]] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True, slots=True)
class MissedDaysNudge(Nudge):
    """To those who miss days: `early_before_day` compares with the days of the burst that have passed (0 on day 1)."""

    # The id of a schedule or task; empty: all that is asked counts.
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
    # By data group, then by early, late or cumulative.
    by_data_group: Mapping[str, Mapping[str, Texts]] = field(default_factory=dict, kw_only=True)

    def all_texts(self) -> list[tuple[str, str, Texts]]:
        """This method will list the kinds of text, each with the data group that it is for; empty: for all others."""
        own = [(kind, group, texts) for group, kinds in self.by_data_group.items() for kind, texts in kinds.items()]
        return [("early", "", self.early), ("late", "", self.late), ("cumulative", "", self.cumulative), *own]


@dataclass(frozen=True, slots=True)
class FewActivitiesNudge(Nudge):
    """To those who finished fewer than `fewer_than` activities in the last `in_days` days, today included."""

    # The id of a schedule or task; empty: all that is asked counts.
    counts: str
    fewer_than: int
    in_days: int
    blackout_start_days: int
    blackout_end_days: int
    default: Texts
    by_data_group: Mapping[str, Texts]

    def all_texts(self) -> list[tuple[str, str, Texts]]:
        """This method will list the kinds of text, each with the data group that it is for; empty: for all others."""
        return [("few", "", self.default), *(("few", group, texts) for group, texts in self.by_data_group.items())]


@dataclass(frozen=True, slots=True)
class PreBurstNudge(Nudge):
    """To everyone, `lead_days` before each burst from `first_burst` on, or before an event."""

    lead_days: int
    first_burst: int
    default: Texts
    by_data_group: Mapping[str, Texts]

    def all_texts(self) -> list[tuple[str, str, Texts]]:
        """This method will list the kinds of text, each with the data group that it is for; empty: for all others."""
        return [("pre_burst", "", self.default), *(("pre_burst", group, texts) for group, texts in self.by_data_group.items())]


@dataclass(frozen=True, slots=True)
class SessionReminder(Nudge):
    """To those who have not done a session that is open: one step of its chain, for the sessions that open at one time of day.

    `places` gives, by the days from the start of a burst to the day of the reminder, the day and the place in its list that a session's
    id ends with. With `random_times` each person has a time of their own for it, from `opens_at` on, and is reminded `after_minutes` later.
    """

    session_id: str
    step: int
    opens_at: dt.time
    window_minutes: int | None
    days_later: int
    places: Mapping[int, str]
    default: Texts
    by_data_group: Mapping[str, Texts]
    after_minutes: int = field(kw_only=True)
    random_times: RandomTimes | None = field(default=None, kw_only=True)

    def all_texts(self) -> list[tuple[str, str, Texts]]:
        """This method will list the kinds of text, each with the data group that it is for; empty: for all others."""
        return [("session", "", self.default), *(("session", group, texts) for group, texts in self.by_data_group.items())]


# Rules that look at what somebody did, and at no more than what their `counts` names.
CountingNudge = MissedDaysNudge | FewActivitiesNudge
DesignedNudge = CountingNudge | PreBurstNudge
Rule = DesignedNudge | SessionReminder


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
    nudges: tuple[DesignedNudge, ...]
    events: tuple[EventDesign, ...] = ()
    randomised_groups: tuple[RandomisedGroups, ...] = ()
    # "follow", "pin" or "pin_for_burst": what another zone of a participant's phone changes.
    time_zone_policy: str = "follow"
    attributes: tuple[Attribute, ...] = ()
    reminders: tuple[SessionReminder, ...] = ()
    # Where {link} leads; empty: to this site.
    link: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is run for every zone and day: nudges, then reminders of sessions."""
        return (*self.nudges, *self.reminders)

    @property
    def depends_on_groups(self) -> bool:
        """Whether participants have different sessions by their data groups."""
        return any(schedule.only_data_groups or schedule.excluded_data_groups for schedule in self.schedules)

    @property
    def data_groups(self) -> frozenset[str]:
        """Every data group that the protocol names: by it schedules, rules or texts differ, or chance gives it."""
        named = [group for arms in self.randomised_groups for group in arms.shares]
        for part in (*self.schedules, *self.nudges):
            named += [*part.only_data_groups, *part.excluded_data_groups]
        return frozenset([*named, *(group for rule in self.rules for _kind, group, _texts in rule.all_texts() if group)])

    @property
    def event_ids(self) -> list[str]:
        """Every event of a participant, in the order of the document: enrollment, events, starts of bursts."""
        starts = [series.event_id(number) for series in self.burst_series for number in series.numbers]
        return list(dict.fromkeys([ENROLLMENT, *(event.id for event in self.events), *starts]))

    def update_of(self, event_id: str) -> str:
        """This method will tell how an event may be changed; enrollment may not. An unknown event raises KeyError."""
        if event_id == ENROLLMENT:
            return "immutable"
        updates = {series.event_id(number): series.update for series in self.burst_series for number in series.numbers}
        return (updates | {event.id: event.update for event in self.events})[event_id]

    def series(self, series_id: str) -> BurstSeries:
        """This method will give a burst series by its id; an unknown one raises KeyError."""
        return {series.id: series for series in self.burst_series}[series_id]

    def days_of(self, nudge: Nudge) -> BurstSeries | DaysAfter:
        """This method will give the days that a nudge rule looks at: each burst of its series, or those after its event."""
        return nudge.days or self.series(nudge.series_id)

    def schedules_for(self, nudge: Nudge) -> Iterator[Schedule]:
        """This method will give the schedules whose sessions may count for a rule: of its series, or after an event all of them."""
        return (schedule for schedule in self.schedules if nudge.days is not None or schedule.series_id == nudge.series_id)

    def schedules_of(self, series_id: str) -> Iterator[Schedule]:
        return (schedule for schedule in self.schedules if schedule.series_id == series_id)

    def attribute(self, attribute_id: str) -> Attribute | None:
        """This method will give an attribute by its id; None: it is not declared."""
        return {attribute.id: attribute for attribute in self.attributes}.get(attribute_id)

    def nudge(self, nudge_id: str) -> DesignedNudge:
        """This method will give a nudge rule by its id; an unknown one raises KeyError."""
        return {nudge.id: nudge for nudge in self.nudges}[nudge_id]

    def variants(self, texts: Texts, language: str) -> tuple[str, ...]:
        """This method will give the variants in a language, else in its parent (pt for pt-BR), else in the first of the protocol."""
        return texts.get(language) or texts.get(language.split("-")[0]) or texts[self.languages[0]]
