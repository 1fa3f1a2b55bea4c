"""What a notification weighs once it is kept. Read next: notifications/models.py."""

from bench import bare
from bench.database import ask
from bench.fan_out import INBOX, say_to
from bench.measure import Figure, Goal, figure
from bench.world import World


def per_recipient(world: World) -> Figure:
    """This function will give the bytes of an inbox row with its share of the indexes, right after writing."""
    people = world.of(100_000)
    seconds = say_to(people, ["inbox"])
    rows = ask(f"SELECT count(*) FROM {INBOX}")  # noqa: S608
    bytes_each = ask("SELECT pg_total_relation_size(%s)", [INBOX]) / rows
    bare_seconds = bare.insert_fat_rows(people, rows)
    fat = ask("SELECT pg_total_relation_size('bench_fat')") / rows
    goal = Goal(130, unit="bytes")
    return figure("bytes", rows, goal, seconds, bare_seconds, ratio=bytes_each, note=f"a fat row: {fat:.0f} bytes")
