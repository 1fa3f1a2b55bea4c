"""How long processors worked for us: unlike the clock on the wall, hardly longer on a busy machine. Read next: scene.py."""

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """This function will tell how long this process worked, with all of its threads."""
    return time.process_time()


def seconds_of(roots: Iterable[int]) -> float:
    """This function will tell how long these processes worked, with the children that they have and those that they saw end."""
    worked, children = _look_around()
    waiting, seen, ticks = list(roots), set[int](), 0
    while waiting:
        process = waiting.pop()
        if process not in seen:
            seen.add(process)
            ticks += worked.get(process, 0)
            waiting += children[process]
    return ticks / _TICKS


def _look_around() -> tuple[dict[int, int], dict[int, list[int]]]:
    worked, children = dict[int, int](), defaultdict[int, list[int]](list)
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # The parent's number, then what was worked in user mode and in the kernel, by itself and by children that ended (man 5 proc).
        process = int(folder.name)
        children[int(fields[1])].append(process)
        worked[process] = sum(map(int, fields[11:15]))
    return worked, children
