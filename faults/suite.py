"""Which faults there are, and the table that they make. Read next: kills.py and its like, one module a family."""

import json
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from faults import answers, brokers, clocks_and_beats, databases, kills, mutants, receipts, stops
from faults.scene import Fault, Row, Scene

FAULTS: dict[str, Fault] = {
    name: fault
    for family in (kills, clocks_and_beats, brokers, databases, answers, receipts, stops, mutants)
    for name, fault in family.FAULTS.items()
}
_HEAD = ("fault", "dose", "messages", "lost", "doubled", "unknown", "drained", "promise")


def wanted(only: Sequence[str]) -> list[str]:
    """This function will list the faults whose name begins with one of those given; all of them without one."""
    return [name for name in FAULTS if not only or any(name == one or name.startswith(f"{one}-") for one in only)]


def run(scene: Scene, only: Sequence[str]) -> list[Row]:
    """This function will make the faults happen one after the other, and say each row as it comes."""
    rows = []
    for name in wanted(only):
        began = time.monotonic()
        try:
            row = FAULTS[name](scene)
        except Exception as error:
            # One fault that cannot even be made to happen must not hide the others; it is broken like any other.
            traceback.print_exc()
            row = Row(fault=name, dose="-", messages=0, broken=[f"{type(error).__name__}: {error}"])
        rows.append(replace(row, broken=[line[:200] for line in row.broken]))
        say_row(rows[-1], time.monotonic() - began)
    return rows


def say_row(row: Row, seconds: float) -> None:
    """This function will print what came of one fault, as soon as it is known."""
    print(f"{'  '.join(_cells(row))}  ({seconds:.0f} s)", flush=True)
    for line in row.broken:
        print(f"    broken: {line}", flush=True)


def as_text(rows: Iterable[Row]) -> str:
    """This function will write the table for docs/faults.md."""
    lines = [f"| {' | '.join(_HEAD)} |", "|---|---|---:|---:|---:|---:|---:|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(_cells(row))} |" for row in rows)])


def as_json(rows: Sequence[Row], seconds: float) -> str:
    """This function will write the same as one line of JSON."""
    return json.dumps({"ok": not any(row.broken for row in rows), "seconds": round(seconds), "faults": [asdict(row) for row in rows]})


def _cells(row: Row) -> list[str]:
    numbers = [f"{number:,}" for number in (row.messages, row.lost, row.doubled, row.unknown)]
    return [row.fault, row.dose, *numbers, f"{row.drained:.1f} s", "BROKEN" if row.broken else "kept"]
