"""The most memory that a planner and a worker ever hold, for a few people and for a hundred times as many. Read next: crew.py."""

from pathlib import Path

from bench import claims
from bench.crew import Crew
from bench.database import ask, run
from bench.fan_out import DELIVERIES, say_to
from bench.measure import Figure, Goal, figure, report, watch
from bench.world import NOW, World
from channels_ace.api import deliver

CLAIMS = 10


def stays_flat(world: World) -> Figure:
    """This function will plan for 10,000 and 1,000,000 people, and deliver from as many, each in a fresh process."""
    few, many = world.of(10_000), world.of(1_000_000)
    plan_few, seconds_few = _peak("plan", few)
    plan_many, seconds_many = _peak("plan", many)
    say_to(few, ["push"])
    claims.keep_ready()
    work_few, _ = _peak("work", 0)
    _multiply_ready(many)
    work_many, _ = _peak("work", 0)
    note = f"MiB: planner {plan_few:.0f} and {plan_many:.0f}, worker {work_few:.0f} and {work_many:.0f}; the seconds are the planner's"
    ratio = max(plan_many / plan_few, work_many / work_few)
    return figure("memory", many, Goal(1.1), seconds_many, seconds_few, ratio=ratio, note=note)


def _peak(function: str, people: int) -> tuple[float, float]:
    with Crew(1, claims.settings_with_instant_push()) as crew:
        crew.do("bench.crew.get_ready", "bench.memory")
        with watch() as taken:
            (peak,) = crew.do(f"bench.memory.{function}", people)
    report(f"  {function} {people or ''}: {peak:.0f} MiB")
    return float(peak), taken.seconds


def plan(people: int) -> float:
    """This function will tell so many people, and give this process's peak in MiB."""
    say_to(people, ["inbox"])
    return _peak_of_this_process()


def work(_people: int) -> float:
    """This function will deliver some batches of what is due, and give this process's peak in MiB."""
    for _ in range(CLAIMS):
        deliver(NOW, limit=claims.BATCH)
    return _peak_of_this_process()


def _peak_of_this_process() -> float:
    # Not getrusage: that begins with the parent's peak.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _multiply_ready(wanted: int) -> None:
    """This function will make the deliveries that are ready as many as wanted, by saying the same again under other messages."""
    ready = ask("SELECT count(*) FROM bench_ready")
    fields = "type, context, link, scope, channels, fingerprint, created_at, send_after, expires_at, fanned_out_at, cancelled_at"
    run(
        f"INSERT INTO carillon_channels_message (public_id, idempotency_key, {fields}) "  # noqa: S608
        f"SELECT 'again' || n, 'again' || n, {fields} FROM carillon_channels_message, generate_series(1, %s) n",
        [wanted // ready],
    )
    fields = "user_id, channel, contact_point_id, lane, state, reason, due_at, expires_at, changed_at"
    run(
        f"INSERT INTO {DELIVERIES} (message_id, created_at, {fields}) "  # noqa: S608
        f"SELECT m.id, d.created_at, d.{fields.replace(', ', ', d.')} FROM bench_ready d, carillon_channels_message m "
        "WHERE m.public_id LIKE 'again%%'",
    )
    run(f"ANALYZE {DELIVERIES}")
