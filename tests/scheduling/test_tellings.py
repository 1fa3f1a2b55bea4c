"""A session that waits and a burst that begins are told of once, in the participant's own time, to who takes part."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from channels_ace.api import Delivery, Message, Question, deliver_all, find, verdict
from notifications.api import InboxItem, Rest, choose
from scheduling.api import Nudge, Who, complete, sessions_of, set_event, tell_all, tick
from scheduling.models import Place, Told
from scheduling.policies import NotReminded
from scheduling.tellings import FRESH_FOR, forget, tell
from studies.api import Enrollment, choose_zone, enroll, pause, withdraw
from studies.models import Study
from tests.factories import make_user
from tests.fakes import Doubles
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

NEW_YORK, MINUTE = "America/New_York", timedelta(minutes=1)
# A Thursday; the clocks of New York go forward on Sunday.
THURSDAY = date(2026, 3, 5)


def at(day: date, clock: str, zone: str = NEW_YORK) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def after(days: int) -> date:
    return THURSDAY + timedelta(days=days)


def study_with(*clocks: str, minutes: int = 60, **changes: Any) -> Study:
    """A study with sessions at these times of every day of its bursts."""
    document = mpower_document()
    session = {**document["schedules"][0]["sessions"][0], "times": list(clocks), "window_minutes": minutes, **changes}
    del session["all_day"], session["extra_tasks"]
    document["schedules"][0]["sessions"] = [session]
    return make_study(at(THURSDAY, "07:00"), document)


def said(kind: str = "study.session_due") -> list[tuple[datetime, int]]:
    """When something was said, and to how many."""
    messages = Message.objects.filter(type=kind).order_by("created_at")
    return [(found.created_at, InboxItem.objects.filter(message=found).count()) for found in messages]


def tick_through(start: datetime, end: datetime, every: timedelta = MINUTE) -> None:
    while start <= end:
        tell_all(start)
        start += every


def test_a_session_is_told_of_when_it_opens_and_only_once() -> None:
    join(study_with("09:30"), at(THURSDAY, "07:30"))
    tick_through(at(THURSDAY, "09:27"), at(THURSDAY, "10:35"))
    assert said() == [(at(THURSDAY, "09:30"), 1)]
    assert Told.objects.get().what.startswith("session:daily:1:01:")


@pytest.mark.parametrize(
    ("clock", "minutes", "told_at"),
    [("06:00", 240, "08:00"), ("06:00", 60, "06:00"), ("06:00", 120, "06:00"), ("08:00", 60, "08:00"), ("23:00", 60, "23:00")],
)
def test_what_opens_in_the_night_is_told_of_in_the_morning_if_it_is_open_then(clock: str, minutes: int, told_at: str) -> None:
    join(study_with(clock, minutes=minutes), at(THURSDAY, "01:00"))
    tick_through(at(THURSDAY, "05:00"), at(THURSDAY, "23:59"), timedelta(minutes=30))
    assert said() == [(at(THURSDAY, told_at), 1)]


@pytest.mark.parametrize(
    ("day", "clock", "opens_at"),
    [
        # Forward in New York: 09:30 is an hour earlier by UTC; 02:30 is not on the clocks.
        (date(2026, 3, 7), "09:30", "2026-03-07T14:30+00:00"),
        (date(2026, 3, 8), "09:30", "2026-03-08T13:30+00:00"),
        (date(2026, 3, 8), "02:30", "2026-03-08T07:30+00:00"),
        # Back: 01:30 comes twice.
        (date(2026, 11, 1), "01:30", "2026-11-01T05:30+00:00"),
        (date(2026, 11, 1), "09:30", "2026-11-01T14:30+00:00"),
    ],
)
def test_it_keeps_to_the_local_clock_when_the_clocks_change(day: date, clock: str, opens_at: str) -> None:
    enrolled = at(day - timedelta(days=1), "12:00")
    join(study_with(clock), enrolled)
    tick_through(enrolled + timedelta(hours=1), at(day, "23:00"), timedelta(minutes=15))
    assert said() == [(datetime.fromisoformat(opens_at), 1)]


def test_everything_that_opens_is_told_of_once_through_a_burst_and_into_the_next() -> None:
    enrollment = join(make_study(at(THURSDAY, "06:00")), at(THURSDAY, "06:30"))
    for day in range(-1, 120):
        for clock in ("07:30", "08:00", "08:30", "09:00"):
            tell_all(at(after(day), clock))
    opened = sessions_of(enrollment, THURSDAY, after(120), at(after(120), "00:00"))
    expected = {f"session:{session.id}" for session in opened} | {"burst:custom:activityBurst2Start"}
    assert set(Told.objects.values_list("what", flat=True)) == expected
    assert len(said()) == len(opened) == 19 + 19
    (when, people) = said("study.burst_starts")[0]
    assert (when, people) == (at(after(90), "09:00"), 1)


def test_a_missed_tick_is_made_up_for_while_it_is_fresh_and_open() -> None:
    join(study_with("09:30", minutes=180), at(THURSDAY, "07:30"))
    tell_all(at(THURSDAY, "09:00"))
    tell_all(at(THURSDAY, "09:30") + FRESH_FOR - MINUTE)
    assert [people for _, people in said()] == [1]
    tell_all(at(after(1), "09:30") + FRESH_FOR)
    assert len(said()) == 1


def test_what_has_closed_is_not_told_of() -> None:
    join(study_with("09:30", minutes=30), at(THURSDAY, "07:30"))
    tell_all(at(THURSDAY, "10:00"))
    assert said() == []


def test_of_two_planners_one_tells() -> None:
    join(study_with("09:30"), at(THURSDAY, "07:30"))
    since, now = at(THURSDAY, "09:00"), at(THURSDAY, "09:30")
    first, second = Place.objects.get(), Place.objects.get()
    assert (tell(first, since, now), tell(second, since, now)) == (1, 0)
    assert said() == [(now, 1)]


def tell_and_crash(since: datetime, now: datetime) -> None:
    with transaction.atomic():
        assert tell(Place.objects.get(), since, now) == 1
        raise ConnectionError


def test_what_fails_halfway_is_told_by_the_next_tick() -> None:
    join(study_with("09:30"), at(THURSDAY, "07:30"))
    now = at(THURSDAY, "09:30")
    with pytest.raises(ConnectionError):
        tell_and_crash(at(THURSDAY, "09:00"), now)
    assert (said(), Place.objects.get().told_through) == ([], None)
    tell_all(now + MINUTE)
    assert [people for _, people in said()] == [1]


def test_a_clock_that_steps_back_tells_nothing_again() -> None:
    join(study_with("09:30"), at(THURSDAY, "07:30"))
    tell_all(at(THURSDAY, "09:31"))
    tick_through(at(THURSDAY, "08:30"), at(THURSDAY, "09:40"))
    assert len(said()) == 1


def test_who_flew_west_is_not_told_again() -> None:
    enrollment = join(study_with("09:30", minutes=600), at(THURSDAY, "07:30"))
    tell_all(at(THURSDAY, "09:30"))
    choose_zone(enrollment, "America/Los_Angeles", now=at(THURSDAY, "10:00"), why="test")
    join(Study.objects.get(), at(THURSDAY, "07:30"), zone="America/Los_Angeles", phone=None)
    tick_through(at(THURSDAY, "10:00"), at(THURSDAY, "09:45", "America/Los_Angeles"))
    assert said() == [(at(THURSDAY, "09:30"), 1), (at(THURSDAY, "09:30", "America/Los_Angeles"), 1)]


def leave(enrollment: Enrollment) -> None:
    withdraw(enrollment, now=at(THURSDAY, "08:00"))


def rest(enrollment: Enrollment) -> None:
    pause(enrollment, now=at(THURSDAY, "08:00"))


def take_consent_back(enrollment: Enrollment) -> None:
    Enrollment.objects.filter(pk=enrollment.pk).update(consented_at=None)


def pause_study(enrollment: Enrollment) -> None:
    Study.objects.filter(pk=enrollment.study_id).update(state=Study.State.PAUSED)


@pytest.mark.parametrize("change", [leave, rest, take_consent_back, pause_study])
def test_only_who_takes_part_is_told(change: Any) -> None:
    change(join(study_with("09:30"), at(THURSDAY, "07:30")))
    tell_all(at(THURSDAY, "09:30"))
    assert said() == []


def test_what_began_before_somebody_joined_is_nothing_new() -> None:
    join(study_with("09:30", minutes=300), at(THURSDAY, "10:00"))
    tick_through(at(THURSDAY, "10:00"), at(THURSDAY, "11:00"))
    assert said() == []


def test_what_somebody_has_begun_is_not_told_of() -> None:
    enrollment = join(make_study(at(THURSDAY, "00:10")), at(THURSDAY, "00:20"))
    begin(enrollment, at(THURSDAY, "07:00"))
    tick_through(at(THURSDAY, "07:30"), at(THURSDAY, "09:00"))
    assert said() == []


def begin(enrollment: Enrollment, now: datetime) -> None:
    (session,) = sessions_of(enrollment, THURSDAY, after(1), now)
    complete(enrollment, session.id, started_at=now, finished_at=None, now=now)


def test_it_comes_to_the_inbox_alone_until_somebody_wants_more() -> None:
    study = study_with("09:30")
    join(study, at(THURSDAY, "07:30"))
    keen = make_user(time_zone=NEW_YORK, email="keen@example.org", device="device-00000001")
    enroll(study, user_id=keen.pk, code="KEEN", time_zone=NEW_YORK, now=at(THURSDAY, "07:30"))
    for channel in ("push", "email"):
        choose(keen.pk, "study.session_due", channel, is_on=True, now=at(THURSDAY, "07:30"))
    tell_all(at(THURSDAY, "09:30"))
    assert said() == [(at(THURSDAY, "09:30"), 2)]
    open_ones = Delivery.objects.filter(message__type="study.session_due").exclude(state="suppressed")
    assert Counter(open_ones.values_list("channel", "user")) == {("push", keen.pk): 1, ("email", keen.pk): 1}


@pytest.fixture
def keen() -> Enrollment:
    """Somebody with pushes of sessions, whose quiet ends at eight."""
    study = study_with("07:00", minutes=30)
    user = make_user(time_zone=NEW_YORK, device="device-00000001")
    choose(user.pk, "study.session_due", "push", is_on=True, now=at(THURSDAY, "05:00"))
    enrollment = enroll(study, user_id=user.pk, code="KEEN", time_zone=NEW_YORK, now=at(THURSDAY, "05:00"))
    tell_all(at(THURSDAY, "07:00"))
    return enrollment


def push() -> tuple[str, str]:
    delivery = Delivery.objects.get(message__type="study.session_due", channel="push")
    return delivery.state, delivery.reason


def test_a_push_that_waits_is_spared_who_begins_the_session(keen: Enrollment) -> None:
    assert push() == ("deferred", "quiet_hours")
    begin(keen, at(THURSDAY, "07:10"))
    assert push() == ("cancelled", "session_seen_to")


def test_a_push_that_waits_ends_with_the_session(keen: Enrollment) -> None:
    deliver_all(at(THURSDAY, "08:00"))
    assert push() == ("expired", "expired")


def test_a_push_that_waits_is_not_sent_to_who_lost_their_consent(keen: Enrollment) -> None:
    take_consent_back(keen)
    deliver_all(at(THURSDAY, "08:00"))
    assert push()[1] in {"not_consented", "expired"}
    deliver_all(at(THURSDAY, "07:20"))


def remind(after_minutes: int, *clocks: str, **changes: Any) -> Study:
    """A study with sessions at these times, and a text so long after each has opened, to those who have not done it."""
    step = {"after_minutes": after_minutes, "channels": ["sms"], "texts": {"en": ["{study}: a session is open. STOP"]}}
    return study_with(*clocks, reminders=[step], **changes)


def join_with_push(study: Study, *, phone: str | None) -> Enrollment:
    """Somebody who wants a push for each session, and has a phone number or none."""
    user = make_user(time_zone=NEW_YORK, phone=phone, device=f"device-of-{phone}")
    choose(user.pk, "study.session_due", "push", is_on=True, now=at(THURSDAY, "05:00"))
    return enroll(study, user_id=user.pk, code=f"P{user.pk}", time_zone=NEW_YORK, now=at(THURSDAY, "07:00"))


def calls_to(enrollment: Enrollment) -> list[tuple[str, str, str]]:
    """What called somebody, or did not: (type, state, reason)."""
    mine = Delivery.objects.filter(user_id=enrollment.user_id, channel__in=["sms", "push"]).order_by("pk")
    return list(mine.values_list("message__type", "state", "reason"))


@pytest.mark.parametrize("is_told_first", [True, False])
def test_whom_a_reminder_calls_as_a_session_opens_is_told_of_it_in_the_inbox_alone(is_told_first: bool) -> None:
    study = remind(0, "09:30")
    reached, without_phone = join_with_push(study, phone="+12065550100"), join_with_push(study, phone=None)
    now = at(THURSDAY, "09:30")
    if is_told_first:
        assert tell_all(now) == 0
    tick(now)
    assert tell_all(now) == 2

    assert calls_to(reached) == [("studies.nudge", "ready", "")]
    assert calls_to(without_phone) == [("study.session_due", "ready", "")]
    assert InboxItem.objects.filter(message__type="study.session_due").count() == 2


def test_what_waits_to_tell_of_a_session_gives_way_to_its_reminder(doubles: Doubles) -> None:
    study = remind(60, "09:30", minutes=300)
    reached, without_phone = join_with_push(study, phone="+12065550100"), join_with_push(study, phone=None)
    for one in (reached, without_phone):
        Rest.objects.create(user_id=one.user_id, opens=11)
    tell_all(at(THURSDAY, "09:30"))
    assert calls_to(reached) == [("study.session_due", "deferred", "own_hours")]

    tick(at(THURSDAY, "10:30"))
    deliver_all(at(THURSDAY, "11:00"))

    assert ("study.session_due", "suppressed", "session_reminded") in calls_to(reached)
    assert calls_to(without_phone)[0][2] != "session_reminded"


def test_a_reminder_that_reached_nobody_holds_nothing_back(keen: Enrollment) -> None:
    told = Told.objects.get()
    message = Message.objects.create(type="studies.nudge", idempotency_key="n", created_at=at(THURSDAY, "07:10"))
    slot = f"{told.what}:01"
    shared = {"kind": "session", "variant": "x", "local_date": THURSDAY, "nudged_at": at(THURSDAY, "07:10"), "message": message}
    Nudge.objects.create(enrollment=keen, burst=1, slot=slot, **shared)
    text = Delivery.objects.create(
        message=message,
        user_id=keen.user_id,
        channel="sms",
        lane="nudges",
        state=Delivery.State.DEAD,
        due_at=at(THURSDAY, "07:10"),
        created_at=at(THURSDAY, "07:10"),
        changed_at=at(THURSDAY, "07:10"),
    )
    waits = Delivery.objects.get(channel="push")
    question = Question(type=find("study.session_due"), channel="push", contact_kinds=(), now=at(THURSDAY, "07:20"), delivery="pk")
    mine = Delivery.objects.filter(pk=waits.pk)
    held_back = mine.annotate(no=verdict(list(NotReminded().rules(question)))).filter(no=1)
    assert list(held_back) == []

    Delivery.objects.filter(pk=text.pk).update(state=Delivery.State.ACCEPTED)
    assert list(held_back.all()) == [waits]


def test_nobody_waits_for_a_run_that_does_not_come() -> None:
    join_with_push(remind(0, "09:30"), phone="+12065550100")
    tick_through(at(THURSDAY, "09:30"), at(THURSDAY, "09:36"))

    assert said() == [(at(THURSDAY, "09:35"), 1)]


def test_sessions_that_wait_together_are_one_message() -> None:
    document = mpower_document()
    sessions = document["schedules"][0]["sessions"]
    sessions.append({**{key: value for key, value in sessions[0].items() if key != "extra_tasks"}, "id": "second"})
    join(make_study(at(THURSDAY, "06:00"), document), at(THURSDAY, "06:10"))
    tell_all(at(THURSDAY, "08:00"))
    assert (len(said()), Told.objects.count()) == (1, 2)


def test_many_people_are_one_message_and_cost_no_more_statements_each() -> None:
    study, counts = study_with("09:30"), []
    for day, people in enumerate((2, 20)):
        for _ in range(people):
            join(study, at(THURSDAY, "07:30"), phone=None)
        with CaptureQueriesContext(connection) as captured:
            tell_all(at(after(day), "09:30"))
        counts.append(len(captured))
    assert [people for _, people in said()] == [2, 22]
    assert counts[0] == counts[1]


def test_an_idle_tick_asks_once() -> None:
    join(study_with("09:30"), at(THURSDAY, "07:30"))
    tell_all(at(THURSDAY, "09:30"))
    with CaptureQueriesContext(connection) as captured:
        assert tell_all(at(THURSDAY, "12:00")) == 0
    assert len(captured) == 1


def test_times_by_chance_are_told_of_within_five_minutes() -> None:
    document = mpower_document()
    session = document["schedules"][0]["sessions"][0]
    del session["all_day"], session["extra_tasks"]
    window = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "from": "09:00", "to": "21:00"}
    session |= {"random_times": {"count": 4, "min_gap_minutes": 60, "windows": [window]}, "window_minutes": 20}
    study = make_study(at(THURSDAY, "06:00"), document)
    enrollments = [join(study, at(THURSDAY, "07:00"), phone=None) for _ in range(3)]

    tick_through(at(THURSDAY, "08:50"), at(THURSDAY, "21:30"), timedelta(minutes=2))

    opened = {
        (one.pk, f"session:{session.id}"): session.opens_at
        for one in enrollments
        for session in sessions_of(one, THURSDAY, after(1), at(after(1), "00:00"))
    }
    told = {(one.enrollment_id, one.what): one.told_at for one in Told.objects.all()}
    assert told.keys() == opened.keys()
    assert all(timedelta(0) <= told[key] - opened[key] <= timedelta(minutes=7) for key in opened)


def test_a_burst_that_was_moved_is_told_of_on_its_own_day_before_and_once() -> None:
    enrollment = join(make_study(at(THURSDAY, "06:00")), at(THURSDAY, "06:30"))
    event, who = "custom:activityBurst2Start", Who(actor_id=enrollment.user_id)
    set_event(enrollment, event, after(40), who=who, why="away", now=at(after(30), "12:00"))
    tick_through(at(after(36), "09:00"), at(after(41), "09:00"), timedelta(hours=1))
    assert said("study.burst_starts") == [(at(after(39), "09:00"), 1)]
    message = Message.objects.get(type="study.burst_starts")
    assert message.context == {"study": "Daily Moments", "starts": after(40).isoformat()}

    set_event(enrollment, event, after(50), who=who, why="away", now=at(after(39), "12:00"))
    tick_through(at(after(48), "09:00"), at(after(51), "09:00"), timedelta(hours=1))
    assert len(said("study.burst_starts")) == 1


def test_a_burst_that_follows_on_another_is_not_announced() -> None:
    document = mpower_document()
    series = document["burst_series"][0]
    series |= {"interval": {"value": series["length_days"], "unit": "day"}, "extend_to_days": series["length_days"]}
    document["nudges"] = []
    join(make_study(at(THURSDAY, "06:00"), document), at(THURSDAY, "06:30"))
    tick_through(at(after(11), "09:00"), at(after(15), "09:00"), timedelta(hours=1))
    assert said("study.burst_starts") == []
    assert len(said()) > 2


def test_sessions_of_long_ago_are_forgotten_and_bursts_are_not() -> None:
    enrollment = join(study_with("09:30"), at(THURSDAY, "07:30"))
    tell_all(at(THURSDAY, "09:30"))
    Told.objects.bulk_create([Told(enrollment=enrollment, what="burst:custom:x", told_at=at(THURSDAY, "09:30"), message_id=1)])
    assert forget(at(after(6), "09:30")) == 0
    assert forget(at(after(8), "09:30")) == 1
    assert Told.objects.get().what == "burst:custom:x"
