"""What processors worked for a figure: seconds of a busy machine are its neighbours' too. Read next: reads.py."""

import statistics
import time
from pathlib import Path

from bench.database import ask
from bench.measure import Goal, Way, interleave


def beside(repeats: int, goal: Goal, ours: Way, bare: Way) -> tuple[float, float, str]:
    """This function will run two ways in turn, and give the median seconds of each, and in words their ratio by processor time."""
    worked: tuple[list[float], list[float]] = [], []

    def counted(way: Way, kept: list[float]) -> float:
        before = _worked()
        taken = way()
        kept.append(_worked() - before)
        return taken

    taken = interleave(repeats, lambda: counted(ours, worked[0]), lambda: counted(bare, worked[1]))
    our_work, bare_work = (statistics.median(seconds) for seconds in worked)
    ratio = bare_work / our_work if goal.at_least else our_work / bare_work
    return taken[0], taken[1], f"by processor time {ratio:.2f}"


def _worked() -> float:
    """This function will give the seconds that processors worked for this process, and on this machine for the server's side of it."""
    server = Path(f"/proc/{ask('SELECT pg_backend_pid()')}")
    own = time.process_time()
    try:
        if "postgres" not in (server / "comm").read_text():
            return own
        # Nanoseconds on a processor, waiting for one, and how often (Documentation/scheduler/sched-stats.rst of Linux).
        return own + int((server / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return own
