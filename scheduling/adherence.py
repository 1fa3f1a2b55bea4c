"""How much of what was due a participant did: sessions and records in, states and shares out (no clock, no database).

States, percentage and progress follow the arithmetic of Sage Bridge, so that studies can compare. Next:
`scheduling.burst_calendar`, which makes the sessions.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from scheduling.burst_calendar import Session


class SessionState(StrEnum):
    NOT_YET_AVAILABLE = "not_yet_available"
    UNSTARTED = "unstarted"
    STARTED = "started"
    COMPLETED = "completed"
    ABANDONED = "abandoned"
    EXPIRED = "expired"
    NOT_APPLICABLE = "not_applicable"
    DECLINED = "declined"


class Progress(StrEnum):
    UNSTARTED = "unstarted"
    IN_PROGRESS = "in_progress"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Record:
    """What a person did about one session."""

    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    is_declined: bool = False


_DUE = frozenset(SessionState) - {SessionState.NOT_YET_AVAILABLE, SessionState.NOT_APPLICABLE}
_OPEN = frozenset({SessionState.NOT_YET_AVAILABLE, SessionState.UNSTARTED, SessionState.STARTED})


def session_state(record: Record | None, *, opens_at: dt.datetime | None, closes_at: dt.datetime | None, now: dt.datetime) -> SessionState:
    """This function will give the state of a session at `now`.

    Without a window the session does not apply to the participant, whatever was recorded; nor does it when its window
    is empty. What was finished counts at any time: whether a late finish is accepted is decided when it arrives.
    """
    if opens_at is None or closes_at is None or opens_at >= closes_at:
        return SessionState.NOT_APPLICABLE
    done = record or Record()
    if done.is_declined:
        return SessionState.DECLINED
    if done.finished_at is not None:
        return SessionState.COMPLETED
    if done.started_at is not None:
        return SessionState.ABANDONED if now >= closes_at else SessionState.STARTED
    if now < opens_at:
        return SessionState.NOT_YET_AVAILABLE
    return SessionState.EXPIRED if now >= closes_at else SessionState.UNSTARTED


def adherence_percent(states: Iterable[SessionState]) -> int:
    """This function will give completed of due sessions in whole percent, rounded down; 100 while nothing was due."""
    due = [state for state in states if state in _DUE]
    return 100 * due.count(SessionState.COMPLETED) // len(due) if due else 100


def progress(states: Iterable[SessionState]) -> Progress:
    """This function will tell whether sessions are still to come or open; where none applies, nothing has begun."""
    applicable = {*states} - {SessionState.NOT_APPLICABLE}
    if not applicable:
        return Progress.UNSTARTED
    return Progress.IN_PROGRESS if applicable & _OPEN else Progress.DONE


@dataclass(frozen=True, slots=True)
class Summary:
    """States counted, with what follows from them."""

    counts: Mapping[SessionState, int]
    percent: int
    progress: Progress

    @property
    def completed(self) -> int:
        return self.counts.get(SessionState.COMPLETED, 0)

    @property
    def due(self) -> int:
        return sum(self.counts.get(state, 0) for state in _DUE)


@dataclass(frozen=True, slots=True)
class DaySummary:
    day: int
    date: dt.date
    states: Mapping[str, SessionState]
    summary: Summary
    is_extension: bool


@dataclass(frozen=True, slots=True)
class BurstSummary:
    series_id: str
    number: int
    days: tuple[DaySummary, ...]
    summary: Summary


@dataclass(frozen=True, slots=True)
class StudySummary:
    bursts: tuple[BurstSummary, ...]
    summary: Summary


def summarize(states: Iterable[SessionState]) -> Summary:
    """This function will count states and give their percentage and progress."""
    found = list(states)
    return Summary(counts=Counter(found), percent=adherence_percent(found), progress=progress(found))


def summarize_study(sessions: Sequence[Session], records: Mapping[str, Record], now: dt.datetime) -> StudySummary:
    """This function will sum up a participant's sessions by day, burst and study; `records` are by session id.

    Days added to a burst are shown, and what was done on them counts, but nobody owes them: only a session completed
    there enters the percentages.
    """
    in_order = sorted(sessions, key=lambda session: (session.series_id, session.burst_number, session.day, session.id))
    found = tuple(
        _summarize_burst(series_id, number, list(of_burst), records, now)
        for (series_id, number), of_burst in groupby(in_order, key=lambda session: (session.series_id, session.burst_number))
    )
    return StudySummary(found, summarize(state for burst in found for day in burst.days for state in _counted(day)))


def done_days(
    sessions: Iterable[Session], records: Mapping[str, Record], counts: str | None = None
) -> dict[tuple[str, int], frozenset[int]]:
    """This function will give the days done, by series and burst number: those with every session completed.

    `counts` is the id of a schedule or of a task; other sessions are not looked at.
    """
    every: dict[tuple[str, int], dict[int, bool]] = {}
    for session in sessions:
        if counts in (None, session.schedule_id, session.task):
            days = every.setdefault((session.series_id, session.burst_number), {})
            record = records.get(session.id, Record())
            days[session.day] = days.get(session.day, True) and record.finished_at is not None and not record.is_declined
    return {burst: frozenset(day for day, is_done in days.items() if is_done) for burst, days in every.items()}


def _summarize_burst(series_id: str, number: int, sessions: list[Session], records: Mapping[str, Record], now: dt.datetime) -> BurstSummary:
    days = tuple(_summarize_day(list(of_day), records, now) for _, of_day in groupby(sessions, key=lambda session: session.day))
    return BurstSummary(series_id, number, days, summarize(state for day in days for state in _counted(day)))


def _summarize_day(sessions: list[Session], records: Mapping[str, Record], now: dt.datetime) -> DaySummary:
    states = {
        session.id: session_state(records.get(session.id), opens_at=session.opens_at, closes_at=session.closes_at, now=now)
        for session in sessions
    }
    first = sessions[0]
    return DaySummary(first.day, first.date, states, summarize(states.values()), first.is_extension)


def _counted(day: DaySummary) -> list[SessionState]:
    states = list(day.states.values())
    return [state for state in states if state is SessionState.COMPLETED] if day.is_extension else states
