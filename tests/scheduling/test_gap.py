"""At least 18 hours between two nudges of one person, whichever studies they are of."""

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from channels_ace.api import Delivery
from scheduling.api import tick
from scheduling.models import Nudge, NudgeDecision
from studies.api import Enrollment, Study, choose_zone, enroll
from tests.factories import make_user
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

GAP = timedelta(hours=18)


@pytest.fixture(autouse=True)
def no_caps(settings: Settings) -> None:
    # They hold people back for longer: tests/scheduling/test_caps.py.
    settings.STUDIES = {**settings.STUDIES, "NUDGE_CAPS": []}


def study_that_sends(at: str, now: datetime) -> Study:
    document = mpower_document()
    document["nudges"][0]["send_at"] = at
    return make_study(now, document)


def join_all(joins: Iterable[tuple[Study, datetime]], zone: str) -> list[Enrollment]:
    """This function will let one person join several studies, each at an instant of its own."""
    person = make_user(time_zone=zone, phone="+12065550100")
    return [enroll(study, user_id=person.pk, code=f"P{number}", time_zone=zone, now=now) for number, (study, now) in enumerate(joins)]


def at(day: date, clock: str, zone: str = "America/New_York") -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def reasons(enrollment: Enrollment, day: date) -> list[str]:
    return list(NudgeDecision.objects.filter(enrollment=enrollment, rule="missed", local_date=day).values_list("reason", flat=True))


def test_of_two_studies_that_would_remind_at_the_same_noon_one_waits_for_the_next() -> None:
    now = at(date(2026, 1, 10), "09:00")
    first, second = join_all([(make_study(now), now), (make_study(now), now)], "America/New_York")

    assert tick(at(date(2026, 1, 13), "12:00")) == 1
    assert reasons(first, date(2026, 1, 13)) + reasons(second, date(2026, 1, 13)) == [
        "consecutive_missed_threshold_early",
        "reminded_lately",
    ]

    assert tick(at(date(2026, 1, 14), "12:00")) == 1
    assert set(Nudge.objects.values_list("enrollment_id", flat=True)) == {first.pk, second.pk}


def test_the_date_line_brings_no_second_reminder_within_the_hour() -> None:
    # Noon in Honolulu is noon of the next date in Kiritimati.
    studies = [make_study(at(date(2026, 1, 9), "09:00")) for _ in range(2)]
    joins = [
        (studies[0], at(date(2026, 1, 10), "09:00", "Pacific/Honolulu")),
        (studies[1], at(date(2026, 1, 11), "09:00", "Pacific/Honolulu")),
    ]
    first, second = join_all(joins, "Pacific/Honolulu")
    noon = at(date(2026, 1, 13), "12:00", "Pacific/Honolulu")
    assert tick(noon) == 1
    for enrollment in (first, second):
        choose_zone(enrollment, "Pacific/Kiritimati", now=noon, why="test")

    assert tick(noon + timedelta(minutes=30)) == 0
    assert reasons(second, date(2026, 1, 14)) == ["reminded_lately"]
    assert tick(noon + timedelta(hours=24)) == 1


@pytest.mark.parametrize(
    ("evening", "morning", "is_reminded"),
    [
        # From 17:30 to noon are eighteen hours and a half, but an hour less in the night in which clocks go forward.
        (date(2026, 3, 7), "12:00", False),
        (date(2026, 3, 14), "12:00", True),
        # From 17:30 to 11:00 are seventeen and a half, but an hour more in the night in which they go back.
        (date(2026, 10, 31), "11:00", True),
        (date(2026, 11, 7), "11:00", False),
        (date(2026, 11, 7), "11:30", True),
    ],
)
def test_the_gap_is_of_hours_that_pass_not_of_clocks(evening: date, morning: str, is_reminded: bool) -> None:
    begun = at(evening - timedelta(days=3), "09:00")
    joins = [(study_that_sends("17:30", begun), begun), (study_that_sends(morning, begun), begun + timedelta(days=1))]
    _first, second = join_all(joins, "America/New_York")
    next_day = evening + timedelta(days=1)
    assert tick(at(evening, "17:30")) == 1

    assert tick(at(next_day, morning)) == int(is_reminded)
    assert (reasons(second, next_day) == ["reminded_lately"]) is not is_reminded


@pytest.mark.parametrize(
    ("state", "reason", "is_reminded"),
    [
        (Delivery.State.UNDELIVERABLE, "refused_for_good", True),
        (Delivery.State.UNKNOWN_FINAL, "never_answered", False),
    ],
)
def test_a_text_that_reached_nobody_keeps_no_other_away_and_one_that_may_have_does(state: str, reason: str, is_reminded: bool) -> None:
    now = at(date(2026, 1, 10), "09:00")
    join_all([(study_that_sends("11:00", now), now), (study_that_sends("12:00", now), now)], "America/New_York")
    assert tick(at(date(2026, 1, 13), "11:00")) == 1
    Delivery.objects.filter(channel="sms").update(state=state, reason=reason)

    assert tick(at(date(2026, 1, 13), "12:00")) == int(is_reminded)


