import datetime as dt
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.adherence import (
    Progress,
    Record,
    SessionState,
    adherence_percent,
    done_days,
    progress,
    session_state,
    summarize_study,
)
from scheduling.burst_calendar import Session, sessions
from studies.protocol import SCHEMA_PATH, parse

CASES = json.loads((Path(__file__).parents[1] / "data" / "nudge_cases.json").read_text(encoding="utf-8"))
MPOWER = parse(json.loads((SCHEMA_PATH.parents[1] / "protocols" / "mpower2.json").read_text(encoding="utf-8")))
ENGAGE = parse(json.loads((SCHEMA_PATH.parents[1] / "protocols" / "engage.json").read_text(encoding="utf-8")))
BERLIN = ZoneInfo("Europe/Berlin")
EVENT = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
STATES = {state.name: state for state in SessionState}


def at(moment: dt.datetime) -> Record:
    return Record(started_at=moment, finished_at=moment)


def calendar(protocol: Any = MPOWER, days: int = 14, **options: Any) -> list[Session]:
    return sessions(protocol, EVENT.date(), None, BERLIN, EVENT.date(), EVENT.date() + days * DAY, **options)


def noon(day: int) -> dt.datetime:
    return EVENT + (day - 1) * DAY + 11 * HOUR


@pytest.mark.parametrize("case", CASES["session_state_cases"], ids=lambda case: case["id"])
def test_a_session_has_the_state_of_the_cases(case: dict[str, Any]) -> None:
    given_record = case["record"]
    record = given_record and Record(
        started_at=EVENT if given_record["startedOn"] else None,
        finished_at=EVENT if given_record["finishedOn"] else None,
        is_declined=given_record["declined"],
    )
    applies = case["daysSinceEvent"] is not None

    state = session_state(
        record,
        opens_at=EVENT + case["startDay"] * DAY if applies else None,
        closes_at=EVENT + (case["endDay"] + 1) * DAY if applies else None,
        now=EVENT + (case["daysSinceEvent"] or 0) * DAY,
    )

    assert state is STATES[case["expectedState"]]


@pytest.mark.parametrize("case", CASES["adherence_percent_cases"], ids=lambda case: case["id"])
def test_the_percentage_is_that_of_the_cases(case: dict[str, Any]) -> None:
    assert adherence_percent([STATES[name] for name in case["states"]]) == case["expectedAdherencePercent"]


@pytest.mark.parametrize("case", CASES["progress_cases"], ids=lambda case: case["id"])
def test_progress_is_that_of_the_cases(case: dict[str, Any]) -> None:
    assert progress([STATES[name] for name in case["states"]]).name == case["expectedProgress"]


def test_nothing_left_to_do_is_done() -> None:
    assert progress([SessionState.COMPLETED, SessionState.EXPIRED, SessionState.NOT_APPLICABLE]) is Progress.DONE


@pytest.mark.parametrize(
    ("record", "hours", "state"),
    [
        (None, -1, SessionState.NOT_YET_AVAILABLE),
        (None, 0, SessionState.UNSTARTED),
        (None, 24, SessionState.EXPIRED),
        (Record(started_at=EVENT), 0, SessionState.STARTED),
        (Record(started_at=EVENT), 24, SessionState.ABANDONED),
        (Record(started_at=EVENT, finished_at=EVENT), 0, SessionState.COMPLETED),
        (Record(started_at=EVENT, finished_at=EVENT), 240, SessionState.COMPLETED),
        (Record(finished_at=EVENT), 1, SessionState.COMPLETED),
        (Record(is_declined=True), -1, SessionState.DECLINED),
        (Record(started_at=EVENT, is_declined=True), 24, SessionState.DECLINED),
    ],
)
def test_a_window_includes_its_opening_and_not_its_closing(record: Record | None, hours: int, state: SessionState) -> None:
    assert session_state(record, opens_at=EVENT, closes_at=EVENT + DAY, now=EVENT + hours * HOUR) is state


def test_a_session_without_any_time_to_do_it_does_not_apply() -> None:
    assert session_state(None, opens_at=EVENT, closes_at=EVENT, now=EVENT) is SessionState.NOT_APPLICABLE


def test_the_percentage_is_rounded_down() -> None:
    assert adherence_percent([SessionState.COMPLETED, SessionState.COMPLETED, SessionState.EXPIRED]) == 66


@given(st.lists(st.sampled_from(SessionState)), st.lists(st.sampled_from([SessionState.NOT_APPLICABLE, SessionState.NOT_YET_AVAILABLE])))
def test_what_is_not_due_never_changes_the_percentage(states: list[SessionState], not_due: list[SessionState]) -> None:
    percent = adherence_percent(states)

    assert 0 <= percent <= 100
    assert adherence_percent([*states, *not_due]) == percent
    assert adherence_percent([*states, SessionState.EXPIRED]) <= percent


def test_a_study_is_summed_up_by_day_burst_and_whole() -> None:
    listed = calendar(days=91 + 14)
    records = {session.id: at(session.opens_at) for session in listed if session.burst_number == 1 and session.day <= 3}

    study = summarize_study(listed, records, noon(5))

    first, second = study.bursts
    assert [day.summary.percent for day in first.days[:5]] == [100, 100, 100, 0, 0]
    assert list(first.days[4].states.values()) == [SessionState.UNSTARTED]
    assert (first.summary.completed, first.summary.due, first.summary.percent) == (3, 5, 60)
    assert first.summary.progress is Progress.IN_PROGRESS
    assert (second.summary.due, second.summary.percent) == (0, 100)
    assert (study.summary.completed, study.summary.percent) == (3, 60)


def test_days_added_to_a_burst_are_owed_by_nobody_but_count_when_done() -> None:
    listed = calendar(days=19, extended={"custom:activityBurst1Start"})
    records = {session.id: at(session.opens_at) for session in listed if session.day in (1, 2, 15)}

    study = summarize_study(listed, records, noon(30))

    assert (study.summary.completed, study.summary.due) == (3, 15)
    assert study.bursts[0].days[14].is_extension
    assert study.summary.progress is Progress.DONE


def test_a_day_is_done_when_all_its_counted_sessions_are() -> None:
    listed = calendar(ENGAGE, days=3)
    records = {session.id: at(session.opens_at) for session in listed if session.day == 1 or session.id == "prompt:1:02:0"}

    assert done_days(listed, records, "ema") == {("prompts", 1): frozenset({1})}
    assert done_days(listed, records, "four-a-day") == {("prompts", 1): frozenset({1})}
    assert done_days(listed, records, "another-task") == {}


def test_a_declined_or_merely_started_session_leaves_its_day_undone() -> None:
    listed = calendar(days=2)
    records = {"daily:1:01:0": Record(started_at=EVENT), "daily:1:02:0": Record(finished_at=EVENT, is_declined=True)}

    assert done_days(listed, records) == {("activityBurst", 1): frozenset()}
