"""The demo world on a virtual clock: what sixty participants and five hundred learners do, told to the product's own functions.

Every step may come twice: a world whose loading was cut short is loaded again from its beginning, and nothing doubles.
Read next: people.py, then command load_demo_world.
"""

import heapq
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from channels_ace.api import ContactPoint, Recipient, add_contact_point, deliver_all, suppress, sweep, to_instant
from demo.dates import make_dates
from demo.people import PASSWORD, ZONES, Participant, Profile, make_learners, make_staff, participants
from notifications.api import ingest_line
from scheduling.api import complete, sessions_of, tick
from studies.api import Enrollment, Study, create_study, enroll, import_protocol, publish, withdraw, write_audit

Say = Callable[[str], None]
Action = Callable[[datetime], object]

HERE = Path(__file__).resolve().parent
PROTOCOL = HERE.parent / "studies" / "protocols" / "mpower2.json"
EVENTS = (HERE / "data" / "lms_events.jsonl", HERE / "data" / "bad_events.jsonl")
STUDY = "mPower 2.0"
FIRST_DAYS = 20
SECOND_BURST = 91


def load(today: date, say: Say) -> Study:
    """This function will bring the world up to the beginning of `today` (UTC), and give its study.

    Days on which nothing can happen, between the first twenty and the second burst, are passed over.
    """
    began = datetime.combine(today - timedelta(days=110), time.min, tzinfo=UTC)
    make_staff(began)
    make_learners(began)
    make_dates(today, began)
    say("500 learners in one course, with its dates")
    study = make_study(began)
    say("the mPower 2 protocol imported and published by a researcher")
    until = datetime.combine(today, time.min, tzinfo=UTC)
    clock = Clock(study, today)
    for at, action in clock.actions(until):
        action(at)
    say(f"{len(participants())} participants: {clock.days} days lived in {clock.ticks} ticks of the nudge worker")
    write_audit(study, "demo_loaded", until)
    return study


def is_loaded() -> bool:
    """This function will tell whether the world has been loaded to its end."""
    return Study.objects.filter(name=STUDY, audit__what="demo_loaded").exists()


def make_study(now: datetime) -> Study:
    """This function will create, import and publish the study as a researcher does."""
    researcher = get_user_model()._default_manager.get(username="researcher")
    study = Study.objects.filter(name=STUDY).first()
    if study is None:
        study = create_study(name=STUDY, participant_name="Daily Moments", owner_id=researcher.pk, now=now)
    if not study.versions.filter(published_at__isnull=False).exists():
        version = import_protocol(study, json.loads(PROTOCOL.read_text()), actor_id=researcher.pk, now=now)
        publish(version, actor_id=researcher.pk, now=now)
        study.refresh_from_db()
    return study


def zone_that_changes(today: date) -> tuple[str, date]:
    """This function will find a zone and the date, at least fifteen days before today, on which its clocks last changed."""
    for days in range(15, 200):
        day = today - timedelta(days=days)
        for zone in ZONES:
            noon = [datetime.combine(day + timedelta(days=step), time(12), tzinfo=ZoneInfo(zone)).utcoffset() for step in (-1, 0)]
            if noon[0] != noon[1]:
                return zone, day
    raise LookupError("No zone of the demo changed its clocks in the last 200 days.")


