"""`python -m faults [--full] [ONLY ...]`: break things, print the table and, as the last line, the same as one JSON object.

Read next: lanes.py, suite.py.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from faults.cluster import Broker, Cluster, Missing, point_django_at

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "faults.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Break things with real processes; exit 1 if a promise breaks.")
    parser.add_argument("only", nargs="*", help="names of faults, or how they begin: FI-01, FI-01-K7; all of them without one")
    parser.add_argument("--full", action="store_true", help="ten times the dose: within the hour")
    parser.add_argument("--quick", action="store_true", help="a fifth of the dose, and only of some: within two minutes")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    parser.add_argument("--write", action="store_true", help="put the table into docs/faults.md")
    parser.add_argument("--lanes", type=int, default=0, help="how many faults side by side; as many as there are cores without it")
    parser.add_argument("--lane", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write and (asked.only or asked.full or asked.quick):
        parser.error("the table in docs/faults.md is of all faults, in the short dose")
    # Ended from outside, it still takes its servers and processes along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return be_lane(asked) if asked.lane else make_table(parser, asked)


def make_table(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> int:
    """This function will make servers, break them as asked, and print what came of it."""
    began = time.monotonic()
    with ExitStack() as ending:
        if asked.keep:
            name = tempfile.mkdtemp(prefix="carillon-faults-")
            print(f"Logs: {name}")
        else:
            name = ending.enter_context(tempfile.TemporaryDirectory(prefix="carillon-faults-", ignore_cleanup_errors=True))
        try:
            (Path(name) / "cluster").mkdir()
            Path(name).chmod(0o755)
            cluster, broker = Cluster(Path(name) / "cluster"), Broker(Path(name))
            ending.callback(broker.kill)
            broker.start()
        except Missing as error:
            print(f"Skipped: {error} The fault suite needs PostgreSQL's server programs and a redis-server.")
            print('{"ok": true, "skipped": true, "faults": []}')
            return 0
        ending.callback(cluster.stop)
        cluster.make()
        point_django_at(cluster, broker)
        # They import models, which needs Django to be set up.
        from django.core.management import call_command
        from django.db import connection

        from faults import lanes, suite
        from faults.stage import set_scene

        call_command("migrate", verbosity=0, interactive=False)
        version = str(cluster.execute("SHOW server_version")[0][0]).split()[0]
        only = asked.only or (suite.QUICK if asked.quick else [])
        names = suite.wanted(only)
        if not names:
            parser.error(f"no fault is named so; there are {', '.join(suite.FAULTS)}")
        # In a quick run starting a second lane would take longer than it saves.
        side_by_side = asked.lanes or (1 if asked.quick else min(os.cpu_count() or 1, len(names)))
        if side_by_side > 1:
            connection.close()
            rows = lanes.run(side_by_side, Path(name), cluster, names, is_full=asked.full)
        else:
            scene = ending.enter_context(set_scene(cluster, broker, Path(name), is_full=asked.full, is_quick=asked.quick))
            rows = suite.run(scene, only)
        print(f"\n{suite.as_text(rows)}\n")
        if asked.write:
            how = suite.how_made(time.monotonic() - began, version, rows)
            DOCUMENT.write_text(suite.into_document(DOCUMENT.read_text(encoding="utf-8"), rows, how), encoding="utf-8")
        print(suite.as_json(rows, time.monotonic() - began))
        return 1 if any(row.broken for row in rows) else 0


def be_lane(asked: argparse.Namespace) -> int:
    """This function will make happen what another process says, on servers of its own."""
    with ExitStack() as ending:
        cluster, broker = Cluster(asked.lane / "cluster"), Broker(asked.lane)
        ending.callback(broker.kill)
        broker.start()
        ending.callback(cluster.stop)
        cluster.start_copy()
        point_django_at(cluster, broker)
        from faults import lanes
        from faults.stage import set_scene

        scene = ending.enter_context(set_scene(cluster, broker, asked.lane, is_full=asked.full, is_quick=False))
        lanes.answer(scene)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
