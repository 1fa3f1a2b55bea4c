"""A delivery's way through the engine: claim, decide again, commit the attempt, record. Read next: channels_ace/delivery.py."""

from django.db import transaction

from bench.crew import Crew
from bench.database import ask, run, settle
from bench.fan_out import DELIVERIES, say_to
from bench.measure import Figure, Goal, figure, interleave, watch
from bench.world import NOW, World
from channels_ace.api import deliver

BATCH = 500
WORKERS = 4
_WITH_INSTANT_PUSH = {"CHANNELS": ["notifications.inbox.InboxChannel", "bench.instant.InstantPushChannel"]}


def settings_with_instant_push() -> dict[str, object]:
    """This function will give the settings in which a push is accepted at once."""
    from django.conf import settings

    return {"CHANNELS_ACE": {**settings.CHANNELS_ACE, **_WITH_INSTANT_PUSH}}


def claim_and_record(world: World) -> Figure:
    """This function will deliver by four workers to a provider that takes no time, against claiming and updating alone."""
    say_to(world.of(30_000), ["push"])
    keep_ready()
    ready = ask("SELECT count(*) FROM bench_ready")
    with Crew(WORKERS, settings_with_instant_push()) as crew:
        crew.do("bench.crew.get_ready", "bench.claims")

        def timed(function: str) -> float:
            put_ready()
            with watch() as taken:
                done = sum(crew.do(f"bench.claims.{function}"))
            if done != ready:
                raise RuntimeError(f"{function} did {done} of {ready} deliveries.")
            return taken.seconds

        ours, rows = interleave(world.repeats, lambda: timed("deliver_all"), lambda: timed("claim_and_update_all"))
    accepted = ask(f"SELECT count(*) FROM {DELIVERIES} WHERE state = 'accepted'")  # noqa: S608
    note = f"{ready / ours:,.0f} a second against {ready / rows:,.0f}"
    return figure("claims", accepted, Goal(0.5, at_least=True), ours, rows, note=note)


def keep_ready() -> None:
    """This function will keep the deliveries that are ready, for `put_ready`."""
    run("DROP TABLE IF EXISTS bench_ready")
    run(f"CREATE UNLOGGED TABLE bench_ready AS SELECT * FROM {DELIVERIES} WHERE state = 'ready'")  # noqa: S608


def put_ready() -> None:
    """This function will put those deliveries back, and nothing else."""
    run(f"TRUNCATE carillon_channels_attempt, {DELIVERIES}")
    run(f"INSERT INTO {DELIVERIES} SELECT * FROM bench_ready")  # noqa: S608
    run(f"ANALYZE {DELIVERIES}")
    settle()


def deliver_all() -> int:
    """This function will deliver until nothing is due."""
    total = 0
    while claimed := deliver(NOW, limit=BATCH):
        total += claimed
    return total


def claim_and_update_all() -> int:
    """This function will claim and mark the same rows with two statements a batch, each in its own transaction."""
    total = 0
    while claimed := _claim_and_update():
        total += claimed
    return total


def _claim_and_update() -> int:
    with transaction.atomic():
        ids = ask(
            f"""WITH due AS (SELECT id FROM {DELIVERIES} WHERE state IN ('planned', 'ready', 'deferred') AND due_at <= %s
                ORDER BY due_at, id LIMIT {BATCH} FOR UPDATE SKIP LOCKED),
            taken AS (UPDATE {DELIVERIES} d SET state = 'sending', lease_until = now() + interval '60 s', fence = fence + 1,
                claims = claims + 1 FROM due WHERE d.id = due.id RETURNING d.id)
            SELECT array_agg(id) FROM taken""",  # noqa: S608
            [NOW],
        )
    if not ids:
        return 0
    run(f"UPDATE {DELIVERIES} SET state = 'accepted', reason = 'accepted', lease_until = NULL WHERE id = ANY(%s)", [ids])  # noqa: S608
    return len(ids)