class Clock:
    """Every instant at which something happens, in order: people act, noon comes somewhere, the router delivers."""

    def __init__(self, study: Study, today: date) -> None:
        self.study = study
        self.today = today
        self.days = 0
        self.ticks = 0
        self._queue: list[tuple[datetime, int, Action]] = []
        self._zones: set[str] = set()

    def actions(self, until: datetime) -> Iterator[tuple[datetime, Action]]:
        """This function will yield what happens before `until`, in order of time."""
        days: set[date] = set()
        for one in participants():
            zone, enrolled = (one.zone, self.today - timedelta(days=one.days_ago)) if one.days_ago else zone_that_changes(self.today)
            if not one.days_ago:
                enrolled -= timedelta(days=3 + one.number % 3)
            self._zones.add(zone)
            days |= self._plan(one, zone, enrolled)
        for day in days:
            for zone in self._zones:
                self._at(to_instant(day, time(12), ZoneInfo(zone)), self._tick)
            self._at(datetime.combine(day, time(23, 59), tzinfo=UTC), self._deliver)
        self._plan_course()
        self.days = len(days)
        while self._queue and self._queue[0][0] < until:
            at, _, action = heapq.heappop(self._queue)
            yield at, action

    def _plan(self, one: Participant, zone: str, enrolled: date) -> set[date]:
        self._at(to_instant(enrolled, time(9), ZoneInfo(zone)), partial(join, self.study, one, zone))
        for day in range(14):
            for first in (0, SECOND_BURST):
                if does(one, day, in_second=first > 0):
                    at = to_instant(enrolled + timedelta(days=first + day), time(9, 30 + one.number % 30), ZoneInfo(zone))
                    self._at(at, partial(do_today, one))
        if one.profile is Profile.OPTS_OUT:
            self._at(to_instant(enrolled + timedelta(days=1), time(11), ZoneInfo(zone)), partial(reply_stop, one))
        if one.profile is Profile.WITHDRAWS:
            self._at(to_instant(enrolled + timedelta(days=5), time(11), ZoneInfo(zone)), partial(leave, one))
        lived = [*range(FIRST_DAYS), *range(SECOND_BURST - 2, SECOND_BURST + FIRST_DAYS)]
        return {enrolled + timedelta(days=day) for day in lived}

    def _plan_course(self) -> None:
        """This function will shift the platform's events so that the last comes at noon of the day before yesterday."""
        lines = [line for path in EVENTS for line in path.read_bytes().splitlines(keepends=True)]
        last = datetime.combine(self.today - timedelta(days=2), time(12), tzinfo=UTC)
        for number, line in enumerate(lines):
            self._at(last - timedelta(hours=3 * (len(lines) - number)), partial(ingest_line, line))
        for hour in range(24 * 8):
            self._at(last - timedelta(days=6) + timedelta(hours=hour, minutes=30), self._deliver)

    def _at(self, at: datetime, action: Action) -> None:
        heapq.heappush(self._queue, (at, len(self._queue), action))

    def _tick(self, now: datetime) -> None:
        self.ticks += 1
        if tick(now):
            deliver_all(now)

    def _deliver(self, now: datetime) -> None:
        sweep(now)
        deliver_all(now)


def join(study: Study, one: Participant, zone: str, now: datetime) -> Enrollment:
    """This function will make a participant and enroll them."""
    users = get_user_model()._default_manager
    person, _made = users.get_or_create(username=one.username, defaults={"password": make_password(PASSWORD if one.number == 1 else None)})
    Recipient.objects.get_or_create(user=person, defaults={"time_zone": zone, "language": "es" if one.number % 5 == 0 else "en"})
    verified = one.profile is not Profile.NO_PHONE
    if not ContactPoint.objects.filter(user=person).exists():
        add_contact_point(user_id=person.pk, kind=ContactPoint.Kind.PHONE, address=one.phone, now=now, verified=verified)
    return enroll(study, user_id=person.pk, code=f"MP-{one.number:03d}", time_zone=zone, now=now)


def does(one: Participant, day: int, *, in_second: bool) -> bool:
    """This function will tell whether a participant does a day (from 0) of a burst."""
    if one.profile is Profile.PERFECT:
        return True
    return one.profile is Profile.MISSES_3_TO_5 and day not in (2, 3, 4)


def do_today(one: Participant, now: datetime) -> None:
    """This function will finish the sessions that are open for the participant."""
    enrollment = Enrollment.objects.select_related("version", "study").get(user__username=one.username)
    today = now.astimezone(ZoneInfo(enrollment.time_zone)).date()
    for session in sessions_of(enrollment, today, today + timedelta(days=1), now):
        complete(enrollment, session.id, started_at=now - timedelta(minutes=6), finished_at=now, now=now)


def reply_stop(one: Participant, now: datetime) -> None:
    """This function will reply STOP from the participant's phone."""
    suppress(channel="sms", kind=ContactPoint.Kind.PHONE, address=one.phone, reason="stop", now=now)


def leave(one: Participant, now: datetime) -> None:
    """This function will withdraw the participant."""
    withdraw(Enrollment.objects.get(user__username=one.username), now=now, why="asked to leave")
