"""A person's sessions with what they did about them: derived, laid over the few rows that exist. Read next: completions.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from channels_ace.api import local_date, parse_zone
from scheduling.adherence import Record, SessionState, StudySummary, session_state, summarize_study
from scheduling.burst_calendar import Burst, Session, sessions
from scheduling.event_dates import Overrides
from scheduling.models import Completion
from scheduling.planner import bursts_of, overrides_of, protocol
from studies.api import DataGroup, Enrollment, Protocol

# So many days are worked out at a time: a study of years is not, to give its first page.
STEP = timedelta(days=92)


@dataclass(frozen=True)
class DatedSession:
    """One thing to do, and how it stands."""

    id: str
    series_id: str
    burst: int
    day: int
    date: date
    task: str
    label: Mapping[str, str]
    opens_at: datetime
    closes_at: datetime
    state: SessionState
    is_extension: bool


class UnknownSession(LookupError):
    """The enrollment has no session of this id."""


@dataclass(frozen=True)
class Page:
    """Sessions of whole local dates, and the date on which they go on; None at the end of what was asked for."""

    sessions: list[DatedSession]
    next_date: date | None


def sessions_of(enrollment: Enrollment, from_date: date, to_date: date, now: datetime) -> list[DatedSession]:
    """This function will list the sessions on local dates from `from_date` to before `to_date`, by opening. Three statements at most."""
    return [_dated(session, done, now) for session, done in Calendar.of(enrollment).between(from_date, to_date, now)]


def page_of_sessions(enrollment: Enrollment, from_date: date, to_date: date, now: datetime, size: int) -> Page:
    """This function will list sessions as sessions_of does, but end after the date with which there are `size` of them, or more."""
    calendar = Calendar.of(enrollment)
    found: list[DatedSession] = []
    while from_date < to_date and len(found) < size:
        until = min(from_date + STEP, to_date)
        found += [_dated(session, done, now) for session, done in calendar.between(from_date, until, now)]
        from_date = until
    if len(found) >= size:
        last = found[size - 1].date
        from_date = last + timedelta(days=1)
        found = [session for session in found if session.date <= last]
    return Page(found, from_date if from_date < to_date else None)


def find_session(enrollment: Enrollment, session_id: str) -> Session:
    """This function will find one derived session by its id, also on a day that may be added. Raises UnknownSession."""
    parts = session_id.split(":")
    number = int(parts[1]) if len(parts) == 4 and parts[1].isdecimal() and len(parts[1]) < 5 else 0
    calendar = Calendar.of(enrollment)
    for burst in calendar.bursts:
        if burst.number == number:
            end = burst.start_date + timedelta(days=calendar.design.series(burst.series_id).extend_to_days)
            for session in calendar.derive(burst.start_date, end, extended=[burst.event_id]):
                if session.id == session_id:
                    return session
    raise UnknownSession(session_id)


@dataclass(frozen=True)
class Calendar:
    """What one person's sessions are derived from, read once."""

    enrollment: Enrollment
    overrides: Overrides
    groups: Collection[str]
    completions: Mapping[str, Completion]

    @classmethod
    def of(cls, enrollment: Enrollment) -> Calendar:
        return calendars([enrollment])[enrollment.pk]

    @property
    def design(self) -> Protocol:
        return protocol(self.enrollment.version_id)

    @cached_property
    def bursts(self) -> list[Burst]:
        return bursts_of(self.enrollment, self.overrides)

    @property
    def zone(self) -> ZoneInfo:
        return parse_zone(self.enrollment.time_zone or "UTC")

    def between(self, from_date: date, to_date: date, now: datetime) -> Iterator[tuple[Session, Completion | None]]:
        """This method will yield the sessions on local dates, those of days added included, each with what was done about it."""
        today = local_date(now, self.zone)
        added = {burst.event_id: self._days_added(burst) for burst in self.bursts if burst.end_date <= today}
        for session in self.derive(from_date, to_date, extended=[event_id for event_id, last in added.items() if last]):
            event_id = self.design.series(session.series_id).event_id(session.burst_number)
            if not session.is_extension or session.day <= added[event_id]:
                yield session, self.completions.get(session.id)

    def derive(self, from_date: date, to_date: date, *, extended: Collection[str] = ()) -> list[Session]:
        return sessions(
            self.design,
            self.enrollment.enrolled_date,
            self.overrides,
            self.zone,
            from_date,
            to_date,
            extended=extended,
            seed=self.enrollment.public_id,
            groups=self.groups,
        )

    def _days_added(self, burst: Burst) -> int:
        """This method will give the last day that a burst goes on to, 0 for one that ended in time: it goes on while too little is done."""
        series = self.design.series(burst.series_id)
        mine = {session.id for schedule in self.design.schedules_of(series.id) for session in schedule.sessions}
        done = sorted(
            {
                completion.day
                for session_id, completion in self.completions.items()
                if completion.burst == burst.number and completion.finished_at and completion.counts and session_id.split(":")[0] in mine
            }
        )
        enough = done[series.complete_after_days - 1] if len(done) >= series.complete_after_days else series.extend_to_days
        return enough if enough > series.length_days else 0


def adherence_of(enrollments: Collection[Enrollment], now: datetime) -> Mapping[int, StudySummary]:
    """This function will sum up what several people did of what was due, by day, burst and study; three statements at most."""
    return {enrollment_id: _summarize(calendar, now) for enrollment_id, calendar in calendars(enrollments).items()}


def _summarize(calendar: Calendar, now: datetime) -> StudySummary:
    known = calendar.bursts
    if not known:
        return summarize_study([], {}, now)
    longest = max(series.extend_to_days for series in calendar.design.burst_series)
    found = [session for session, _done in calendar.between(known[0].start_date, known[-1].start_date + timedelta(days=longest), now)]
    return summarize_study(found, {session_id: record_of(done) for session_id, done in calendar.completions.items()}, now)


def calendars(enrollments: Collection[Enrollment]) -> Mapping[int, Calendar]:
    """This function will read what the sessions of several people are derived from, in three statements at most."""
    ids = [enrollment.pk for enrollment in enrollments]
    overrides = overrides_of(ids)
    groups: dict[int, set[str]] = defaultdict(set)
    apart = [enrollment.pk for enrollment in enrollments if protocol(enrollment.version_id).depends_on_groups]
    if apart:
        for enrollment_id, name in DataGroup.objects.filter(enrollment_id__in=apart).values_list("enrollment_id", "name"):
            groups[enrollment_id].add(name)
    completions: dict[int, dict[str, Completion]] = defaultdict(dict)
    for completion in Completion.objects.filter(enrollment_id__in=ids).defer("client_data"):
        completions[completion.enrollment_id][completion.session_id] = completion
    return {found.pk: Calendar(found, overrides[found.pk], groups[found.pk], completions[found.pk]) for found in enrollments}


def _dated(session: Session, done: Completion | None, now: datetime) -> DatedSession:
    record = record_of(done) if done else None
    return DatedSession(
        id=session.id,
        series_id=session.series_id,
        burst=session.burst_number,
        day=session.day,
        date=session.date,
        task=session.task,
        label=session.label,
        opens_at=session.opens_at,
        closes_at=session.closes_at,
        state=session_state(record, opens_at=session.opens_at, closes_at=session.closes_at, now=now),
        is_extension=session.is_extension,
    )


def record_of(completion: Completion) -> Record:
    """This function will give what a person did about a session, as adherence counts it."""
    return Record(completion.started_at, completion.finished_at, completion.declined)
