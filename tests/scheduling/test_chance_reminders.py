"""Reminders of sessions at times by chance: each person's after their own time."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ace.models import Delivery
from scheduling.api import complete, report_zone, sessions_of, tick
from scheduling.drawn_times import forget
from scheduling.models import DrawnTime, Nudge, NudgeDecision, RunLedger
from scheduling.restored import close_lost_runs
from scheduling.self_check import find_gaps
from scheduling.simulation import simulate
from studies.api import Enrollment, Study, import_protocol, publish, withdraw
from studies.fact_words import tell
from studies.protocol import check, parse
from tests.scheduling.test_session_reminders import NEW_YORK, at, document_with, step
from tests.scheduling.worlds import join, make_study

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 11, 0, tzinfo=UTC)
# A Sunday: the second day of whoever enrolls then.
SECOND = date(2026, 1, 11)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def by_chance(*reminders: dict[str, Any], **of_times: Any) -> dict[str, Any]:
    """This function will make a protocol of two sessions a day between 10:00 and 16:00, an hour apart, each open for an hour."""
    document = document_with(*reminders, session={"window_minutes": 60})
    session = document["schedules"][0]["sessions"][0]
    del session["times"]
    session["random_times"] = {"count": 2, "min_gap_minutes": 60, "windows": [{"from": "10:00", "to": "16:00"}]} | of_times
    return document


def opens_of(enrollment: Enrollment, day: date = SECOND) -> list[datetime]:
    return [session.opens_at for session in sessions_of(enrollment, day, day + DAY, at(day, "00:00"))]


def live(day: date, *, opens: str = "09:00", closes: str = "20:00", every: timedelta = 5 * MINUTE) -> None:
    """This function will let ticks come all day."""
    now = at(day, opens)
    while now < at(day, closes):
        tick(now)
        now += every


def told() -> list[tuple[int, str, datetime]]:
    return sorted(Nudge.objects.values_list("enrollment_id", "slot", "nudged_at"))


def test_each_person_is_reminded_so_long_after_each_of_their_own_times_and_never_before() -> None:
    study = make_study(ENROLLED, by_chance(step(15), step(40)))
    people = [join(study, ENROLLED, phone=f"+1206555010{number}") for number in range(6)]

    live(SECOND, opens="10:00", closes="17:00")

    expected = []
    for person in people:
        for place, opens_at in enumerate(opens_of(person)):
            for number, after in ((1, 15), (2, 40)):
                due = opens_at + after * MINUTE
                # The first tick of five minutes that is not before it.
                ticked = due + (-due.minute % 5) * MINUTE
                expected.append((person.pk, f"session:daily:1:02:{place}:{number:02d}", ticked))
    assert told() == sorted(expected)
    assert len({opens_at for person in people for opens_at in opens_of(person)}) > 6
    assert find_gaps(at(SECOND + DAY, "09:00")) == []


def test_what_is_done_is_not_reminded_of_and_what_waits_is_cancelled() -> None:
    study = make_study(ENROLLED, by_chance(step(15), step(40)))
    person, other = join(study, ENROLLED), join(study, ENROLLED, phone="+12065550101")
    first = opens_of(person)[0]
    tick(first + 15 * MINUTE)

    now = first + 16 * MINUTE
    complete(person, "daily:1:02:0", started_at=now, finished_at=now, now=now)
    tick(first + 40 * MINUTE)

    mine = Delivery.objects.get(user=person.user_id, channel="sms")
    assert (mine.state, mine.reason) == (Delivery.State.CANCELLED, "session_done")
    decided = NudgeDecision.objects.filter(enrollment=person).order_by("rule").values_list("rule", "reason")
    assert list(decided) == [("session:daily:1:1", "session_open"), ("session:daily:2:1", "session_done")]
    assert not Delivery.objects.filter(user=other.user_id, reason="session_done").exists()


def test_reruns_two_planners_and_lost_ledgers_remind_nobody_twice() -> None:
    study = make_study(ENROLLED, by_chance(step(15)))
    person = join(study, ENROLLED)
    due = opens_of(person)[0] + 15 * MINUTE

    counts = [tick(due), tick(due), tick(due + MINUTE)]
    RunLedger.objects.all().delete()
    counts.append(tick(due + 2 * MINUTE))
    NudgeDecision.objects.all().delete()
    RunLedger.objects.all().delete()
    counts.append(tick(due + 3 * MINUTE))

    assert counts == [1, 0, 0, 0, 0]
    assert NudgeDecision.objects.get(enrollment=person).reason == "already_reminded"


def test_a_missed_tick_is_caught_up_with_while_the_session_is_open_and_not_after() -> None:
    study = make_study(ENROLLED, by_chance(step(15)))
    person = join(study, ENROLLED)
    first, second = opens_of(person)

    assert tick(first + 59 * MINUTE) == 1
    assert Delivery.objects.get(channel="sms").expires_at == first + 60 * MINUTE
    assert tick(second + 60 * MINUTE) == 0
    (gap,) = find_gaps(at(SECOND + DAY, "09:00"))
    assert (gap.kind, gap.rule, gap.people) == ("undecided", "session:daily:1:2", 1)


def test_two_runs_of_a_day_say_it_by_messages_of_their_own() -> None:
    study = make_study(ENROLLED, by_chance(step(15)))
    people = [join(study, ENROLLED, phone=f"+1206555010{number}") for number in range(4)]

    live(SECOND, opens="10:00", closes="16:30")

    # Those whose session opened between the same two ticks share a message, which ends with the first of their sessions.
    groups: dict[tuple[int, datetime], list[tuple[int, datetime]]] = defaultdict(list)
    for person in people:
        for place, opens_at in enumerate(opens_of(person)):
            due = opens_at + 15 * MINUTE
            groups[place, due + (-due.minute % 5) * MINUTE].append((person.user_id, opens_at + 60 * MINUTE))
    expected = {(user_id, min(end for _user, end in group)) for group in groups.values() for user_id, _end in group}
    assert {(one.user_id, one.expires_at) for one in Delivery.objects.filter(channel="sms")} == expected


def test_nobody_is_reminded_outside_the_hours_of_texts_on_days_without_sessions_or_having_left() -> None:
    early = by_chance(step(5), count=1, min_gap_minutes=0, windows=[{"weekdays": [7], "from": "08:00", "to": "10:00"}])
    study = make_study(ENROLLED, early)
    people = [join(study, ENROLLED, phone=f"+12065550{number}") for number in range(100, 120)]
    withdraw(people[0], now=ENROLLED + MINUTE)

    live(SECOND, opens="08:00", closes="10:10")
    live(SECOND + DAY, opens="08:00", closes="10:30", every=15 * MINUTE)

    by_day = {one.pk for one in people[1:] if opens_of(one)[0] + 5 * MINUTE >= at(SECOND, "09:00")}
    assert {enrollment_id for enrollment_id, _slot, _at in told()} == by_day
    assert 0 < len(by_day) < 19
    assert find_gaps(at(SECOND + DAY, "12:00")) == []
    assert find_gaps(at(SECOND + 2 * DAY, "12:00")) == []


def test_a_day_without_ticks_is_noticed() -> None:
    join(make_study(ENROLLED, by_chance(step(15))), ENROLLED)

    gaps = find_gaps(at(SECOND + DAY, "09:00"))

    assert {(gap.kind, gap.rule, gap.people) for gap in gaps} == {("missed_run", f"session:daily:1:{place}", 1) for place in (1, 2)}


def test_times_are_drawn_once_and_stored_for_a_few_days() -> None:
    person = join(make_study(ENROLLED, by_chance(step(15))), ENROLLED)

    tick(at(SECOND, "10:16"))
    stored = list(DrawnTime.objects.order_by("session_id").values_list("session_id", "local_date", "minute"))
    tick(at(SECOND, "10:17"))

    local = [opens_at.astimezone(ZoneInfo(NEW_YORK)) for opens_at in opens_of(person)]
    assert stored == [(f"daily:1:02:{place}", SECOND, found.hour * 60 + found.minute) for place, found in enumerate(local)]
    assert list(DrawnTime.objects.order_by("session_id").values_list("session_id", "local_date", "minute")) == stored
    assert (forget(at(SECOND + 3 * DAY, "12:00")), forget(at(SECOND + 4 * DAY, "12:00"))) == (0, 2)


def test_another_design_draws_anew_for_those_who_follow_it() -> None:
    study = make_study(ENROLLED, by_chance(step(15)))
    person = join(study, ENROLLED)
    tick(at(SECOND, "10:16"))
    later = by_chance(step(15), windows=[{"from": "17:00", "to": "19:00"}])
    actor = study.roles.get().user_id
    publish(
        import_protocol(study, later, actor_id=actor, now=at(SECOND, "10:20")), actor_id=actor, now=at(SECOND, "10:20"), for_enrolled=True
    )

    live(SECOND, opens="17:00", closes="19:30")

    assert {slot for _pk, slot, _at in told()} >= {"session:daily:1:02:1:01"}
    assert min(DrawnTime.objects.values_list("minute", flat=True)) >= 17 * 60
    assert all(opens_at >= at(SECOND, "17:00") for opens_at in opens_of(person))


def test_whoever_flies_west_is_reminded_of_a_session_once() -> None:
    person = join(make_study(ENROLLED, by_chance(step(15))), ENROLLED)
    first = opens_of(person)[0]
    assert tick(first + 15 * MINUTE) == 1

    report_zone(person.user_id, "America/Los_Angeles", first + 20 * MINUTE)
    now = first + 25 * MINUTE
    while now < at(SECOND, "20:00", "America/Los_Angeles"):
        tick(now)
        now += 5 * MINUTE

    assert Counter(slot for _pk, slot, _at in told()) == {"session:daily:1:02:0:01": 1, "session:daily:1:02:1:01": 1}


def test_after_a_restore_what_may_have_been_sent_is_not_sent_again() -> None:
    person = join(make_study(ENROLLED, by_chance(step(15))), ENROLLED)
    first, second = opens_of(person)
    # The run was done once before the database went back, and again in what it lost.
    tick(first)

    close_lost_runs(first + 20 * MINUTE)

    assert tick(first + 21 * MINUTE) == 0
    assert tick(second + 15 * MINUTE) == 1


def test_twenty_people_take_as_many_statements_as_two_and_nobody_due_takes_few() -> None:
    counts: list[int] = []
    idle: list[int] = []
    for size in (2, 20):
        study = make_study(ENROLLED, by_chance(step(15), count=1, windows=[{"from": "10:00", "to": "10:01"}]))
        for number in range(size):
            join(study, ENROLLED, phone=f"+1206555{size * 100 + number:04d}")
        for when, found in ((at(SECOND, "10:15"), counts), (at(SECOND, "10:17"), idle)):
            with CaptureQueriesContext(connection) as queries:
                assert tick(when) == (size if found is counts else 0)
            found.append(len(queries))
        Study.objects.filter(pk=study.pk).update(state=Study.State.PAUSED)

    assert counts[0] == counts[1]
    assert idle[0] == idle[1] < counts[0]


def test_the_simulation_shows_texts_after_each_session(settings: Any) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CAPS": []}
    document = by_chance(step(15))
    document["burst_series"][0] |= {"count": 1}
    document["burst_series"][0].pop("interval")
    lived = {}
    for profile in ("silent", "halfway"):
        found = simulate(document, profile=profile, enrolled_local=datetime.combine(SECOND, time(7)), zone=ZoneInfo(NEW_YORK))
        lived[profile] = Counter(happening.kind for happening in found)
        opened = {one.at_local + 15 * MINUTE for one in found if one.kind == "session" and one.outcome == "missed"}
        assert {one.at_local for one in found if one.kind == "text"} == opened

    assert (lived["silent"]["text"], lived["halfway"]["text"]) == (28, 14)


def test_the_page_says_when_nobody_is_reminded() -> None:
    row = next(row for row in tell(parse(by_chance(step(15)))).rows if row.label.startswith("Session:"))

    assert "is reminded 15 minutes after its time. Where that is not between 09:00 and 20:00 of the same day, they are not." in row.value


@pytest.mark.parametrize(
    ("of_times", "reminder", "path", "code"),
    [
        ({}, step(60), "[0].after_minutes", "after_window"),
        ({"windows": [{"from": "06:00", "to": "08:30"}]}, step(30), "[0].after_minutes", "outside_text_hours"),
        ({"windows": [{"from": "19:30", "to": "23:00"}]}, step(30), "[0].after_minutes", "outside_text_hours"),
        ({}, step(30, texts={"en": ["{study}: your diabetes. STOP"]}), "[0].texts.en[0]", "tells_condition"),
    ],
)
def test_a_reminder_that_could_never_be_sent_is_refused_with_its_path(
    of_times: dict[str, Any], reminder: dict[str, Any], path: str, code: str
) -> None:
    found = [(problem.path, problem.code) for problem in check(by_chance(reminder, **of_times))]

    assert found == [(f"$.schedules[0].sessions[0].reminders{path}", code)]


def test_a_window_of_which_a_minute_lies_in_the_hours_will_do() -> None:
    assert check(by_chance(step(30), windows=[{"from": "06:00", "to": "08:31"}])) == []
    assert check(by_chance(step(30), windows=[{"from": "19:29", "to": "23:00"}])) == []
