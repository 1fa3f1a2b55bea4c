"""Seconds, medians and ratios. Read next: figures.py."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Way = Callable[[], float]


@dataclass(frozen=True)
class Goal:
    """A bound for a ratio: "at most" compares our seconds with the bare ones, "at least" the bare ones with ours."""

    bound: float
    at_least: bool = False
    unit: str = "x"

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {self.bound:g} {self.unit}"

    def is_met_by(self, ratio: float) -> bool:
        """This function will tell whether a ratio is within the bound."""
        return ratio >= self.bound if self.at_least else ratio <= self.bound


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table."""

    name: str
    n: int
    seconds: float
    bare_seconds: float
    ratio: float
    goal: str
    ok: bool
    note: str = ""


def figure(name: str, n: int, goal: Goal, seconds: float, bare_seconds: float, *, ratio: float | None = None, note: str = "") -> Figure:
    """This function will make a figure whose ratio follows from its seconds, unless it measures something else than time."""
    if ratio is None:
        ratio = bare_seconds / seconds if goal.at_least else seconds / bare_seconds
    return Figure(
        name=name,
        n=n,
        seconds=round(seconds, 4),
        bare_seconds=round(bare_seconds, 4),
        ratio=round(ratio, 3),
        goal=str(goal),
        ok=goal.is_met_by(ratio),
        note=note,
    )


def interleave(repeats: int, *ways: Way) -> list[float]:
    """This function will run each way in turn, as often as asked, and give the median of the seconds that each reports.

    In turn, so that a neighbour who works for half a minute slows all of them and not one.
    """
    taken: list[list[float]] = [[] for _ in ways]
    for repeat in range(repeats):
        for number, way in enumerate(ways):
            taken[number].append(way())
        report(f"  {repeat + 1}/{repeats}: " + "  ".join(f"{seconds[-1]:.3f} s" for seconds in taken))
    return [statistics.median(seconds) for seconds in taken]


class Watch:
    """Seconds of a `with` block, afterwards in `seconds`."""

    seconds = 0.0


@contextmanager
def watch() -> Iterator[Watch]:
    """This function will time a block."""
    held = Watch()
    began = time.perf_counter()
    yield held
    held.seconds = time.perf_counter() - began


def report(words: str) -> None:
    """This function will say on the error stream how far we are: the table alone is on the other one."""
    print(words, file=sys.stderr, flush=True)  # noqa: T201
