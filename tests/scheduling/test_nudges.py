from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from channels_ace.models import Delivery, Message, Recipient
from scheduling.api import Who, complete, replan, sessions_of, set_event, tick
from scheduling.models import Nudge, NudgeDecision, PlannerRow, RunLedger
from studies.api import withdraw
from tests.scheduling.worlds import join, make_study, run_hours

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


def noon(day: date, zone: str = "America/New_York") -> datetime:
    return datetime(day.year, day.month, day.day, 12, 0, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_who_does_nothing_gets_nine_early_nudges_and_eight_texts_before_a_burst() -> None:
    # given
    enrollment = join(make_study(ENROLLED), ENROLLED)

    # when
    for day in range(750):
        tick(noon(enrollment.enrolled_date + timedelta(days=day)))

    # then
    assert Counter(Nudge.objects.values_list("kind", flat=True)) == {"early": 9, "pre_burst": 8}
    assert {nudge.local_date.weekday() for nudge in Nudge.objects.filter(kind="early")} == {(enrollment.enrolled_date.weekday() + 3) % 7}
    assert Delivery.objects.filter(state=Delivery.State.READY, channel="sms").count() == 17


def test_a_tick_that_comes_twice_does_nothing() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    at = noon(enrollment.enrolled_date + timedelta(days=3))

    assert tick(at) == 1
    assert tick(at) == 0
    assert tick(at + timedelta(minutes=30)) == 0
    assert Message.objects.filter(type="studies.nudge").count() == 1
    assert RunLedger.objects.count() == 2


def test_texts_go_at_noon_where_the_participant_is() -> None:
    study = make_study(ENROLLED)
    kolkata = join(study, ENROLLED, zone="Asia/Kolkata", phone="+12065550101")
    join(study, ENROLLED, zone="Pacific/Auckland", phone="+12065550102")

    run_hours(datetime(2026, 1, 13, 0, 30, tzinfo=UTC), 30)

    at = {nudge.enrollment.time_zone: nudge.nudged_at for nudge in Nudge.objects.select_related("enrollment")}
    assert at["Asia/Kolkata"].astimezone(ZoneInfo("Asia/Kolkata")).hour == 12
    assert at["Pacific/Auckland"].astimezone(ZoneInfo("Pacific/Auckland")).hour == 12
    assert Nudge.objects.get(enrollment=kolkata).local_date == date(2026, 1, 13)


def test_a_missed_noon_is_caught_up_while_fresh_and_dropped_when_stale() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    third = noon(enrollment.enrolled_date + timedelta(days=3))

    assert tick(third + timedelta(hours=4)) == 0
    assert tick(third + timedelta(hours=3, minutes=59)) == 1


def test_a_finished_session_of_today_is_not_nudged() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    today = enrollment.enrolled_date + timedelta(days=3)
    at = noon(today)
    session = sessions_of(enrollment, today, today + timedelta(days=1), at)[0]

    complete(enrollment, session.id, started_at=at - timedelta(hours=1), finished_at=at - timedelta(minutes=50), now=at)

    assert tick(at) == 0
    assert NudgeDecision.objects.get(rule="missed").reason == "did_todays_activity"


def test_everyone_inside_a_burst_gets_a_decision_with_its_reason() -> None:
    study = make_study(ENROLLED)
    join(study, ENROLLED, phone="+12065550101")
    join(study, ENROLLED, phone=None)
    join(study, ENROLLED, phone="+12065550103", data_groups=["notification_unsubscribed"])
    left = join(study, ENROLLED, phone="+12065550104")
    withdraw(left, now=ENROLLED + timedelta(days=1))

    tick(noon(date(2026, 1, 13)))

    reasons = Counter(NudgeDecision.objects.values_list("reason", flat=True))
    assert reasons == {"consecutive_missed_threshold_early": 1, "no_contact_point": 1, "excluded_data_group": 1}


def test_a_text_that_reached_nobody_frees_its_slot_and_an_unknown_one_keeps_it() -> None:
    study = make_study(ENROLLED)
    first, second = join(study, ENROLLED, phone="+12065550101"), join(study, ENROLLED, phone="+12065550102")
    tick(noon(date(2026, 1, 13)))
    Delivery.objects.filter(user=first.user_id).update(state=Delivery.State.UNDELIVERABLE, reason="refused_for_good")
    Delivery.objects.filter(user=second.user_id).update(state=Delivery.State.UNKNOWN_FINAL, reason="never_answered")

    assert tick(noon(date(2026, 1, 14))) == 1

    assert Nudge.objects.filter(enrollment=first).count() == 2
    assert Nudge.objects.filter(enrollment=second).count() == 1


def test_a_burst_that_changes_clocks_keeps_noon() -> None:
    # Clocks go forward in New York on 2026-03-08, the third day of this burst.
    enrolled = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)
    join(make_study(enrolled), enrolled)

    run_hours(datetime(2026, 3, 9, 0, 0, tzinfo=UTC), 24)

    assert Nudge.objects.get().nudged_at.astimezone(NEW_YORK).hour == 12