def test_a_reminder_of_a_session_stands_apart_and_anothers_nudge_keeps_nobody_away() -> None:
    now = at(date(2026, 1, 10), "09:00")
    study = make_study(now)
    (mine,) = join_all([(study, now)], "America/New_York")
    (others,) = join_all([(make_study(now), now)], "America/New_York")
    noon = at(date(2026, 1, 13), "12:00")
    shared = {"burst": 1, "kind": "session", "variant": "1", "local_date": date(2026, 1, 13), "nudged_at": noon, "message_id": 0}
    Nudge.objects.create(enrollment=mine, slot="session:daily:1:04:0:1", **shared)
    Nudge.objects.create(enrollment=others, slot="another", **shared)

    assert tick(noon) == 1
    assert reasons(mine, date(2026, 1, 13)) == ["consecutive_missed_threshold_early"]
    assert reasons(others, date(2026, 1, 13)) == ["reminded_lately"]


@pytest.mark.parametrize("seed", range(3))
def test_whoever_travels_between_three_studies_gets_what_a_model_of_the_gap_says(seed: int) -> None:
    zones = ["Pacific/Honolulu", "America/New_York", "Europe/Lisbon", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Kiritimati"]
    drawn = random.Random(seed)
    begun = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
    studies = [study_that_sends(clock, begun) for clock in ("10:00", "12:00", "17:00")]
    enrollments = join_all([(study, begun + timedelta(days=day)) for day, study in enumerate(studies)], "America/New_York")

    for hour in range(1, 24 * 14):
        now = begun + timedelta(hours=hour)
        if hour % 18 == 0:
            zone = drawn.choice(zones)
            for enrollment in enrollments:
                choose_zone(enrollment, zone, now=now, why="test")
        tick(now)

    told = sorted(Nudge.objects.values_list("nudged_at", flat=True))
    assert told
    assert all(later - earlier >= GAP for earlier, later in pairwise(told))
    # Of whom the rule wants nothing, nobody asks when they were reminded.
    of_the_rule = ["blackout_start", "blackout_end", "thresholds_not_met", "did_todays_activity", "burst_completed", "not_in_burst"]
    for decided in NudgeDecision.objects.exclude(reason__in=["already_notified", *of_the_rule]):
        # One that is decided in the same tick may come before or after.
        lately = [one for one in told if decided.decided_at - GAP < one < decided.decided_at]
        if lately:
            assert decided.reason == "reminded_lately"
        elif decided.reason == "reminded_lately":
            assert decided.decided_at in told


def study_that_announces(lead_days: int, now: datetime, **rule: object) -> Study:
    document = mpower_document()
    document["nudges"][1] |= {"lead_days": lead_days, "send_at": "11:00", **rule}
    document["nudges"] = document["nudges"][1:]
    return make_study(now, document)


def announced(enrollment: Enrollment) -> list[tuple[date, str]]:
    return list(NudgeDecision.objects.filter(enrollment=enrollment).order_by("local_date").values_list("local_date", "reason"))


@pytest.mark.parametrize(
    ("lead_days", "later"),
    [
        (3, [(date(2026, 4, 9), "burst_starts_tomorrow")]),
        # The day before is the last; on the day itself nobody is told that it comes.
        (1, []),
    ],
)
def test_a_text_before_a_burst_that_the_gap_held_back_is_tried_again_while_there_are_days(
    lead_days: int, later: list[tuple[date, str]]
) -> None:
    first_day = date(2026, 4, 11) - timedelta(days=lead_days)
    now = at(date(2026, 1, 10), "09:00")
    other_now = at(first_day - timedelta(days=4), "09:00")
    joins = [(study_that_announces(lead_days, now), now), (study_that_sends("17:30", other_now), other_now)]
    mine, _other = join_all(joins, "America/New_York")
    alone = join(joins[0][0], now, phone="+12065550101")
    assert tick(at(first_day - timedelta(days=1), "17:30")) == 1

    for day in range(lead_days + 3):
        tick(at(first_day + timedelta(days=day), "11:00"))

    assert announced(mine) == [(first_day, "reminded_lately"), *later]
    assert Nudge.objects.filter(enrollment=mine).count() == len(later)
    # Who was told on the first day is not looked at again.
    assert announced(alone) == [(first_day, "burst_starts_tomorrow")]


def test_what_else_held_a_text_back_is_not_tried_again() -> None:
    now = at(date(2026, 1, 10), "09:00")
    (mine,) = join_all([(study_that_announces(3, now), now)], "America/New_York")
    mine.user.carillon_contact_points.update(verified_at=None)

    for day in range(8, 12):
        tick(at(date(2026, 4, day), "11:00"))

    assert [reason for _day, reason in announced(mine)] == ["contact_unverified"]


def test_who_was_held_back_is_not_drawn_again() -> None:
    now = at(date(2026, 1, 10), "09:00")
    other_now = at(date(2026, 4, 4), "09:00")
    studies = study_that_announces(3, now, probability=0.5), study_that_sends("17:30", other_now)
    people = []
    for number in range(24):
        person = make_user(time_zone="America/New_York", phone=f"+120655503{number:02d}")
        for study, joined in zip(studies, (now, other_now), strict=True):
            people.append(enroll(study, user_id=person.pk, code=f"P{number}", time_zone="America/New_York", now=joined))
    assert tick(at(date(2026, 4, 7), "17:30")) == 24

    tick(at(date(2026, 4, 8), "11:00"))
    held_back = set(NudgeDecision.objects.filter(reason="reminded_lately").values_list("enrollment_id", flat=True))
    tick(at(date(2026, 4, 9), "11:00"))

    assert 3 < len(held_back) < 21
    assert set(Nudge.objects.filter(kind="pre_burst").values_list("enrollment_id", flat=True)) == held_back
