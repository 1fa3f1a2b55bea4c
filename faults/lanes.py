"""Faults side by side: each lane is a process with a PostgreSQL, a Redis, doubles and a crew of its own, so that none disturbs another.

It is told the name of a fault and answers with its row. Read next: suite.py, scene.py.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from faults import suite
from faults.cluster import Cluster
from faults.scene import Row, Scene

ROOT = Path(__file__).resolve().parents[1]


def run(lanes: int, folder: Path, cluster: Cluster, names: Sequence[str], *, is_full: bool) -> list[Row]:
    """This function will have lanes take one fault after the other, and give the rows in the order of the names.

    The cluster is stopped, and copied for each lane.
    """
    waiting, rows = queue.SimpleQueue[str](), dict[str, Row]()
    for name in names:
        waiting.put(name)
    cluster.stop("fast")
    with ExitStack() as ending:
        processes = []
        for number in range(lanes):
            home = folder / f"lane{number}"
            (home / "cluster").mkdir(parents=True)
            cluster.copy_to(home / "cluster")
            processes.append(ending.enter_context(_opened(home, is_full=is_full)))
        threads = [threading.Thread(target=keep_busy, args=(process, waiting, rows), daemon=True) for process in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return [rows[name] if name in rows else _broken(name, "no lane was left") for name in names]


@contextmanager
def _opened(home: Path, *, is_full: bool) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-W", "ignore", "-m", "faults", "--lane", str(home), *(["--full"] if is_full else [])]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            # It ends its own processes and servers.
            process.send_signal(signal.SIGTERM)


def keep_busy(process: "subprocess.Popen[str]", waiting: "queue.SimpleQueue[str]", rows: dict[str, Row]) -> None:
    """This function will have a lane take faults until none is left, or the lane ended: what it was at is broken."""
    assert process.stdin is not None
    assert process.stdout is not None
    while True:
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            process.stdin.write(f"{name}\n")
            process.stdin.flush()
            rows[name] = Row(**json.loads(process.stdout.readline()))
        except (OSError, ValueError):
            rows[name] = _broken(name, "its lane ended")
            suite.say_row(rows[name])
            return
        suite.say_row(rows[name])


def _broken(name: str, why: str) -> Row:
    return Row(fault=name, dose="-", messages=0, broken=[why])


def answer(scene: Scene) -> None:
    """This function will make the faults happen whose names are read, and write a row for each."""
    # Whatever else is printed here must not come between the rows.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        for name in sys.stdin:
            print(json.dumps(asdict(suite.run_one(scene, name.strip()))), file=answers, flush=True)
