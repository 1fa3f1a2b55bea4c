"""The hourly run over a large study: who is behind is told, and why not is kept for everybody else inside a burst.

People are written by a few statements, as enroll() and replan() would have left them: in thirty zones, on every day of their cycle, with
some days done and some missed. What is measured is a whole tick. Read next: scheduling/nudges.py.
"""

import json
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bench import bare, nudge_peers
from bench.database import ask, run, settle
from bench.measure import Figure, Goal, Way, figure, interleave, report, watch
from bench.people import ZONES
from bench.world import NOW, World, empty
from channels_ace.crypto import encrypt
from scheduling.api import due_runs, tick
from scheduling.models import Nudge, NudgeDecision, PlannerRow, RunLedger
from studies.api import ProtocolVersion, Study, create_study, import_protocol, publish, shipped_protocols

HERE = "America/New_York"
OTHERS = [
    *(zone for zone in ZONES if zone != HERE),
    *("America/Toronto", "America/Mexico_City", "America/Lima", "America/Santiago", "America/Halifax", "Europe/Paris", "Europe/Rome"),
    *("Europe/Athens", "Africa/Nairobi", "Asia/Dubai", "Asia/Manila", "Asia/Seoul", "Asia/Bangkok", "Pacific/Auckland"),
]
TABLES = ["scheduling_nudgedecision", "scheduling_nudge", "carillon_channels_delivery"]
TODAY = NOW.astimezone(ZoneInfo(HERE)).date()
EVERYWHERE = (*[HERE] * 4, *OTHERS)
CYCLE = range(91)
# Of a loop over participants, so many are measured and the rest is multiplied.
SOME = 500


def an_hour(world: World) -> Figure:
    """This function will measure the heaviest hour of a million enrollments in thirty zones: noon in New York, with one in seven."""
    return _measure("hour", world.of(1_000_000), EVERYWHERE, CYCLE, world)


def an_hour_of_a_hundred_thousand(world: World) -> Figure:
    """This function will measure the same with a hundred thousand enrollments."""
    return _measure("hour5", world.of(100_000), EVERYWHERE, CYCLE, world)


def an_hour_of_ten_thousand(world: World) -> Figure:
    """This function will measure the same with ten thousand."""
    return _measure("hour4", world.of(10_000), EVERYWHERE, CYCLE, world)


def beside_the_orm(world: World) -> Figure:
    """This function will compare that hour with one that the ORM does in chunks."""
    people = world.of(1_000_000)
    version = _fill(people, EVERYWHERE, CYCLE)
    ours, theirs = interleave(world.repeats, _tick_afresh, lambda: _afresh(lambda: nudge_peers.in_chunks(version, HERE, TODAY)))
    nudged = Nudge.objects.count()
    _tick_afresh()
    return figure("orm", people, Goal(50, at_least=True), ours, theirs, note=f"{nudged:,} nudged by it, {Nudge.objects.count():,} by ours")


def beside_a_loop(world: World) -> Figure:
    """This function will compare that hour with a loop over the participants of its zone."""
    people = world.of(1_000_000)
    version = _fill(people, EVERYWHERE, CYCLE)
    here = PlannerRow.objects.filter(version=version, time_zone=HERE).count()

    def loop() -> float:
        seconds, done = nudge_peers.one_by_one(version, HERE, TODAY, SOME)
        return seconds * here / done

    ours, theirs = interleave(world.repeats, _tick_afresh, lambda: _afresh(loop))
    note = f"{here:,} in the zone, of whom the loop did {min(here, SOME):,}: {here / theirs:,.0f} a second"
    return figure("loop", people, Goal(1000, at_least=True), ours, theirs, note=note)


def the_worst_hour(world: World) -> Figure:
    """This function will measure an hour in which everybody is due."""
    return _measure("worst", world.of(1_000_000), (HERE,), range(3, 13), world)


def an_idle_hour(world: World) -> Figure:
    """This function will compare an hour in which nobody is due, with ten thousand people and with a million."""
    seconds = []
    people = [world.of(10_000), world.of(1_000_000)]
    for count in people:
        _fill(count, EVERYWHERE, CYCLE)
        _forget(NOW)
        tick(NOW)
        seconds.append(interleave(world.repeats, lambda: _time_tick(NOW + timedelta(minutes=1)))[0])
    few, many = seconds
    return figure("idle", people[1], Goal(1.5), many, few, note=f"{people[0]:,} take {few * 1000:.1f} ms")