def test_a_run_asks_a_constant_number_of_questions(django_assert_max_num_queries: object) -> None:
    study = make_study(ENROLLED)
    counts = []
    for people in (3, 30):
        for number in range(people):
            join(study, ENROLLED, phone=f"+1206555{people:02d}{number:02d}")
        # Who moves on to another burst did so with the day's first tick.
        tick(noon(date(2026, 1, 13)) - timedelta(hours=1))
        Nudge.objects.all().delete()
        RunLedger.objects.all().delete()
        NudgeDecision.objects.all().delete()
        Message.objects.all().delete()
        counts.append(_queries(lambda: tick(noon(date(2026, 1, 13)))))
    # However many people there are, and however many texts they get: messages are one statement, what people get is another.
    assert counts[0] == counts[1] <= 30
    assert Message.objects.count() > 1


def test_a_text_that_nobody_gets_leaves_no_message() -> None:
    join(make_study(ENROLLED), ENROLLED)

    tick(noon(date(2026, 1, 13)))

    assert list(Message.objects.filter(type="studies.nudge").values_list("pk", flat=True)) == list(
        Nudge.objects.values_list("message", flat=True)
    )
    assert Message.objects.get(type="studies.nudge").fanned_out_at is not None


def test_who_is_asleep_where_they_are_gets_the_text_when_texting_hours_begin() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    Recipient.objects.filter(user=enrollment.user_id).update(time_zone="Pacific/Honolulu")

    assert tick(noon(date(2026, 1, 13))) == 1

    delivery = Delivery.objects.get(channel="sms")
    assert (delivery.state, delivery.reason) == ("deferred", "texting_hours")
    assert delivery.due_at.astimezone(ZoneInfo("Pacific/Honolulu")).hour == 9
    assert delivery.expires_at == noon(date(2026, 1, 13)) + timedelta(hours=4)


def test_of_whom_the_rule_wants_nothing_nobody_says_that_no_text_could_reach_them() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED, phone=None)
    at = noon(date(2026, 1, 13))
    complete(enrollment, "daily:1:04:0", started_at=at, finished_at=at, now=at)

    tick(at)

    assert NudgeDecision.objects.get(rule="missed").reason == "did_todays_activity"


def _queries(run: object) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        assert run() > 0  # type: ignore[operator]
    return len(captured)


def test_people_alike_roll_over_to_their_next_burst_by_the_same_statements_and_others_alone() -> None:
    study = make_study(ENROLLED)
    alike = [join(study, ENROLLED, phone=None) for _ in range(3)]
    moved, ahead = join(study, ENROLLED, phone=None), join(study, ENROLLED, phone=None)
    set_event(moved, "custom:activityBurst2Start", date(2026, 5, 1), now=ENROLLED, who=Who(is_staff=True))
    second = datetime(2026, 4, 12, 16, 0, tzinfo=UTC)
    complete(ahead, "daily:2:01:0", started_at=second, finished_at=second, now=second)

    tick(second)

    plans = {plan.enrollment_id: (plan.burst, plan.burst_start, plan.done) for plan in PlannerRow.objects.all()}
    assert [plans[one.pk] for one in alike] == [(2, date(2026, 4, 11), 0)] * 3
    assert plans[moved.pk] == (2, date(2026, 5, 1), 0)
    assert plans[ahead.pk] == (2, date(2026, 4, 11), 1)
    replan(list(plans), second)
    assert {plan.enrollment_id: (plan.burst, plan.burst_start, plan.done) for plan in PlannerRow.objects.all()} == plans


def test_after_the_last_burst_nobody_is_planned_for() -> None:
    join(make_study(ENROLLED), ENROLLED, phone=None)

    tick(ENROLLED + timedelta(days=400))
    tick(ENROLLED + timedelta(days=728, hours=2))
    assert PlannerRow.objects.get().burst == 9
    tick(ENROLLED + timedelta(days=747, hours=2))

    assert not PlannerRow.objects.get().is_eligible


def test_an_hour_in_which_nobody_is_due_asks_a_few_rows(django_assert_max_num_queries: Any) -> None:
    study = make_study(ENROLLED)
    for number in range(20):
        join(study, ENROLLED, phone=f"+120655501{number:02d}")
    tick(noon(date(2026, 1, 13)) - timedelta(hours=2))

    with django_assert_max_num_queries(4):
        assert tick(noon(date(2026, 1, 13)) - timedelta(hours=1)) == 0
