import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scheduling.api import NotChangeable, UnknownEvent, Who, complete, events_of, history_of, restore_event, sessions_of, set_event
from scheduling.events import may_become
from scheduling.models import ActivityEvent, PlannerRow
from studies.api import AuditEntry, Enrollment
from tests.scheduling.worlds import join, make_study, mpower_document

CASES = json.loads((Path(__file__).parents[1] / "data" / "nudge_cases.json").read_text(encoding="utf-8"))
ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
DATE = date(2026, 1, 10)
STAFF = Who(is_staff=True)
SECOND = "custom:activityBurst2Start"
DAY = timedelta(days=1)


@pytest.mark.parametrize("case", CASES["update_type_cases"], ids=lambda case: case["id"])
def test_an_event_may_become_what_its_update_type_allows_as_in_the_cases(case: dict[str, Any]) -> None:
    stored = None if case["newTimestampVsStored"] == "absent" else DATE
    new = {"past": DATE - DAY, "same": DATE, "future": DATE + DAY, "absent": DATE}[case["newTimestampVsStored"]]
    update = case["updateType"].lower()

    assert may_become(update, stored, new) is case["canUpdate"]
    assert may_become(update, stored, None) is case["canDelete"]


@pytest.mark.parametrize(
    ("stored", "new", "may"),
    [(None, DATE, True), (DATE, DATE + DAY, True), (DATE, DATE, False), (DATE, DATE - DAY, False), (DATE, None, False)],
)
def test_future_only_moves_to_later_dates_and_is_never_removed(stored: date | None, new: date | None, may: bool) -> None:
    assert may_become("future_only", stored, new) is may


def document_with(events: list[dict[str, Any]], series: dict[str, Any]) -> dict[str, Any]:
    document = mpower_document()
    document["events"] = events
    document["burst_series"][0] |= series
    return document


def dates(enrollment: Enrollment) -> dict[str, date | None]:
    return {event.event_id: event.date for event in events_of(enrollment)}


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES["burst_update_matrix"], ids=lambda case: case["id"])
def test_bursts_follow_a_moved_origin_as_in_the_matrix(case: dict[str, Any]) -> None:
    series = {"origin": "custom:clinic", "count": 1, "update": case["burstUpdateType"].lower()}
    document = document_with([{"id": "custom:clinic", "update": case["originUpdateType"].lower()}], series)
    document["nudges"] = []
    enrollment = join(make_study(ENROLLED, document), ENROLLED)
    if case["originStored"]:
        set_event(enrollment, "custom:clinic", DATE, now=ENROLLED, who=STAFF)
    burst = "custom:activityBurst1Start"
    if case["burstStored"]:
        set_event(enrollment, burst, DATE, now=ENROLLED, who=STAFF) if not case["originStored"] else None
    before = dates(enrollment)

    set_event(enrollment, "custom:clinic", DATE + DAY, now=ENROLLED, who=STAFF)

    after = dates(enrollment)
    assert after["custom:clinic"] == DATE + DAY
    assert after[burst] == (before[burst] if case["burstStored"] and not case["originStored"] else DATE + DAY)


@pytest.mark.django_db
def test_one_burst_moves_and_who_when_and_why_are_kept() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    moved, again = date(2026, 4, 20), date(2026, 4, 27)

    assert set_event(enrollment, SECOND, moved, now=ENROLLED, who=Who(actor_id=enrollment.user_id), why="On holiday")
    assert set_event(enrollment, SECOND, again, now=ENROLLED + DAY, who=Who(service="clinic"), why="Ill")
    assert not set_event(enrollment, SECOND, again, now=ENROLLED + 2 * DAY, who=STAFF)

    found = dates(enrollment)
    assert found[SECOND] == again
    assert found["custom:activityBurst3Start"] == DATE + 182 * DAY
    kept = [(change.date, change.actor_id, change.service, change.at, change.why) for change in history_of(enrollment, SECOND)]
    assert kept == [(again, None, "clinic", ENROLLED + DAY, "Ill"), (moved, enrollment.user_id, "", ENROLLED, "On holiday")]
    assert AuditEntry.objects.filter(what="event_moved").count() == 2


