import copy
import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Q

from channels_ace.models import Delivery
from scheduling.api import Who, complete, report_zone, restore_event, set_event, tick
from scheduling.models import Nudge, NudgeDecision, PlannerRow, RunLedger
from scheduling.monitoring import count_participants
from scheduling.self_check import find_gaps
from scheduling.texts import recent_texts
from studies.api import Enrollment
from studies.fact_words import tell
from studies.protocol import check, parse
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, mpower_document

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
STAFF = Who(is_staff=True)
VISIT = date(2026, 2, 20)
# The third of the days that are looked at, which begin on the day after the visit.
THIRD = date(2026, 2, 23)


def with_visit(**changes: Any) -> dict[str, Any]:
    """This function will give mPower's design with a visit that somebody dates, a rule after it and one before it."""
    document = mpower_document()
    missed, before = copy.deepcopy(document["nudges"])
    document["events"] = [{"id": "custom:visit"}]
    for rule in (missed, before):
        del rule["series"]
    del missed["counts"], before["first_burst"]
    missed |= {"event": "custom:visit", "delay_days": 1, "length_days": 10, "total": 5, "blackout_start_days": 0, "id": "after-visit"}
    document["nudges"] += [missed | changes, {**before, "event": "custom:visit", "lead_days": 2, "id": "before-visit"}]
    return document


def date_visit(enrollment: Enrollment, on: date | None, at: date = date(2026, 2, 1)) -> None:
    set_event(enrollment, "custom:visit", on, now=noon(at), who=STAFF)


def do_session(enrollment: Enrollment, session_id: str, on: date) -> None:
    complete(enrollment, session_id, started_at=noon(on) - timedelta(hours=1), finished_at=noon(on), now=noon(on))


def live(first: date, last: date) -> None:
    """This function will let beat's tick come at noon of each day."""
    for day in range((last - first).days + 1):
        tick(noon(first + day * DAY))


def reminders() -> list[tuple[date, str]]:
    return list(Nudge.objects.order_by("pk").values_list("local_date", "slot"))


@pytest.mark.django_db
def test_who_does_nothing_after_an_event_outside_bursts_is_told_before_it_and_reminded_once_after_it() -> None:
    enrollment = join(make_study(ENROLLED, with_visit()), ENROLLED)
    date_visit(enrollment, VISIT)

    live(VISIT - 4 * DAY, VISIT + 12 * DAY)

    assert reminders() == [
        (VISIT - 2 * DAY, "pre_burst:custom:visit:2026-02-20"),
        (THIRD, "missed:custom:visit:2026-02-21"),
    ]
    assert [text.kind for text in recent_texts(Q(enrollment=enrollment), 5)] == [
        "Reminder after the event visit",
        "Text before the event visit",
    ]
    days = NudgeDecision.objects.filter(rule="after-visit").order_by("local_date").values_list("reason", flat=True)
    assert list(days) == [
        *["thresholds_not_met"] * 2,
        "consecutive_missed_threshold_early",
        *["already_notified"] * 6,
        "blackout_end",
    ]
    assert not PlannerRow.objects.get(track=1).is_eligible
    assert find_gaps(noon(VISIT + 5 * DAY)) == []


@pytest.mark.django_db
def test_an_event_without_a_date_or_a_removed_one_asks_for_nothing() -> None:
    enrollment = join(make_study(ENROLLED, with_visit()), ENROLLED)
    live(date(2026, 2, 1), date(2026, 2, 2))
    date_visit(enrollment, VISIT)
    assert PlannerRow.objects.filter(is_eligible=True, track__gt=0).count() == 2
    date_visit(enrollment, None)

    live(VISIT - 2 * DAY, THIRD)

    assert reminders() == []
    assert not NudgeDecision.objects.filter(rule="after-visit").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("counts", "done"), [({}, 0b11), ({"counts": "study-burst-task"}, 0b11), ({"counts": "walking"}, 0b10)])
def test_what_counts_after_an_event_is_all_that_is_done_or_one_task_in_bursts_too(counts: dict[str, str], done: int) -> None:
    document = with_visit(**counts)
    daily = document["schedules"][0]["sessions"][0]
    document["schedules"][0]["sessions"].append({**copy.deepcopy(daily), "id": "walk", "task": "walking", "extra_tasks": []})
    enrollment = join(make_study(ENROLLED, document), ENROLLED)

    # The visit is dated afterwards: what was done by then is found, what is done later is noted.
    do_session(enrollment, "daily:1:03:0", date(2026, 1, 12))
    date_visit(enrollment, date(2026, 1, 11), at=date(2026, 1, 12))
    do_session(enrollment, "daily:1:04:0" if done == 0b11 else "walk:1:04:0", date(2026, 1, 13))
    do_session(enrollment, "daily:1:02:0", date(2026, 1, 13))

    after = PlannerRow.objects.get(track=1)
    assert (after.burst_start, after.done, after.done_count) == (date(2026, 1, 12), done, done.bit_count())


@pytest.mark.django_db
def test_an_event_moved_a_little_reminds_nobody_twice_and_one_that_comes_again_later_does() -> None:
    enrollment = join(make_study(ENROLLED, with_visit()), ENROLLED)
    date_visit(enrollment, VISIT)
    live(VISIT - 3 * DAY, THIRD)
    date_visit(enrollment, VISIT + DAY, at=THIRD)
    live(THIRD + DAY, THIRD + 4 * DAY)
    assert [slot for _on, slot in reminders() if slot.startswith("missed")] == ["missed:custom:visit:2026-02-21"]

    date_visit(enrollment, THIRD + 10 * DAY, at=THIRD + 4 * DAY)
    live(THIRD + 5 * DAY, THIRD + 15 * DAY)

    assert reminders()[-2:] == [
        (THIRD + 8 * DAY, "pre_burst:custom:visit:2026-03-05"),
        (THIRD + 13 * DAY, "missed:custom:visit:2026-03-06"),
    ]