def _measure(name: str, people: int, zones: tuple[str, ...], days: range, world: World) -> Figure:
    _fill(people, zones, days)
    _tick_afresh()
    decided, nudged = NudgeDecision.objects.count(), Nudge.objects.count()
    rows = bare.keep_copies(*TABLES)
    ours, copied = interleave(world.repeats, _tick_afresh, lambda: bare.insert_copies(*TABLES))
    with watch() as again:
        nudged_again = tick(NOW + timedelta(minutes=1))
    return figure(
        name,
        people,
        Goal(1.5),
        ours,
        copied,
        note=f"{decided:,} decided, {nudged:,} nudged, {rows:,} rows; again: {again.seconds * 1000:.0f} ms, {nudged_again} nudged",
    )


def _tick_afresh() -> float:
    return _afresh(lambda: _time_tick(NOW))


def _afresh(way: Way) -> float:
    _forget(NOW)
    settle()
    return way()


def _time_tick(now: datetime) -> float:
    with watch() as taken:
        tick(now)
    return taken.seconds


def _forget(now: datetime) -> None:
    """This function will forget this hour's run, and note those of the hours before as done."""
    empty()
    run("TRUNCATE scheduling_nudgedecision, scheduling_nudge, scheduling_runledger RESTART IDENTITY")
    done = [one for one in due_runs(now) if one.time_zone != HERE]
    RunLedger.objects.bulk_create(
        RunLedger(version=one.version, rule=one.rule.id, time_zone=one.time_zone, local_date=one.today, ran_at=now) for one in done
    )


# Several figures in turn look at the same people.
@lru_cache(maxsize=1)
def _fill(people: int, zones: tuple[str, ...], days: range) -> ProtocolVersion:
    """This function will put so many people into a study, each in a zone of the list and on a day of the range since their burst began."""
    report(f"  {people:,} people in {len(set(zones))} zones")
    version = _study()
    run("TRUNCATE scheduling_plannerrow, scheduling_place")
    _make_phones(people)
    run(
        """INSERT INTO studies_enrollment (id, public_id, study_id, version_id, user_id, code, state, enrolled_at, enrolled_date, time_zone,
            consented_at)
        SELECT n, 'bench-' || n, %s, %s, n, 'B' || n, 'active', %s, %s, %s, %s FROM generate_series(1, %s) n
        ON CONFLICT DO NOTHING""",
        [version.study_id, version.pk, NOW, TODAY, HERE, NOW, people],
    )
    # The newest, so that a tick finds nobody without a plan.
    last = max(people, int(ask("SELECT max(id) FROM studies_enrollment")))
    run(
        # Each third person did nothing, the others some days by a pattern of their own.
        """INSERT INTO scheduling_plannerrow (enrollment_id, version_id, time_zone, burst, burst_start, done, done_count, is_eligible)
        SELECT n, %s, (%s::text[])[1 + n %% %s], 1 + n %% 8, %s::date - day, done, bit_count(done::int::bit(20)), true
        FROM (SELECT n, day, CASE WHEN n %% 3 = 0 THEN 0 ELSE (n::bigint * 7919 %% 16384) & ((1 << least(day, 14)) - 1) END AS done
              FROM (SELECT n, %s + n / %s %% %s AS day FROM generate_series(%s, %s) n) people) days""",
        [version.pk, list(zones), len(zones), TODAY, days.start, len(zones), len(days), last - people + 1, last],
    )
    # Who is past their burst has the next one before them, as a tick would have left them.
    run(
        """UPDATE scheduling_plannerrow SET burst = burst + 1, burst_start = burst_start + 91, done = 0, done_count = 0
        WHERE burst_start <= %s""",
        [TODAY - timedelta(days=19)],
    )
    run("INSERT INTO scheduling_place (version_id, time_zone) SELECT %s, unnest(%s::text[])", [version.pk, sorted(set(zones))])
    run("VACUUM ANALYZE studies_enrollment, scheduling_plannerrow, carillon_channels_contactpoint")
    return version


def _study() -> ProtocolVersion:
    version = ProtocolVersion.objects.filter(study__name="Bench").first()
    if version is None:
        document = json.loads(shipped_protocols()["mpower2"].read_text(encoding="utf-8"))
        study: Study = create_study(name="Bench", participant_name="Daily Moments", owner_id=1, now=NOW)
        version = import_protocol(study, document, actor_id=1, now=NOW)
        publish(version, actor_id=1, now=NOW)
    return version


def _make_phones(people: int) -> None:
    have = int(ask("SELECT coalesce(max(user_id), 0) FROM carillon_channels_contactpoint WHERE kind = 'phone'"))
    if have >= people:
        return
    report(f"Making phones of people {have + 1} to {people}; this is done once")
    run(
        """INSERT INTO carillon_channels_contactpoint
            (user_id, kind, address, index, owner_key, hint, verified_at, removed_reason, created_at)
        SELECT n, 'phone', %s, encode(sha256(('phone' || n)::bytea), 'hex'), 'phone:' || n, '', '2026-01-01', '', '2026-01-01'
        FROM generate_series(%s, %s) n""",
        [encrypt("+12065550100"), have + 1, people],
    )
