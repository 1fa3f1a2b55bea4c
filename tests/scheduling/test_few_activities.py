"""Reminders of those who did fewer than so many activities in so many days, where a day has several."""

import copy
import json
import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ace.api import render
from scheduling.api import Who, complete, set_event, tick
from scheduling.models import Completion, Nudge, NudgeDecision
from scheduling.monitoring import monitored
from scheduling.planner import replan
from scheduling.self_check import find_gaps
from scheduling.simulation import simulate
from studies.api import Enrollment, Study, shipped_protocols
from studies.fact_words import tell
from studies.protocol import check, parse
from tests.scheduling import nudge_model
from tests.scheduling.worlds import join, make_study

pytestmark = pytest.mark.django_db

NEW_YORK = "America/New_York"
FIRST = date(2026, 1, 10)
ENROLLED = datetime(2026, 1, 10, 13, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def engage(**of_rule: Any) -> dict[str, Any]:
    """This function will give the shipped protocol of four prompts a day: fewer than 6 answers in 4 days remind at 10:30."""
    document: dict[str, Any] = json.loads(shipped_protocols()["engage"].read_text(encoding="utf-8"))
    document["nudges"][0] |= {"channels": ["sms"], **of_rule}
    return document


def at(day: int, clock: str = "10:30", zone: str = NEW_YORK) -> datetime:
    """This function will give a local time on a day from enrollment, from 0."""
    return datetime.combine(FIRST + day * DAY, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def answer(enrollment: Enrollment, day: int, *places: int, clock: str = "21:00", session: str = "prompt") -> None:
    for place in places:
        now = at(day, clock)
        complete(enrollment, f"{session}:1:{day + 1:02d}:{place}", started_at=now, finished_at=now, now=now)


def reasons(enrollment: Enrollment) -> list[str]:
    return list(NudgeDecision.objects.filter(enrollment=enrollment).order_by("local_date").values_list("reason", flat=True))


def test_days_with_two_of_four_done_are_counted_by_what_was_done_on_them() -> None:
    study = make_study(ENROLLED, engage())
    halfway, one_a_day, silent = (join(study, ENROLLED, phone=f"+1206555010{number}") for number in range(3))
    for day in range(3):
        answer(halfway, day, 0, 2)
        answer(one_a_day, day, 1)

    told = [tick(at(day)) for day in range(4)]

    assert told == [0, 0, 0, 2]
    assert reasons(halfway) == ["too_soon", "too_soon", "too_soon", "enough_activities"]
    assert reasons(one_a_day)[-1] == reasons(silent)[-1] == "few_activities"
    assert set(Nudge.objects.values_list("enrollment_id", "kind", "slot")) == {(one.pk, "few", "missed") for one in (one_a_day, silent)}


def test_the_query_and_a_walk_over_the_days_agree_for_every_day_and_many_histories() -> None:
    # given
    study = make_study(ENROLLED, engage(send_at="17:45", probability=1) | {"randomised_groups": []})
    people = [join(study, ENROLLED, phone=None) for _ in range(20)]
    chance = random.Random(20260110)
    histories: dict[int, dict[int, int]] = {}
    for person in people:
        habit = chance.choice([0.1, 0.4, 0.5, 0.7, 0.95])
        histories[person.pk] = {day: sum(chance.random() < habit for _ in range(4)) for day in range(21)}
    rows = [
        Completion(
            enrollment=person,
            session_id=f"prompt:1:{day + 1:02d}:{place}",
            burst=1,
            day=day + 1,
            finished_at=at(day, "17:00"),
            recorded_at=at(day, "17:00"),
        )
        for person in people
        for day, number in histories[person.pk].items()
        for place in range(number)
    ]

    # when
    for day in range(21):
        Completion.objects.bulk_create(row for row in rows if row.day == day + 1)
        replan([person.pk for person in people], at(day, "17:30"))
        tick(at(day, "17:45"))

    # then: nobody has a phone, and what the rule itself says is what is compared
    decided = {(one.enrollment_id, one.local_date): one.reason for one in NudgeDecision.objects.all()}
    barred = {"few_activities": "no_contact_point"}
    expected = {}
    for person in people:
        for day in range(21):
            done = {past: number for past, number in histories[person.pk].items() if past <= day}
            _kind, reason = nudge_model.decide_few(day, done, a_day=4, fewer_than=6, in_days=4, last_day=19, enough=21)
            expected[person.pk, FIRST + day * DAY] = barred.get(reason, reason)
    assert decided == expected
    assert set(decided.values()) == {"too_soon", "did_todays_activity", "enough_activities", "no_contact_point", "blackout_end"}


def test_today_is_done_only_when_all_of_it_is() -> None:
    study = make_study(ENROLLED, engage(fewer_than=12, send_at="17:45"))
    whole, half = join(study, ENROLLED), join(study, ENROLLED, phone="+12065550101")
    answer(whole, 3, 0, 1, 2, clock="17:30")
    answer(half, 3, 0, 1, clock="17:30")
    # The one at 20:00 is not open yet; an app that is ahead of its clock says it is done.
    Completion.objects.create(
        enrollment=whole, session_id="prompt:1:04:3", burst=1, day=4, finished_at=at(3, "17:40"), recorded_at=at(3, "17:40")
    )

    tick(at(3, "17:45"))

    assert (reasons(whole), reasons(half)) == (["did_todays_activity"], ["few_activities"])


def test_only_what_the_rule_names_counts_and_other_days_do_not() -> None:
    document = engage()
    walk = copy.deepcopy(document["schedules"][0]["sessions"][0]) | {"id": "walk", "task": "walking"}
    document["schedules"][0]["sessions"].append(walk)
    study = make_study(ENROLLED, document)
    walker, early = join(study, ENROLLED), join(study, ENROLLED, phone="+12065550101")
    for day in range(4):
        answer(walker, day, 0, 1, 2, session="walk")
    answer(early, 0, 0, 1, 2, 3)
    answer(early, 1, 0, 1)

    tick(at(3))
    tick(at(4))

    assert reasons(walker)[0] == "few_activities"
    # On the fifth day what was done on the first is no longer looked at.
    assert reasons(early) == ["enough_activities", "few_activities"]


def test_a_person_of_an_arm_is_asked_what_their_arm_is_asked() -> None:
    document = engage(fewer_than=8, send_at="17:45")
    twice = copy.deepcopy(document["schedules"][0]) | {"id": "twice", "only_data_groups": ["ema_dashboard"]}
    twice["sessions"][0] |= {"id": "seldom", "times": ["11:00", "14:00"]}
    document["schedules"][0]["excluded_data_groups"] = ["ema_dashboard"]
    document["schedules"].append(twice)
    study = make_study(ENROLLED, document)
    often = join(study, ENROLLED, data_groups=["ema"])
    seldom = join(study, ENROLLED, data_groups=["ema_dashboard"], phone="+12065550101")
    answer(often, 3, 0, 1, clock="17:30")
    answer(seldom, 3, 0, 1, clock="17:30", session="seldom")

    tick(at(3, "17:45"))

    assert (reasons(often), reasons(seldom)) == (["few_activities"], ["did_todays_activity"])


def test_days_begin_at_each_persons_own_midnight() -> None:
    study = make_study(ENROLLED, engage(fewer_than=1))
    person = join(study, ENROLLED)
    # At 23:30 of the first day, which is the second in UTC.
    answer(person, 0, 3, clock="23:30")

    told = [tick(at(3)), tick(at(4))]

    assert told == [0, 1]
    assert reasons(person) == ["enough_activities", "few_activities"]


def test_a_rule_of_an_event_counts_on_the_days_after_it() -> None:
    document = engage(event="custom:visit", length_days=5, in_days=3, fewer_than=2)
    document["events"] = [{"id": "custom:visit"}]
    study = make_study(ENROLLED, document)
    does, silent, elsewhere = (join(study, ENROLLED, phone=f"+1206555010{number}") for number in range(3))
    for person in (does, silent):
        set_event(person, "custom:visit", FIRST + 2 * DAY, now=ENROLLED, who=Who(is_staff=True))
    answer(does, 3, 0, 1)

    told = [tick(at(day)) for day in range(6)]

    assert told == [0, 0, 0, 0, 1, 0]
    assert Nudge.objects.get().enrollment == silent
    assert reasons(does)[2] == "enough_activities"
    assert reasons(elsewhere) == []


def test_reruns_remind_nobody_twice_and_a_burst_once() -> None:
    study = make_study(ENROLLED, engage())
    join(study, ENROLLED)

    told = [tick(at(3)), tick(at(3)), tick(at(4)), tick(at(9))]

    assert told == [1, 0, 0, 0]
    assert find_gaps(at(4, "09:00")) == []


def test_texts_tell_where_their_reader_stands_in_the_words_of_their_arm() -> None:
    study = make_study(ENROLLED, engage())
    own, other = join(study, ENROLLED, data_groups=["ema_dashboard"]), join(study, ENROLLED, data_groups=["ema"], phone="+12065550101")

    tick(at(3))

    said = {one.enrollment_id: render(one.message, "sms", ("text.txt",), "en")["text"] for one in Nudge.objects.all()}
    assert "dashboard" in said[own.pk]
    assert "dashboard" not in said[other.pk]
    assert all("Days left, today included: 18." in text or "so far: 0." in text for text in said.values())
    assert {one.variant.rpartition(".")[0] for one in Nudge.objects.all()} == {"few-answers.few", "few-answers.few.ema_dashboard"}


def test_who_finished_too_few_on_days_that_are_over_is_behind() -> None:
    study = make_study(ENROLLED, engage())
    silent, does, east = join(study, ENROLLED), join(study, ENROLLED), join(study, ENROLLED, zone="Asia/Tokyo")
    answer(does, 1, 0, 1, 2, 3)
    answer(does, 4, 0, 1)

    # In Tokyo the fourth day is over by then.
    behind = {day: {row.enrollment_id for row in monitored(study, at(day)) if row.is_behind} for day in (3, 4, 5)}

    assert behind == {3: {east.pk}, 4: {silent.pk, east.pk}, 5: {silent.pk, east.pk}}


def test_twenty_people_take_as_many_statements_as_two() -> None:
    counts = []
    for size in (2, 20):
        study = make_study(ENROLLED, engage(texts={"default": {"en": ["{study}: a few questions wait. STOP"]}}))
        people = [join(study, ENROLLED, phone=f"+1206555{size * 100 + number:04d}") for number in range(size)]
        answer(people[0], 1, 0, 1)
        with CaptureQueriesContext(connection) as queries:
            assert tick(at(3)) == size
        counts.append(len(queries))
        Study.objects.filter(pk=study.pk).update(state=Study.State.PAUSED)

    assert counts[0] == counts[1]


@pytest.mark.parametrize(("profile", "texts"), [("silent", 1), ("perfect", 0), ("halfway", 0)])
def test_the_simulation_lives_through_it(profile: str, texts: int) -> None:
    found = simulate(
        engage(), profile=profile, enrolled_local=datetime.fromisoformat("2026-01-10T09:00"), zone=ZoneInfo(NEW_YORK), groups=["ema"]
    )

    kinds = Counter(happening.kind for happening in found)
    assert (kinds["session"], kinds["text"]) == (84, texts)
    assert {happening.at_local.date() for happening in found if happening.kind == "text"} <= {FIRST + 3 * DAY}


def test_the_page_tells_it_in_words() -> None:
    (row,) = [row for row in tell(parse(engage())).rows if row.label == "Reminder"]

    assert row.value.startswith(
        "A text to those who finished fewer than 6 activities on the last 4 days, today included: once in a burst, at 10:30 where they are."
        " What counts is ema. Nobody gets it on the last day."
    )
    assert "Other words for the data group ema_dashboard." in row.value


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"fewer_than": 17}, "fewer_than", "more_than_asked"),
        ({"fewer_than": 0}, "fewer_than", "too_small"),
        ({"in_days": 22}, "in_days", "longer_than_burst"),
        ({"in_days": 21, "fewer_than": 1}, "in_days", "never_sent"),
        ({"counts": "walking"}, "counts", "unknown_reference"),
        ({"consecutive": 3}, "consecutive", "unknown"),
        ({"blackout_start_days": 20}, "blackout_start_days", "never_sent"),
        ({"event": "custom:visit", "length_days": 3}, "event", "unknown_reference"),
        ({"event": "enrollment", "length_days": 3, "in_days": 4}, "in_days", "longer_than_days"),
        ({"texts": {"default": {"en": ["{study}: your dialysis. STOP"]}}}, "texts.default.en[0]", "tells_condition"),
        ({"texts": {"default": {"en": ["{study}: without the word."]}}}, "texts.default.en[0]", "text_without_stop"),
        ({"texts": {"early": {"en": ["{study}. STOP"]}}}, "texts.default", "required"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_path(change: dict[str, Any], path: str, code: str) -> None:
    found = [(problem.path, problem.code) for problem in check(engage(**change))]

    assert (f"$.nudges[0].{path}", code) in found


def test_what_can_be_done_in_so_many_days_may_be_asked_for() -> None:
    assert check(engage(fewer_than=16)) == []
