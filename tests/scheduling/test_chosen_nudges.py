from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_ace.models import Delivery, Message
from scheduling.api import complete, tick
from scheduling.models import Nudge, NudgeDecision
from scheduling.nudge_records import nudge_records
from studies.api import Enrollment, enroll, withdraw
from tests.factories import make_user
from tests.scheduling.rest_api.test_events import service
from tests.scheduling.rest_api.test_participants import get
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
THIRD = date(2026, 1, 13)
ARM_TEXT = "{study}: your arm's own words. Reply STOP to end texts."


def with_rule(**changed: Any) -> dict[str, Any]:
    document = mpower_document()
    document["nudges"][0] |= changed
    return document


def test_an_arm_has_its_own_words_and_what_it_has_none_for_is_said_as_to_everybody() -> None:
    own = {"arm_a": {"early": {"en": [ARM_TEXT]}}, "arm_b": {"late": {"en": [ARM_TEXT]}}}
    study = make_study(ENROLLED, with_rule(texts_by_data_group=own))
    people = {
        group: join(study, ENROLLED, phone=f"+1206555010{number}", data_groups=[group]) for number, group in enumerate(["arm_a", "arm_b"])
    }

    assert tick(noon(THIRD)) == 2

    variants = {nudge.enrollment_id: nudge.variant for nudge in Nudge.objects.all()}
    assert variants[people["arm_a"].pk] == "missed.early.arm_a.1"
    assert variants[people["arm_b"].pk].startswith("missed.early.")
    assert "arm_" not in variants[people["arm_b"].pk]
    said = [message.context["said"]["in_languages"]["en"] for message in Message.objects.filter(type="studies.nudge")]
    assert "Daily Moments: your arm's own words. Reply STOP to end texts." in said


def test_a_rule_for_some_data_groups_says_to_the_others_that_it_is_not_for_them() -> None:
    study = make_study(ENROLLED, with_rule(only_data_groups=["arm_a", "arm_c"]))
    join(study, ENROLLED, phone="+12065550101", data_groups=["arm_a"])
    join(study, ENROLLED, phone="+12065550102", data_groups=["arm_b"])

    assert tick(noon(THIRD)) == 1

    assert Counter(NudgeDecision.objects.values_list("reason", flat=True)) == {
        "consecutive_missed_threshold_early": 1,
        "not_in_data_group": 1,
    }


def test_with_a_probability_chance_leaves_some_out_and_both_are_kept_with_what_they_did() -> None:
    study = make_study(ENROLLED, with_rule(probability=0.5))
    people = [join(study, ENROLLED, phone=f"+120655502{number:02d}") for number in range(40)]

    nudged = tick(noon(THIRD))
    helped = Nudge.objects.order_by("pk")[0].enrollment
    later = noon(THIRD) + timedelta(hours=30)
    complete(helped, "daily:1:05:0", started_at=later, finished_at=later, now=later)

    records = nudge_records(study, after=0, size=100)
    assert len(records) == len(people)
    assert {record.probability for record in records} == {0.5}
    assert Counter(record.decision for record in records) == {"early": nudged, "none": 40 - nudged}
    assert 8 < nudged < 32
    assert [(record.did_24h, record.did_72h) for record in records if record.enrollment == helped.public_id] == [(False, True)]
    assert {record.did_72h for record in records if record.enrollment != helped.public_id} == {False}
    assert all(bool(record.variant) == bool(record.state) == (record.decision == "early") for record in records)


def test_the_draw_keeps_to_the_probability_over_many_days() -> None:
    study = make_study(ENROLLED, with_rule(probability=0.25, blackout_start_days=0, consecutive=1, total=14))
    people = [join(study, ENROLLED, phone=f"+120655502{number:02d}") for number in range(30)]

    for day in range(12):
        tick(noon(date(2026, 1, 10) + timedelta(days=day)))
        Nudge.objects.all().delete()

    kept = Counter(NudgeDecision.objects.filter(rule="missed").values_list("decision", flat=True))
    assert kept.total() >= len(people) * 11
    assert 0.15 < kept["early"] / kept.total() + kept["late"] / kept.total() < 0.35


def test_a_service_reads_the_records_by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduling.rest_api.nudges.PAGE_SIZE", 2)
    study = make_study(ENROLLED)
    for number in range(3):
        join(study, ENROLLED, phone=f"+120655502{number:02d}")
    tick(noon(THIRD))
    reader = service("studies:read")

    first = get(f"studies/{study.public_id}/nudges/", reader).json()
    rest = get(f"studies/{study.public_id}/nudges/?cursor={first['next_cursor']}", reader).json()

    assert [len(page["items"]) for page in (first, rest)] == [2, 1]
    assert rest["next_cursor"] is None
    assert first["items"][0]["decision"] == "early"


@pytest.mark.django_db
def test_the_api_tells_by_which_way_somebody_was_reminded_and_which_were_passed_over() -> None:
    document = mpower_document()
    document["nudges"][0]["channels"] = ["push", "email", "sms"]
    study = make_study(ENROLLED, document)
    join(study, ENROLLED)
    tick(noon(THIRD))

    (found,) = get(f"studies/{study.public_id}/nudges/", service("studies:read")).json()["items"]

    assert (found["channel"], found["state"]) == ("sms", "ready")
    assert found["passed_over"] == [
        {"channel": "push", "reason": "no_contact_point"},
        {"channel": "email", "reason": "no_contact_point"},
    ]


def test_who_left_comes_back_as_another_enrollment_with_dates_of_its_own() -> None:
    study = make_study(ENROLLED)
    first = join(study, ENROLLED)
    withdraw(first, now=ENROLLED + timedelta(days=2))
    back = ENROLLED + timedelta(days=30)
    again: dict[str, Any] = {"user_id": first.user_id, "code": "P-again", "time_zone": "America/New_York", "now": back}

    assert enroll(study, **again) == first
    second = enroll(study, again=True, **again)
    assert enroll(study, again=True, **again) == second
    assert enroll(study, **again) == second

    assert (second.enrolled_date, second.state) == (date(2026, 2, 9), Enrollment.State.ACTIVE)
    first.refresh_from_db()
    assert first.state == Enrollment.State.WITHDRAWN
    assert tick(noon(date(2026, 2, 12))) == 1
    assert Nudge.objects.get().enrollment == second
    assert Delivery.objects.get(message__type="studies.nudge", channel="sms").state == Delivery.State.READY


def test_a_person_without_an_earlier_enrollment_may_come_again_too() -> None:
    study = make_study(ENROLLED)

    one = enroll(study, user_id=make_user().pk, code="A", time_zone="UTC", now=timezone.now(), again=True)

    assert one.state == Enrollment.State.ACTIVE