@pytest.mark.django_db
def test_a_reminder_after_an_event_comes_once_through_reruns_and_on_a_journey_west() -> None:
    enrollment = join(make_study(ENROLLED, with_visit()), ENROLLED)
    date_visit(enrollment, VISIT)
    live(VISIT, THIRD)

    RunLedger.objects.all().delete()
    NudgeDecision.objects.all().delete()
    tick(noon(THIRD) + timedelta(hours=1))
    report_zone(enrollment.user_id, "Pacific/Honolulu", noon(THIRD) + timedelta(hours=2))
    live_west = [noon(THIRD + number * DAY, "Pacific/Honolulu") for number in range(5)]

    assert [tick(at) for at in live_west] == [0] * 5
    assert reminders() == [(THIRD, "missed:custom:visit:2026-02-21")]


@pytest.mark.django_db
def test_a_text_that_reached_nobody_frees_the_slot_after_an_event_too() -> None:
    enrollment = join(make_study(ENROLLED, with_visit()), ENROLLED)
    date_visit(enrollment, VISIT)
    live(THIRD, THIRD)
    Delivery.objects.filter(channel="sms").update(state=Delivery.State.UNDELIVERABLE, reason="refused_for_good")

    live(THIRD + DAY, THIRD + 2 * DAY)

    assert [on for on, slot in reminders() if slot.startswith("missed")] == [THIRD, THIRD + DAY]


@pytest.mark.django_db
def test_people_are_watched_by_their_bursts_whatever_else_rules_look_at() -> None:
    study = make_study(ENROLLED, with_visit())
    enrollment = join(study, ENROLLED)
    date_visit(enrollment, date(2026, 1, 11), at=date(2026, 1, 10))

    counted = count_participants(study, noon(date(2026, 1, 14)))

    assert (counted["all"], counted["in_burst"], counted["behind"]) == (1, 1, 1)
    restore_event(enrollment, "custom:visit", now=ENROLLED, who=STAFF)
    assert count_participants(study, noon(date(2026, 1, 30)))["in_burst"] == 0


@pytest.mark.parametrize(
    ("index", "changes", "problem"),
    [
        (2, {"event": "custom:nothing"}, ("$.nudges[2].event", "unknown_reference")),
        (2, {"event": "visit"}, ("$.nudges[2].event", "event_id")),
        (2, {"series": "activityBurst"}, ("$.nudges[2].series", "not_with_event")),
        (2, {"length_days": None}, ("$.nudges[2].length_days", "required")),
        (2, {"length_days": 63}, ("$.nudges[2].length_days", "too_large")),
        (2, {"counts": "nothing"}, ("$.nudges[2].counts", "unknown_reference")),
        (2, {"total": 11}, ("$.nudges[2].total", "longer_than_days")),
        (2, {"complete_after_days": 11}, ("$.nudges[2].complete_after_days", "longer_than_days")),
        (2, {"blackout_end_days": 10}, ("$.nudges[2].blackout_start_days", "never_sent")),
        (0, {"length_days": 3}, ("$.nudges[0].event", "required")),
        (0, {"delay_days": 3}, ("$.nudges[0].event", "required")),
        (3, {"first_burst": 2}, ("$.nudges[3].first_burst", "not_with_event")),
        (3, {"event": "custom:nothing"}, ("$.nudges[3].event", "unknown_reference")),
    ],
)
def test_a_mistake_in_a_rule_after_an_event_is_told_with_its_path(index: int, changes: dict[str, Any], problem: tuple[str, str]) -> None:
    document = with_visit()
    rule = document["nudges"][index] | changes
    document["nudges"][index] = {name: value for name, value in rule.items() if value is not None}

    assert [(found.path, found.code) for found in check(document)] == [problem]
    assert check(with_visit()) == []


def test_a_rule_after_an_event_is_told_in_words() -> None:
    said = [row.value for row in tell(parse(with_visit())).rows]

    after = next(line for line in said if "custom:visit on" in line)
    assert "once, at 12:00 where they are" in after
    assert "It looks at 10 days from 1 day after the event custom:visit on. Whatever they do counts." in after
    assert any("2 days before the event custom:visit" in line for line in said)


@pytest.mark.django_db
def test_a_study_is_simulated_with_an_event_that_somebody_dates(tmp_path: Path) -> None:
    document = with_visit()
    document["burst_series"][0]["count"] = 1
    del document["nudges"][1]
    file = tmp_path / "visit.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    out = StringIO()

    call_command("simulate_study", str(file), "--enroll", "2026-01-10T09:00", "--event", "custom:visit=2026-02-20", "--json", stdout=out)

    texts = [line for line in map(json.loads, out.getvalue().splitlines()) if line["kind"] == "text"]
    assert [(line["at"][:10], line["what"].split(":")[0]) for line in texts] == [
        ("2026-01-13", "early"),
        ("2026-02-18", "pre_burst"),
        ("2026-02-23", "early"),
    ]
    for said in ("custom:nothing=2026-02-20", "custom:visit=soon"):
        with pytest.raises(CommandError, match=said.split("=")[0]):
            call_command("simulate_study", str(file), "--enroll", "2026-01-10T09:00", "--event", said, stdout=out)
