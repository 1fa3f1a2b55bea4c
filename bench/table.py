"""The figures as people and programs read them."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from bench.measure import Figure

HEADINGS = ("figure", "n", "seconds", "bare", "ratio", "goal", "", "note")


def as_text(figures: Sequence[Figure]) -> str:
    """This function will lay the figures out in columns."""
    rows = [HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def as_json(figures: Sequence[Figure]) -> str:
    """This function will write the figures as one JSON object on one line."""
    return json.dumps({"figures": [asdict(figure) for figure in figures]}, allow_nan=False)


def _row(figure: Figure) -> tuple[str, ...]:
    numbers = (f"{figure.n:,}", f"{figure.seconds:.3f}", f"{figure.bare_seconds:.3f}", f"{figure.ratio:.2f}")
    return (figure.name, *numbers, figure.goal, "ok" if figure.ok else "MISSED", figure.note)
