import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q

from scheduling.api import complete, replan, report_zone, tick
from scheduling.models import Completion, Nudge, NudgeDecision, PlannerRow, RunLedger
from scheduling.monitoring import count_participants, monitored, page
from scheduling.self_check import find_gaps
from scheduling.texts import recent_texts
from scheduling.tracks import Track, track_of, tracks_of
from studies.models import ProtocolVersion
from studies.protocol import parse
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
# The series' fourth days: of activityBurst, and of booster, which begins thirty days after enrollment.
FOURTH, BOOSTER_FOURTH = date(2026, 1, 13), date(2026, 2, 12)


def two_series() -> dict[str, Any]:
    """This function will give mPower's design with a second series: a week thirty days after the first, with rules of its own."""
    document = mpower_document()
    booster = {**copy.deepcopy(document["burst_series"][0]), "id": "booster", "delay_days": 30, "length_days": 7}
    document["burst_series"].append({**booster, "complete_after_days": 5, "extend_to_days": 9, "count": 3})
    schedule = copy.deepcopy(document["schedules"][0])
    schedule["sessions"][0] |= {"id": "boost", "task": "booster-task", "extra_tasks": []}
    document["schedules"].append({**schedule, "id": "booster-days", "from": "booster"})
    missed, before = copy.deepcopy(document["nudges"])
    document["nudges"] += [
        {**missed, "id": "booster-missed", "series": "booster", "counts": "booster-task"},
        {**before, "id": "booster-before", "series": "booster"},
    ]
    return document


def do_session(enrollment: Any, session_id: str, on: date) -> None:
    complete(enrollment, session_id, started_at=noon(on) - timedelta(hours=1), finished_at=noon(on), now=noon(on))


def test_each_series_with_rules_has_a_track_and_each_thing_that_rules_count_in_it_too() -> None:
    document = two_series()
    document["nudges"].insert(1, {**document["nudges"][0], "id": "counts-schedule", "counts": "burst-days"})
    design = parse(document)

    assert tracks_of(design) == [
        Track("activityBurst", "study-burst-task"),
        Track("activityBurst", "burst-days"),
        Track("booster", "booster-task"),
    ]
    assert [track_of(design, rule) for rule in design.nudges] == [0, 1, 0, 2, 2]


def test_who_is_silent_is_reminded_in_the_bursts_of_every_series() -> None:
    enrollment = join(make_study(ENROLLED, two_series()), ENROLLED)

    for day in range(120):
        tick(noon(enrollment.enrolled_date + day * DAY))

    assert list(Nudge.objects.order_by("pk").values_list("local_date", "slot", "burst")) == [
        (FOURTH, "missed", 1),
        (BOOSTER_FOURTH, "missed:booster", 1),
        (date(2026, 4, 10), "pre_burst", 2),
        (date(2026, 4, 14), "missed", 2),
    ]
    assert [text.kind for text in recent_texts(Q(enrollment=enrollment), 10)][:3] == [
        "Reminder early in burst 2 of activityBurst",
        "Text before burst 2 of activityBurst",
        "Reminder early in burst 1 of booster",
    ]
    assert dict(PlannerRow.objects.values_list("track", "burst")) == {0: 3, 1: 2}
    assert find_gaps(noon(enrollment.enrolled_date + 120 * DAY)) == []


def test_what_is_done_in_a_burst_of_one_series_is_not_done_in_the_same_burst_of_another() -> None:
    enrollment = join(make_study(ENROLLED, two_series()), ENROLLED)

    do_session(enrollment, "daily:1:01:0", date(2026, 1, 10))
    do_session(enrollment, "boost:1:03:0", date(2026, 2, 11))

    assert dict(PlannerRow.objects.values_list("track", "done")) == {0: 1, 1: 4}
    assert list(Completion.objects.values_list("counts", flat=True)) == [True, True]
    replan([enrollment.pk], noon(date(2026, 2, 11)))
    assert dict(PlannerRow.objects.values_list("track", "done")) == {0: 0, 1: 4}


def test_two_rules_of_a_series_count_each_its_own_task_and_share_the_one_reminder_of_a_burst() -> None:
    document = two_series()
    walk = {**copy.deepcopy(document["schedules"][0]["sessions"][0]), "id": "walk", "task": "walking", "extra_tasks": []}
    document["schedules"][0]["sessions"].append(walk)
    document["nudges"].insert(1, {**document["nudges"][0], "id": "missed-walks", "counts": "walking"})
    document["nudges"] = document["nudges"][:2]
    enrollment = join(make_study(ENROLLED, document), ENROLLED)
    for day in range(4):
        do_session(enrollment, f"daily:1:{day + 1:02d}:0", enrollment.enrolled_date + day * DAY)

    assert tick(noon(FOURTH)) == 1

    decided = dict(NudgeDecision.objects.values_list("rule", "reason"))
    assert decided == {"missed": "did_todays_activity", "missed-walks": "consecutive_missed_threshold_early"}
    assert Nudge.objects.get().slot == "missed"


