"""What happens at the same moment: planners, studies of one person, an event that is set while a version is published."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection, transaction

from scheduling.api import complete, due_runs, replan, set_event, tick
from scheduling.events import Who
from scheduling.models import Nudge, NudgeDecision, PlannerRow, RunLedger
from scheduling.nudges import do_in_turn
from scheduling.planner import protocol
from studies.api import Enrollment, ProtocolVersion, enroll, publish
from tests.factories import make_user
from tests.faults.workshop import database_url
from tests.scheduling.test_amending import drafted
from tests.scheduling.test_nudges import noon
from tests.scheduling.test_tracks import BOOSTER_FOURTH, ENROLLED, FOURTH, two_series
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
STAFF = Who(is_staff=True)
ROOT = Path(__file__).parents[2]
# The first burst, with the days that may be added, is over.
AFTER_FIRST = ENROLLED + timedelta(days=40)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """This function will begin several things in the same moment, each over a connection of its own, and give what they give."""
    start = Barrier(len(works))

    def begin(work: Callable[[], Any]) -> Any:
        start.wait()
        return closing(work)

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(begin, work) for work in works]]


def closing(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def while_open(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """This function will do one thing, and the other before the first is committed: it may have to wait for that."""
    done, go_on = Event(), Event()

    def hold() -> Any:
        with transaction.atomic():
            found = first()
            done.set()
            go_on.wait(20)
        return found

    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(closing, hold)
        assert done.wait(20)
        other = pool.submit(closing, second)
        wait_for(other)
        go_on.set()
        return held.result(), other.result()


def wait_for(other: "Future[Any]") -> None:
    """This function will wait until the other is done, or waits for a lock itself."""
    end = time.monotonic() + 20
    while not other.done() and time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)


def test_two_planners_remind_once_in_the_bursts_of_every_series() -> None:
    study = make_study(ENROLLED, two_series())
    people = [join(study, ENROLLED, phone=f"+1206555{number:04d}") for number in range(30)]

    for day in (FOURTH, BOOSTER_FOURTH, date(2026, 4, 10)):
        told = at_once(*[lambda day=day: tick(noon(day)) for _ in range(3)])
        assert sum(told) == len(people)

    assert Nudge.objects.count() == 3 * len(people)
    assert set(Nudge.objects.values_list("slot", flat=True)) == {"missed", "missed:booster", "pre_burst"}
    assert NudgeDecision.objects.filter(rule="booster-missed", local_date=BOOSTER_FOURTH).count() == len(people)


def test_who_is_in_two_studies_is_reminded_by_one_though_both_decide_at_once() -> None:
    # given: one study that reminds at half past twelve, whose runs come first, and one that does at noon
    document = mpower_document()
    document["nudges"][0]["send_at"] = "12:30"
    later, sooner = make_study(ENROLLED, document), make_study(ENROLLED)
    person = make_user(time_zone="America/New_York", phone="+12065550100")
    for study in (later, sooner):
        enroll(study, user_id=person.pk, code="P1", time_zone="America/New_York", now=ENROLLED)

    # when: the next planner comes while the one of noon is not done
    told = while_open(lambda: tick(noon(FOURTH)), lambda: tick(noon(FOURTH) + timedelta(minutes=30)))

    # then
    assert told == (1, 0)
    assert Nudge.objects.get().enrollment.study == sooner
    assert NudgeDecision.objects.get(enrollment__study=later).reason == "reminded_lately"


def an_amendment() -> tuple[Enrollment, ProtocolVersion]:
    """This function will give somebody in a study, and a version with bursts every ten weeks, not yet published."""
    study = make_study(ENROLLED)
    return join(study, ENROLLED), drafted(study, ENROLLED, series={"interval": "P10W"})


def bring_to_all(version: ProtocolVersion) -> None:
    publish(version, actor_id=version.study.roles.get().user_id, now=AFTER_FIRST, for_enrolled=True)


def plan_of(person: Enrollment) -> tuple[int, date]:
    plan = PlannerRow.objects.get(enrollment=person)
    return plan.burst, plan.burst_start


def test_an_event_that_is_set_while_a_version_is_published_is_planned_by_that_version() -> None:
    person, version = an_amendment()
    second, on = "custom:activityBurst2Start", date(2026, 3, 30)

    # The first burst is over by then, so that the plan shows the second.
    def move() -> None:
        set_event(person, second, on, now=AFTER_FIRST, who=STAFF)

    while_open(move, lambda: bring_to_all(version))
    assert plan_of(person) == (2, on)
    assert version.amends.count() == 1


def test_a_version_that_is_published_while_an_event_is_set_is_waited_for() -> None:
    person, version = an_amendment()
    first = "custom:activityBurst1Start"

    while_open(lambda: bring_to_all(version), lambda: set_event(person, first, None, now=AFTER_FIRST, who=STAFF))

    assert plan_of(person) == (2, date(2026, 1, 10) + timedelta(weeks=10))


def test_a_request_that_began_before_a_publication_elsewhere_plans_by_what_was_published() -> None:
    # given: this process has read the design, and another publishes
    person, version = an_amendment()
    assert len(protocol(person.version_id).event_ids) == 10
    publish_elsewhere(version)

    # when
    set_event(person, "custom:activityBurst1Start", None, now=AFTER_FIRST, who=STAFF)

    # then
    assert plan_of(person) == (2, date(2026, 1, 10) + timedelta(weeks=10))


def test_a_run_that_was_found_before_a_publication_elsewhere_is_left_to_the_next_tick() -> None:
    person, version = an_amendment()
    (run,) = [run for run in due_runs(noon(FOURTH)) if run.rule.id == "missed"]
    publish_elsewhere(version)

    assert do_in_turn(run, noon(FOURTH)) == 0
    assert not RunLedger.objects.exists()
    # By then they are planned for the second burst, ten weeks after the first.
    assert tick(noon(date(2026, 3, 24))) == 1
    assert Nudge.objects.get().enrollment == person


def publish_elsewhere(version: ProtocolVersion) -> None:
    """This function will publish a version for all in a process of its own, of which this one hears nothing."""
    words = (
        "import django; django.setup()\n"
        "from tests.scheduling.test_at_once import bring_to_all\n"
        "from studies.api import ProtocolVersion\n"
        f"bring_to_all(ProtocolVersion.objects.get(pk={version.pk}))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings.test", "DATABASE_URL": database_url()}
    subprocess.run([sys.executable, "-c", words], cwd=ROOT, env=environment, check=True, timeout=60)


def test_a_day_that_is_done_while_plans_are_written_stays_done() -> None:
    person = join(make_study(ENROLLED), ENROLLED)
    at = ENROLLED + timedelta(hours=1)

    def do_day() -> None:
        complete(person, "daily:1:01:0", started_at=at, finished_at=at, now=at)

    while_open(do_day, lambda: replan([person.pk], at))
    assert PlannerRow.objects.get().done == 1
