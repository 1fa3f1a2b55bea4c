"""Joining a study, living by another version of it, and adherence: for many people, beside storing every session of theirs.

Sessions are written for one person in twenty, and the seconds taken twenty times. Read next: scheduling/planner.py, amending.py.
"""

import json
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.database import ask, run, settle
from bench.measure import Figure, Goal, figure, interleave, watch
from bench.people import ZONES
from bench.world import NOW, World
from scheduling.api import replan
from scheduling.timeline import adherence_of
from studies.api import Enrollment, ProtocolVersion, create_study, import_protocol, publish, shipped_protocols

ONE_IN = 20
# Days on which the people of a study of nine bursts may be: the last ones have it behind them.
DAYS = 8 * 91 + 19 + 10


def joining(world: World) -> Figure:
    """This function will compare planning new enrollments with writing the 9 events and 126 sessions of each."""
    people = world.of(100_000)
    _join(people)
    ours, stored = interleave(world.repeats, lambda: _plan_all(people), lambda: _store_all(people))
    goal = Goal(100, at_least=True)
    return figure("enrol", people, goal, ours, stored, note=f"sessions of one in {ONE_IN} were written, and their seconds multiplied")


def weight_of_a_plan(world: World) -> Figure:
    """This function will compare the bytes of a planned enrollment with those of stored events and sessions, indexes included."""
    people = world.of(100_000)
    _join(people)
    ours, stored = _plan_all(people), _store_all(people)
    planned = ask("SELECT pg_total_relation_size('scheduling_plannerrow')") / people
    kept = ask("SELECT pg_total_relation_size('bench_event') + pg_total_relation_size('bench_session')") / (people // ONE_IN)
    goal = Goal(70, at_least=True)
    return figure("weight", people, goal, ours, stored, ratio=kept / planned, note=f"{planned:.0f} bytes each, beside {kept:,.0f}")


def another_version(world: World) -> Figure:
    """This function will compare a tenth burst for everybody who is in a study with moving stored sessions."""
    people = world.of(100_000)
    _join(people)
    _store_all(people)
    touched: list[int] = []

    def publish_again() -> float:
        version = _join(people, days=DAYS)
        _plan_all(people)
        document = {**version.document, "burst_series": [{**version.document["burst_series"][0], "count": 10}]}
        newer = import_protocol(version.study, document, actor_id=1, now=NOW)
        settle()
        before = ask("SELECT txid_current()")
        with watch() as taken:
            publish(newer, actor_id=1, now=NOW, for_enrolled=True)
        rows = "SELECT count(*) FROM {} WHERE id < 0 AND xmin::text::bigint > %s"
        touched.append(ask(rows.format("studies_enrollment"), [before % 2**32]))
        touched.append(ask("SELECT count(*) FROM scheduling_plannerrow WHERE xmin::text::bigint > %s", [before % 2**32]))
        return taken.seconds

    ours, moved = interleave(world.repeats, publish_again, lambda: _move_all(people))
    note = f"{max(touched):,} rows written, of those whose last burst was over"
    return figure("re-plan", people, Goal(100, at_least=True), ours, moved, note=note)


def adherence(world: World) -> Figure:
    """This function will count the questions to the database for the adherence of a thousand people, and of ten."""
    people = world.of(1_000)
    version = _join(people, days=DAYS)
    run(
        """INSERT INTO scheduling_completion
            (enrollment_id, session_id, burst, day, started_at, finished_at, declined, counts, client_data, recorded_at)
        SELECT -n, format('daily:%%s:%%s:0', burst, lpad(day::text, 2, '0')), burst, day, %s, %s, false, true, '{}', %s
        FROM generate_series(1, %s) n, generate_series(1, 3) burst, generate_series(1, 14) day WHERE (n + day) %% 3 = 0
        ON CONFLICT DO NOTHING""",
        [NOW, NOW, NOW, people],
    )
    joined = list(Enrollment.objects.filter(version=version).order_by("-pk"))
    asked: list[int] = []
    adherence_of(joined[:1], NOW)

    def sum_up(enrollments: list[Any]) -> float:
        with watch() as taken, CaptureQueriesContext(connection) as queries:
            adherence_of(enrollments, NOW)
        asked.append(len(queries))
        return taken.seconds

    many, few = interleave(world.repeats, lambda: sum_up(joined), lambda: sum_up(joined[:10]))
    return figure(
        "adherence",
        people,
        Goal(1),
        many,
        few,
        ratio=asked[0] / asked[1],
        note=f"queries: {asked[1]} for 10 people, {asked[0]} for {people:,}",
    )


def _join(people: int, days: int = 1) -> ProtocolVersion:
    """This function will put people into a study of its own, on the last days up to today, as enroll() would before they are planned.

    They are numbered downwards from -1, so that no tick takes them for its newest.
    """
    document = json.loads(shipped_protocols()["mpower2"].read_text(encoding="utf-8"))
    study = create_study(name="Bench of joining", participant_name="Daily Moments", owner_id=1, now=NOW)
    version = import_protocol(study, document, actor_id=1, now=NOW)
    publish(version, actor_id=1, now=NOW)
    run("DELETE FROM scheduling_activityevent WHERE enrollment_id < 0")
    run("DELETE FROM scheduling_completion WHERE enrollment_id < 0")
    run(
        """INSERT INTO studies_enrollment (id, public_id, study_id, version_id, user_id, code, state, enrolled_at, enrolled_date, time_zone,
            consented_at)
        SELECT -n, 'join-' || n, %s, %s, n, 'J' || n, 'active', %s, %s::date - n %% %s, (%s::text[])[1 + n %% %s], %s
        FROM generate_series(1, %s) n
        ON CONFLICT (id) DO UPDATE SET study_id = EXCLUDED.study_id, version_id = EXCLUDED.version_id,
            enrolled_date = EXCLUDED.enrolled_date""",
        [study.pk, version.pk, NOW, NOW.date(), days, ZONES, len(ZONES), NOW, people],
    )
    run("VACUUM ANALYZE studies_enrollment")
    version.refresh_from_db()
    return version


def _plan_all(people: int) -> float:
    run("TRUNCATE scheduling_plannerrow RESTART IDENTITY")
    settle()
    with watch() as taken:
        replan(range(-people, 0), NOW)
    return taken.seconds


def _store_all(people: int) -> float:
    for table in ("bench_event", "bench_session"):
        run(f"DROP TABLE IF EXISTS {table}")
    run(
        """CREATE TABLE bench_event (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, enrollment_id bigint NOT NULL,
        event_id varchar(128) NOT NULL, date date NOT NULL, UNIQUE (enrollment_id, event_id))"""
    )
    run(
        """CREATE TABLE bench_session (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, enrollment_id bigint NOT NULL,
        session_id varchar(128) NOT NULL, opens_at timestamptz NOT NULL, closes_at timestamptz NOT NULL, state varchar(16) NOT NULL,
        UNIQUE (enrollment_id, session_id))"""
    )
    settle()
    starts = "SELECT id, time_zone, burst, enrolled_date + 91 * (burst - 1) AS starts FROM studies_enrollment, generate_series(1, 9) burst"
    some = f"({starts} WHERE id BETWEEN %s AND -1) one"
    with watch() as taken:
        run(
            f"""INSERT INTO bench_event (enrollment_id, event_id, date)
            SELECT id, 'custom:activityBurst' || burst || 'Start', starts FROM {some}""",  # noqa: S608
            [-(people // ONE_IN)],
        )
        run(
            f"""INSERT INTO bench_session (enrollment_id, session_id, opens_at, closes_at, state)
            SELECT id, format('daily:%%s:%%s:0', burst, lpad(day::text, 2, '0')), (starts + day - 1)::timestamp AT TIME ZONE time_zone,
                (starts + day)::timestamp AT TIME ZONE time_zone, 'unstarted'
            FROM {some}, generate_series(1, 14) day""",  # noqa: S608
            [-(people // ONE_IN)],
        )
    return taken.seconds * ONE_IN


def _move_all(people: int) -> float:
    settle()
    with watch() as taken:
        run("UPDATE bench_event SET date = date + 1")
        run("UPDATE bench_session SET opens_at = opens_at + interval '1 day', closes_at = closes_at + interval '1 day'")
    return taken.seconds * ONE_IN
