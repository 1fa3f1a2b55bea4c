"""Reminders of sessions: a chain while the session is open, cancelled once it is done."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ace.api import Question, deliver, find, verdict
from channels_ace.models import Delivery, Message
from scheduling.api import complete, tick
from scheduling.models import Completion, Nudge, NudgeDecision, RunLedger
from scheduling.policies import StillToDo
from scheduling.self_check import find_gaps
from scheduling.simulation import simulate
from studies.api import Enrollment, Study, choose_zone, withdraw
from studies.protocol import check
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 14, 0, tzinfo=UTC)
NEW_YORK = "America/New_York"
TEXT = "{study}: a session is open. STOP"


def step(after_minutes: int, **extra: Any) -> dict[str, Any]:
    return {"after_minutes": after_minutes, "channels": ["sms"], "texts": {"en": [TEXT]}} | extra


def document_with(*reminders: dict[str, Any], session: dict[str, Any] | None = None, **of_schedule: Any) -> dict[str, Any]:
    """This function will make a protocol without nudge rules, of one session from 10:00 to 16:00 on each of 14 days."""
    document = mpower_document()
    document["nudges"] = []
    timed = {"times": ["10:00"], "window_minutes": 360, "reminders": list(reminders)} | (session or {})
    first = document["schedules"][0]["sessions"][0]
    first.pop("all_day", None)
    first.pop("extra_tasks", None)
    document["schedules"] = [document["schedules"][0] | {"sessions": [first | timed]} | of_schedule]
    return document


def at(day: date, clock: str, zone: str = NEW_YORK) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def do_session(enrollment: Enrollment, day: date, when: datetime, **extra: Any) -> Completion:
    number = (day - enrollment.enrolled_date).days + 1
    said = {"started_at": when, "finished_at": when} | extra
    return complete(enrollment, f"daily:1:{number:02d}:0", now=when, **said)


def slots() -> list[str]:
    return sorted(Nudge.objects.values_list("slot", flat=True))


def reasons() -> Counter[str]:
    return Counter(NudgeDecision.objects.values_list("reason", flat=True))


SECOND = date(2026, 1, 11)


def test_a_chain_reminds_until_the_session_is_done_and_no_longer() -> None:
    study = make_study(ENROLLED, document_with(step(30), step(120), step(240)))
    person = join(study, ENROLLED)

    told = [tick(at(SECOND, clock)) for clock in ("10:00", "10:30", "11:00", "12:00")]
    do_session(person, SECOND, at(SECOND, "12:30"))
    told += [tick(at(SECOND, clock)) for clock in ("14:00", "15:00")]

    assert told == [0, 1, 0, 1, 0, 0]
    assert slots() == ["session:daily:1:02:0:01", "session:daily:1:02:0:02"]
    assert reasons() == {"session_open": 2, "session_done": 1}
    assert {nudge.kind for nudge in Nudge.objects.all()} == {"session"}


@pytest.mark.parametrize("extra", [{}, {"finished_at": None, "declined": True}])
def test_what_is_queued_is_cancelled_as_soon_as_the_session_is_done_or_declined(extra: dict[str, Any]) -> None:
    study = make_study(ENROLLED, document_with(step(30)))
    person, other = join(study, ENROLLED), join(study, ENROLLED, phone="+12065550101")
    assert tick(at(SECOND, "10:30")) == 2

    do_session(person, SECOND, at(SECOND, "10:31"), **extra)

    mine = Delivery.objects.get(user=person.user_id, channel="sms")
    assert (mine.state, mine.reason) == (Delivery.State.CANCELLED, "session_done")
    assert Delivery.objects.get(user=other.user_id, channel="sms").state == Delivery.State.READY


def test_who_has_only_started_is_reminded_all_the_same() -> None:
    study = make_study(ENROLLED, document_with(step(30)))
    person = join(study, ENROLLED)
    do_session(person, SECOND, at(SECOND, "10:05"), finished_at=None)

    assert tick(at(SECOND, "10:30")) == 1
    do_session(person, SECOND, at(SECOND, "10:31"), finished_at=None)

    assert Delivery.objects.get(channel="sms").state == Delivery.State.READY


def test_a_session_done_while_it_was_decided_about_is_found_before_the_text_leaves() -> None:
    study = make_study(ENROLLED, document_with(step(30)))
    person, other = join(study, ENROLLED), join(study, ENROLLED, phone="+12065550101")
    tick(at(SECOND, "10:30"))
    # As if the app's report had been committed in between: nothing was there to cancel yet.
    shared = {"session_id": "daily:1:02:0", "burst": 1, "day": 2, "recorded_at": ENROLLED}
    Completion.objects.create(enrollment=person, finished_at=ENROLLED, **shared)

    deliver(at(SECOND, "10:31"))

    states = {one.user_id: (one.state, one.reason) for one in Delivery.objects.filter(channel="sms")}
    assert states[person.user_id] == (Delivery.State.SUPPRESSED, "session_done")
    assert states[other.user_id][1] != "session_done"


def test_reruns_and_a_second_planner_remind_nobody_twice() -> None:
    study = make_study(ENROLLED, document_with(step(30)))
    join(study, ENROLLED)

    told = [tick(at(SECOND, "10:30")), tick(at(SECOND, "10:30")), tick(at(SECOND, "11:30"))]
    RunLedger.objects.all().delete()
    told.append(tick(at(SECOND, "11:40")))

    assert told == [1, 0, 0, 0]
    assert Nudge.objects.count() == Delivery.objects.filter(message__type="studies.nudge").count() == 1


def test_whoever_flies_west_is_not_reminded_of_the_same_session_again() -> None:
    study = make_study(ENROLLED, document_with(step(30)))
    person = join(study, ENROLLED)
    assert tick(at(SECOND, "10:30")) == 1

    choose_zone(person, "America/Los_Angeles", now=at(SECOND, "11:00"), why="test")

    assert tick(at(SECOND, "10:30", "America/Los_Angeles")) == 0
    # Even if nothing but the reminder itself were known of it.
    NudgeDecision.objects.all().delete()
    RunLedger.objects.all().delete()
    assert tick(at(SECOND, "10:31", "America/Los_Angeles")) == 0
    assert reasons() == {"already_reminded": 1}
    assert tick(at(date(2026, 1, 12), "10:30", "America/Los_Angeles")) == 1


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_on_the_day_the_clocks_change_the_reminder_keeps_to_the_clock(day: date) -> None:
    enrolled = at(day - timedelta(days=1), "09:00")
    join(make_study(enrolled, document_with(step(30))), enrolled)

    told = [tick(at(day, "00:00") + timedelta(minutes=30 * half)) for half in range(50)]

    (half,) = [half for half, count in enumerate(told) if count]
    assert (at(day, "00:00") + timedelta(minutes=30 * half)).astimezone(ZoneInfo(NEW_YORK)).strftime("%H:%M") == "10:30"


def test_no_reminder_after_the_session_has_closed_and_none_at_night() -> None:
    late = {"times": ["15:00"], "window_minutes": 120}
    join(make_study(ENROLLED, document_with(step(60), session=late)), ENROLLED)
    overnight = {"times": ["19:00"], "window_minutes": 900}
    join(make_study(ENROLLED, document_with(step(30), session=overnight)), ENROLLED)

    # Beat was away at 16:00 and comes back once the one is closed; at 19:30 the other's text waits, for more than its hours.
    assert tick(at(SECOND, "17:00")) == 0
    assert tick(at(SECOND, "20:00")) == 0
    assert tick(at(SECOND, "23:00")) == 0
    assert tick(at(date(2026, 1, 12), "16:30")) == 1
    assert Delivery.objects.get(channel="sms").expires_at == at(date(2026, 1, 12), "17:00")


def test_a_reminder_days_after_a_long_session_opened_is_of_that_session() -> None:
    weekly = {"days": [1, 8], "times": ["12:00"], "window_minutes": 3 * 1440}
    study = make_study(ENROLLED, document_with(step(2 * 1440 - 60), session=weekly))
    person = join(study, ENROLLED)

    assert [tick(at(person.enrolled_date + timedelta(days=day), "11:00")) for day in range(11)] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    assert slots() == ["session:daily:1:01:0:01", "session:daily:1:08:0:01"]


def test_several_sessions_a_day_each_have_a_chain_and_the_gap_does_not_count_them() -> None:
    document = document_with(step(30), session={"times": ["10:00", "14:00"], "window_minutes": 120})
    document["nudges"] = [mpower_document()["nudges"][0] | {"send_at": "12:00"}]
    person = join(make_study(ENROLLED, document), ENROLLED)
    day = person.enrolled_date + timedelta(days=3)

    told = [tick(at(day, clock)) for clock in ("10:30", "12:00", "14:30")]

    assert told == [1, 1, 1]
    assert [nudge.kind for nudge in Nudge.objects.order_by("pk")] == ["session", "early", "session"]


def test_caps_count_reminders(settings: Any) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CAPS": [{"channel": "sms", "most": 1, "hours": 24, "types": ["studies.nudge"]}]}
    person = join(make_study(ENROLLED, document_with(step(30), step(60))), ENROLLED)
    assert tick(at(SECOND, "10:30")) == 1
    delivery = Delivery.objects.get(user=person.user_id, channel="sms")
    Delivery.objects.filter(pk=delivery.pk).update(changed_at=at(SECOND, "10:31"), state=Delivery.State.ACCEPTED)
    delivery.attempts.create(fence=1, provider="console", started_at=at(SECOND, "10:31"), outcome="accepted")

    assert tick(at(SECOND, "11:00")) == 0
    assert reasons()["capped"] == 1


def test_groups_of_the_schedule_and_words_of_an_arm_hold_for_reminders() -> None:
    own = step(30, texts_by_data_group={"arm_a": {"en": ["{study}: arm's own {first_day}. STOP"]}})
    study = make_study(ENROLLED, document_with(own, only_data_groups=["arm_a", "arm_b"]))
    people = {
        group: join(study, ENROLLED, phone=f"+1206555010{number}", data_groups=[group])
        for number, group in enumerate(["arm_a", "arm_b", "arm_c"])
    }

    assert tick(at(SECOND, "10:30")) == 2

    said = {nudge.enrollment_id: nudge.message.context["said"]["in_languages"]["en"] for nudge in Nudge.objects.all()}
    assert said[people["arm_a"].pk] == "Daily Moments: arm's own January 10. STOP"
    assert said[people["arm_b"].pk] == "Daily Moments: a session is open. STOP"
    assert reasons() == {"session_open": 2, "not_in_data_group": 1}


def test_on_the_days_added_only_those_are_reminded_who_have_not_done_enough() -> None:
    study = make_study(ENROLLED, document_with(step(30)))
    behind, enough = join(study, ENROLLED), join(study, ENROLLED, phone="+12065550101")
    for day in range(10):
        on = enough.enrolled_date + timedelta(days=day)
        do_session(enough, on, at(on, "10:05"))

    assert tick(at(behind.enrolled_date + timedelta(days=14), "10:30")) == 1

    assert Nudge.objects.get().enrollment == behind
    assert reasons() == {"session_open": 1, "burst_completed": 1}


def test_who_has_left_is_not_reminded() -> None:
    person = join(make_study(ENROLLED, document_with(step(30))), ENROLLED)
    withdraw(person, now=ENROLLED + timedelta(hours=1))

    assert tick(at(SECOND, "10:30")) == 0
    assert not Message.objects.filter(type="studies.nudge").exists()


def test_twenty_people_take_as_many_statements_as_two() -> None:
    counts = []
    for size in (2, 20):
        study = make_study(ENROLLED, document_with(step(30)))
        people = [join(study, ENROLLED, phone=f"+1206555{size * 100 + number:04d}") for number in range(size)]
        do_session(people[0], ENROLLED.date(), at(ENROLLED.date(), "11:00"))
        with CaptureQueriesContext(connection) as queries:
            assert tick(at(SECOND, "10:30")) == size
        counts.append(len(queries))
        Study.objects.filter(pk=study.pk).update(state=Study.State.PAUSED)

    assert counts[0] == counts[1]


def test_a_run_that_never_came_is_noticed() -> None:
    join(make_study(ENROLLED, document_with(step(30))), ENROLLED)

    gaps = find_gaps(at(date(2026, 1, 12), "09:00"))

    assert [(gap.kind, gap.rule, gap.people) for gap in gaps] == [("missed_run", "session:daily:1:1000", 1)]


def test_the_simulation_shows_the_texts_of_a_session() -> None:
    document = document_with(step(30), step(120))
    document["burst_series"][0]["count"] = 1
    document["burst_series"][0].pop("interval")
    lived = {}
    for profile in ("silent", "perfect"):
        found = simulate(document, profile=profile, enrolled_local=datetime.fromisoformat("2026-01-10T09:00"), zone=ZoneInfo(NEW_YORK))
        lived[profile] = Counter(happening.kind for happening in found)

    assert lived["silent"]["text"] + lived["silent"]["held_back"] == 28
    assert lived["silent"]["text"] > 0
    assert lived["perfect"]["text"] == 0


@pytest.mark.parametrize(
    ("session", "reminder", "path", "code"),
    [
        ({}, step(360), "[0].after_minutes", "after_window"),
        ({"times": ["08:00"]}, step(30), "[0].after_minutes", "outside_text_hours"),
        ({"times": ["18:00"]}, step(120), "[0].after_minutes", "outside_text_hours"),
        ({"window_minutes": 30 * 1440}, step(25 * 1440), "[0].after_minutes", "longer_than_burst"),
        ({"probability": 0.5}, step(30), "", "only_for_certain_sessions"),
        ({}, step(30, texts={"en": ["{study}: {name} STOP"]}), "[0].texts.en[0]", "unknown_variable"),
        ({}, step(30, texts={"es": [TEXT]}), "[0].texts", "language_missing"),
        ({}, step(30, texts={"en": ["{study}: your diabetes. STOP"]}), "[0].texts.en[0]", "tells_condition"),
        ({}, step(-1), "[0].after_minutes", "too_small"),
    ],
)
def test_a_reminder_that_could_not_be_sent_is_refused_with_its_path(
    session: dict[str, Any], reminder: dict[str, Any], path: str, code: str
) -> None:
    found = check(document_with(reminder, session=session))

    assert (f"$.schedules[0].sessions[0].reminders{path}", code) in [(problem.path, problem.code) for problem in found]


def test_steps_of_a_chain_go_forward() -> None:
    found = check(document_with(step(120), step(30)))

    assert [(problem.path, problem.code) for problem in found] == [("$.schedules[0].sessions[0].reminders", "not_ascending")]


def test_other_types_are_asked_nothing_about_sessions() -> None:
    question = Question(type=find("studies.text"), channel="sms", contact_kinds=("phone",), now=ENROLLED, delivery="pk")

    assert "scheduling_completion" not in str(Delivery.objects.annotate(no=verdict_of(question)).query)


def verdict_of(question: Question) -> Any:
    return verdict(list(StillToDo().rules(question)))
