"""`python -m faults [--full] [ONLY ...]`: break things, print the table and, as the last line, the same as one JSON object."""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from faults.cluster import Broker, Cluster, Missing, point_django_at


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Break things with real processes; exit 1 if a promise breaks.")
    parser.add_argument("only", nargs="*", help="names of faults, or how they begin: FI-01, FI-01-K7; all of them without one")
    parser.add_argument("--full", action="store_true", help="ten times the dose: within the hour")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    asked = parser.parse_args()
    began = time.monotonic()
    # Ended from outside, it still takes its servers and processes along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
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

        from faults import suite
        from faults.stage import set_scene

        call_command("migrate", verbosity=0, interactive=False)
        scene = ending.enter_context(set_scene(cluster, broker, Path(name), is_full=asked.full))
        if not suite.wanted(asked.only):
            parser.error(f"no fault is named so; there are {', '.join(suite.FAULTS)}")
        rows = suite.run(scene, asked.only)
        print(f"\n{suite.as_text(rows)}\n")
        print(suite.as_json(rows, time.monotonic() - began))
        return 1 if any(row.broken for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
