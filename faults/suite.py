"""Which faults there are, and the table that they make. Read next: kills.py and its like, one module a family."""

import json
import os
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from faults import (
    answers,
    brokers,
    clocks_and_beats,
    databases,
    digests,
    kills,
    libraries,
    loads,
    mutants,
    planners,
    prefork,
    races,
    receipts,
    releases,
    restores,
    skews,
    soaks,
    statements,
    upgrades,
)
from faults.scene import Fault, Row, Scene

_FAMILIES = (
    kills,
    prefork,
    clocks_and_beats,
    skews,
    planners,
    digests,
    brokers,
    databases,
    statements,
    answers,
    libraries,
    receipts,
    races,
    loads,
    soaks,
    restores,
    releases,
    upgrades,
    mutants,
)
FAULTS: dict[str, Fault] = {name: fault for family in _FAMILIES for name, fault in family.FAULTS.items()}
# What `make test` can wait for: every kill point, and one fault of each family.
QUICK = (
    "FI-01",
    "FI-09",
    "FI-12",
    "FI-16",
    "FI-19-until",
    "FI-22",
    "FI-23",
    "FI-25",
    "FI-27",
    "FI-38-stop",
    "FI-P4",
    "FI-D2",
    "FI-41-record_before_sending",
)
_HEADING = "## The table"
_HEAD = ("fault", "dose", "messages", "lost", "doubled", "unknown", "drained", "promise")


def wanted(only: Sequence[str]) -> list[str]:
    """This function will list the faults whose name begins with one of those given; all of them without one."""
    return [name for name in FAULTS if not only or any(name == one or name.startswith(f"{one}-") for one in only)]


def run(scene: Scene, only: Sequence[str]) -> list[Row]:
    """This function will make the faults happen one after the other, and say each row as it comes."""
    rows = []
    for name in wanted(only):
        rows.append(run_one(scene, name))
        say_row(rows[-1])
    return rows


def run_one(scene: Scene, name: str) -> Row:
    """This function will make a fault happen, and give its row."""
    began, worked = time.monotonic(), scene.worked
    try:
        row = FAULTS[name](scene)
    except Exception as error:
        # One fault that cannot even be made to happen must not hide the others; it is broken like any other.
        traceback.print_exc()
        row = Row(fault=name, dose="-", messages=0, broken=[f"{type(error).__name__}: {error}"])
    seconds, worked = time.monotonic() - began, scene.worked - worked
    return replace(row, broken=[line[:200] for line in row.broken], seconds=round(seconds, 1), worked=round(worked, 1))


def say_row(row: Row) -> None:
    """This function will print what came of one fault, as soon as it is known, and how long it took."""
    print(f"{'  '.join(_cells(row))}  ({row.seconds:.0f} s, of which processors worked {row.worked:.0f})", flush=True)
    for line in row.broken:
        print(f"    broken: {line}", flush=True)


def as_text(rows: Iterable[Row]) -> str:
    """This function will write the table for docs/faults.md."""
    lines = [f"| {' | '.join(_HEAD)} |", "|---|---|---:|---:|---:|---:|---:|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(_cells(row))} |" for row in rows)])


def into_document(document: str, rows: Iterable[Row], how: str) -> str:
    """This function will give docs/faults.md with this table in the place of its own, and `how` it was made above it."""
    before, heading, rest = document.partition(f"{_HEADING}\n\n")
    _, _, after = rest.partition("\n\n")[2].partition("\n\n")
    return f"{before}{heading}{how}\n\n{as_text(rows)}\n\n{after}"


def how_made(seconds: float, version: str, rows: Sequence[Row]) -> str:
    """This function will say by what, on what and beside what a table was made."""
    load, cores = os.getloadavg()[1], os.cpu_count()
    return (
        f"Made by `make faults WRITE=1` with PostgreSQL {version} on {cores} cores at load {load:.1f}. It took {seconds:,.0f} seconds;\n"
        f"processors worked {_worked(rows):,} seconds for it."
    )


def as_json(rows: Sequence[Row], seconds: float) -> str:
    """This function will write the same as one line of JSON."""
    said = {"ok": not any(row.broken for row in rows), "seconds": round(seconds), "worked": _worked(rows)}
    return json.dumps({**said, "faults": [asdict(row) for row in rows]})


def _worked(rows: Iterable[Row]) -> int:
    return round(sum(row.worked for row in rows))


def _cells(row: Row) -> list[str]:
    numbers = [f"{number:,}" for number in (row.messages, row.lost, row.doubled, row.unknown)]
    return [row.fault, row.dose, *numbers, f"{row.drained:.1f} s", "BROKEN" if row.broken else "kept"]
