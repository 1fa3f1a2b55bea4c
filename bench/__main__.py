"""`python -m bench [ONLY ...]`: measure, print the table and, as the last line, the same as one JSON object."""

import argparse
import os
import platform
import sys
import time

from bench import database


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="How fast the product is, against bare bounds of the same run.")
    parser.add_argument("only", nargs="*", help="names of figures; all of them without one")
    parser.add_argument("--repeats", type=int, default=3, help="how often each side is measured; the median counts")
    parser.add_argument("--scale", type=float, default=1.0, help="shrinks all numbers of people and messages")
    parser.add_argument("--database", default=database.DATABASE, help="made if it is not there, and kept")
    wanted = parser.parse_args()
    where = database.choose(wanted.database)
    database.start_django()
    # They import models, which needs Django to be set up.
    from bench.figures import FIGURES
    from bench.measure import report
    from bench.people import make_people
    from bench.table import as_json, as_text
    from bench.world import World, empty

    unknown = [name for name in wanted.only if name not in FIGURES]
    if unknown:
        parser.error(f"no figure is named {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    report(f"{where}, database {wanted.database}; {os.cpu_count()} cores, Python {platform.python_version()}")
    world = World(repeats=wanted.repeats, scale=wanted.scale)
    database.migrate()
    needs_a_million = not wanted.only or {"million", "everyone", "memory", "hour", "worst", "idle"} & set(wanted.only)
    make_people(world.of(1_000_000 if needs_a_million else 100_000), world.of(100_000))
    began = time.monotonic()
    figures = []
    for name in wanted.only or FIGURES:
        report(name)
        figures.append(FIGURES[name](world))
    empty()
    report(f"Measured in {time.monotonic() - began:.0f} s")
    print(as_text(figures))  # noqa: T201
    print(as_json(figures))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
