"""A person's sessions with what they did about them: derived, laid over the few rows that exist. Read next: completions.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from channels_ace.api import parse_zone
from scheduling.adherence import Record, SessionState, session_state
from scheduling.burst_calendar import Session, bursts, sessions
from scheduling.models import Completion
from scheduling.planner import overrides_of, protocol
from studies.api import Enrollment


@dataclass(frozen=True)
class DatedSession:
    """One thing to do, and how it stands."""

    id: str
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


def sessions_of(enrollment: Enrollment, from_date: date, to_date: date, now: datetime) -> list[DatedSession]:
    """This function will list the sessions on local dates from `from_date` to before `to_date`, by opening. Two statements."""
    derived = _derive(enrollment, from_date, to_date)
    done = {
        completion.session_id: completion
        for completion in Completion.objects.filter(enrollment=enrollment, session_id__in=[session.id for session in derived])
    }
    return [_dated(session, done.get(session.id), now) for session in derived]


def find_session(enrollment: Enrollment, session_id: str) -> Session:
    """This function will find one derived session by its id. Raises UnknownSession."""
    parts = session_id.split(":")
    number = int(parts[1]) if len(parts) == 4 and parts[1].isdecimal() and len(parts[1]) < 5 else 0
    design = protocol(enrollment.version_id)
    for burst in bursts(design, enrollment.enrolled_date, overrides_of([enrollment.pk])[enrollment.pk]):
        if burst.number == number:
            end = burst.start_date + timedelta(days=design.series(burst.series_id).extend_to_days)
            for session in _derive(enrollment, burst.start_date, end, is_extended=True):
                if session.id == session_id:
                    return session
    raise UnknownSession(session_id)


def _derive(enrollment: Enrollment, from_date: date, to_date: date, *, is_extended: bool = False) -> list[Session]:
    design = protocol(enrollment.version_id)
    overrides = overrides_of([enrollment.pk])[enrollment.pk]
    zone = parse_zone(enrollment.time_zone or "UTC")
    events = [burst.event_id for burst in bursts(design, enrollment.enrolled_date, overrides)] if is_extended else []
    return sessions(design, enrollment.enrolled_date, overrides, zone, from_date, to_date, extended=events)


def _dated(session: Session, done: Completion | None, now: datetime) -> DatedSession:
    record = Record(done.started_at, done.finished_at, done.declined) if done else None
    return DatedSession(
        id=session.id,
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