@pytest.mark.django_db
def test_a_removed_burst_stays_removed_when_the_enrollment_is_corrected_until_it_is_restored() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    set_event(enrollment, SECOND, None, now=ENROLLED, who=STAFF)

    set_event(enrollment, "enrollment", DATE + 7 * DAY, now=ENROLLED, who=STAFF, why="Wrong week")

    found = dates(enrollment)
    assert found[SECOND] is None
    assert found["custom:activityBurst1Start"] == DATE + 7 * DAY
    assert found["custom:activityBurst3Start"] == DATE + 189 * DAY
    assert PlannerRow.objects.get(enrollment=enrollment).burst_start == DATE + 7 * DAY
    assert restore_event(enrollment, SECOND, now=ENROLLED, who=STAFF)
    assert dates(enrollment)[SECOND] == DATE + 98 * DAY
    assert not restore_event(enrollment, SECOND, now=ENROLLED, who=STAFF)


@pytest.mark.django_db
def test_a_burst_in_which_something_was_done_keeps_its_days_when_its_origin_moves() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    session = sessions_of(enrollment, DATE, DATE + DAY, ENROLLED)[0]
    complete(enrollment, session.id, started_at=ENROLLED, finished_at=ENROLLED, now=ENROLLED)

    with pytest.raises(NotChangeable):
        set_event(enrollment, "custom:activityBurst1Start", DATE + DAY, now=ENROLLED, who=STAFF)
    set_event(enrollment, "enrollment", DATE + 7 * DAY, now=ENROLLED, who=STAFF)

    found = dates(enrollment)
    assert found["custom:activityBurst1Start"] == DATE
    assert found[SECOND] == DATE + 98 * DAY
    assert sessions_of(enrollment, DATE, DATE + DAY, ENROLLED)[0].state == "completed"


@pytest.mark.django_db
def test_only_staff_correct_the_date_of_enrollment_and_nobody_removes_it() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)

    with pytest.raises(NotChangeable):
        set_event(enrollment, "enrollment", DATE + DAY, now=ENROLLED, who=Who(actor_id=enrollment.user_id))
    with pytest.raises(NotChangeable):
        set_event(enrollment, "enrollment", None, now=ENROLLED, who=STAFF)
    with pytest.raises(UnknownEvent):
        set_event(enrollment, "custom:nothing", DATE, now=ENROLLED, who=STAFF)
    assert not ActivityEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("update", "to"), [("immutable", DATE + 99 * DAY), ("future_only", DATE + 90 * DAY), ("immutable", None), ("future_only", None)]
)
def test_a_burst_keeps_to_the_update_type_of_its_series(update: str, to: date | None) -> None:
    enrollment = join(make_study(ENROLLED, document_with([], {"update": update})), ENROLLED)

    with pytest.raises(NotChangeable):
        set_event(enrollment, SECOND, to, now=ENROLLED, who=STAFF)

    assert dates(enrollment)[SECOND] == DATE + 91 * DAY


@pytest.mark.django_db
def test_sessions_wait_for_an_event_that_somebody_sets() -> None:
    document = document_with([{"id": "custom:clinic"}], {"origin": "custom:clinic"})
    enrollment = join(make_study(ENROLLED, document), ENROLLED)
    assert sessions_of(enrollment, DATE, DATE + 1000 * DAY, ENROLLED) == []
    assert not PlannerRow.objects.get(enrollment=enrollment).is_eligible

    set_event(enrollment, "custom:clinic", DATE + 3 * DAY, now=ENROLLED, who=STAFF)

    assert len(sessions_of(enrollment, DATE, DATE + 1000 * DAY, ENROLLED)) == 126
    assert PlannerRow.objects.get(enrollment=enrollment).burst_start == DATE + 3 * DAY