def test_a_slot_of_a_further_series_is_filled_once_through_reruns_and_on_a_journey_west() -> None:
    enrollment = join(make_study(ENROLLED, two_series()), ENROLLED)
    for day in range(3):
        tick(noon(BOOSTER_FOURTH - (3 - day) * DAY))

    assert tick(noon(BOOSTER_FOURTH)) == 1
    RunLedger.objects.all().delete()
    assert tick(noon(BOOSTER_FOURTH) + timedelta(minutes=1)) == 0
    report_zone(enrollment.user_id, "America/Los_Angeles", noon(BOOSTER_FOURTH) + timedelta(hours=1))
    assert tick(noon(BOOSTER_FOURTH, "America/Los_Angeles")) == 0
    assert tick(noon(BOOSTER_FOURTH + DAY, "America/Los_Angeles")) == 0
    assert Nudge.objects.filter(slot="missed:booster").count() == 1


def test_a_version_with_another_series_first_reminds_nobody_again_in_the_same_burst() -> None:
    # given
    document = two_series()
    study = make_study(ENROLLED, document)
    enrollment = join(study, ENROLLED)
    tick(noon(FOURTH))
    document["nudges"] = document["nudges"][2:] + document["nudges"][:2]
    other = ProtocolVersion.objects.create(study=study, number=2, document=document, imported_at=ENROLLED, published_at=ENROLLED)

    # when
    type(enrollment).objects.filter(pk=enrollment.pk).update(version=other)
    replan([enrollment.pk], noon(FOURTH))
    for day in range(1, 31):
        tick(noon(FOURTH + day * DAY))

    # then: the first burst of booster has the name that the first of activityBurst had, and is not reminded of
    assert list(Nudge.objects.values_list("slot", flat=True)) == ["missed"]
    assert NudgeDecision.objects.get(rule="missed", local_date=FOURTH + DAY).reason == "already_notified"
    tick(noon(date(2026, 4, 14)))
    assert list(Nudge.objects.order_by("pk").values_list("slot", "burst")) == [("missed", 1), ("missed:activityBurst", 2)]


def test_a_person_is_shown_once_on_the_track_on_which_they_stand_worst() -> None:
    study = make_study(ENROLLED, two_series())
    enrollment = join(study, ENROLLED)
    other = join(study, ENROLLED, phone="+12065550101")
    for number in range(1, 6):
        do_session(other, f"boost:1:{number:02d}:0", date(2026, 2, 8) + number * DAY)
    tick(noon(BOOSTER_FOURTH))

    rows = {row.enrollment_id: row for row in page(monitored(study, noon(BOOSTER_FOURTH + 2 * DAY))).rows}

    shown = rows[enrollment.pk]
    assert len(rows) == 2
    assert (shown.track, shown.day, shown.missed, shown.is_behind) == (1, 5, 5, True)
    assert not rows[other.pk].is_behind
    counted = count_participants(study, noon(BOOSTER_FOURTH + 2 * DAY))
    assert (counted["all"], counted["in_burst"], counted["behind"]) == (2, 2, 1)


def test_a_version_with_fewer_tracks_leaves_no_plan_of_the_others() -> None:
    study = make_study(ENROLLED, two_series())
    enrollment = join(study, ENROLLED)
    fewer = ProtocolVersion.objects.create(study=study, number=2, document=mpower_document(), imported_at=ENROLLED, published_at=ENROLLED)
    type(enrollment).objects.filter(pk=enrollment.pk).update(version=fewer)

    replan([enrollment.pk], ENROLLED)

    assert list(PlannerRow.objects.values_list("track", "version_id")) == [(0, fewer.pk)]


@pytest.mark.django_db(transaction=True)
def test_plans_and_nudges_of_before_the_tracks_are_kept_and_further_tracks_are_planned_by_the_next_run() -> None:
    # given
    enrollment = join(make_study(ENROLLED, two_series()), ENROLLED)
    executor = MigrationExecutor(connection)
    executor.migrate([("scheduling", "0004_recent_nudges")])
    before = executor.loader.project_state([("scheduling", "0004_recent_nudges")]).apps
    plan = {"time_zone": "America/New_York", "burst": 1, "burst_start": date(2026, 1, 10), "done": 5, "done_count": 2, "is_eligible": True}
    before.get_model("scheduling", "PlannerRow").objects.create(enrollment_id=enrollment.pk, version_id=enrollment.version_id, **plan)
    nudge = {"burst": 1, "kind": "early", "variant": "missed.early.1", "local_date": FOURTH, "nudged_at": noon(FOURTH), "message_id": 0}
    for slot in ("missed", "missed#7", "pre_burst"):
        before.get_model("scheduling", "Nudge").objects.create(enrollment_id=enrollment.pk, slot=slot, **nudge)
    done = {"burst": 1, "day": 3, "finished_at": ENROLLED, "recorded_at": ENROLLED, "counts": False}
    before.get_model("scheduling", "Completion").objects.create(enrollment_id=enrollment.pk, session_id="boost:1:03:0", **done)

    # when
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("scheduling"))

    # then
    first, further = PlannerRow.objects.order_by("track")
    assert {name: getattr(first, name) for name in plan} == plan
    assert (further.track, further.burst, further.is_eligible) == (1, 0, True)
    assert set(Nudge.objects.values_list("slot", flat=True)) == {"missed", "missed#7", "pre_burst"}
    assert Completion.objects.get().counts
    tick(noon(BOOSTER_FOURTH))
    further.refresh_from_db()
    assert (further.burst, further.burst_start, further.done) == (1, date(2026, 2, 9), 4)
