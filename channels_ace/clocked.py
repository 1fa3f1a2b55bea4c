"""A decision that depends on the time, compiled once a quarter of an hour: compiling takes longer than deciding. Read next: delivery.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from channels_ace.decision import Rule

# Zones change their hour, and windows open, on the quarter.
QUARTER = timedelta(minutes=15)
_STAND_IN = [7_777_777_777_000_000]

Rules = list[Rule]
Rows = list[tuple[Any, ...]]
Build = Callable[[Sequence[int], datetime], tuple[Rules, QuerySet[Any, Any]]]


@dataclass(frozen=True)
class _Compiled:
    """As it is at an instant. What moves with the clock is named by its places."""

    at: datetime
    rules: Rules
    statement: str
    parameters: Sequence[Any]
    moving: frozenset[int]
    keys_at: int


@dataclass(frozen=True)
class _Quarter:
    begins: datetime
    is_compiled: bool = False
    compiled: _Compiled | None = None


class Clocked:
    """Rules, and a queryset of plain values over some keys, that `build` makes for an instant.

    It is made at both ends of a quarter of an hour. Where they differ in nothing but instants that move with the clock, the statement is
    that of every instant between; otherwise, and on SQLite, it is made anew each time.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._quarter: _Quarter | None = None

    def ask(self, keys: Sequence[int], now: datetime) -> tuple[Rules, Rows]:
        """This function will give the rules that hold at an instant, and the rows."""
        compiled = self._compiled_at(now)
        if compiled is None:
            rules, rows = self._build(keys, now)
            return rules, list(rows)
        since = now - compiled.at
        filled = [value + since if place in compiled.moving else value for place, value in enumerate(compiled.parameters)]
        filled[compiled.keys_at] = list(keys)
        with connection.cursor() as cursor:
            cursor.execute(compiled.statement, filled)
            found = cursor.fetchall()
        rules = [
            replace(rule, until=rule.until + since) if number - len(compiled.rules) in compiled.moving and rule.until else rule
            for number, rule in enumerate(compiled.rules)
        ]
        return rules, found

    def _compiled_at(self, now: datetime) -> _Compiled | None:
        begins = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
        known = self._quarter
        if known is None or known.begins != begins:
            # Who asks once in a quarter compiles once.
            self._quarter = _Quarter(begins)
            return None
        if not known.is_compiled and connection.vendor == "postgresql":
            known = self._quarter = _Quarter(begins, is_compiled=True, compiled=self._compile(begins))
        return known.compiled

    def _compile(self, begins: datetime) -> _Compiled | None:
        first, last = (self._compile_at(at) for at in (begins, begins + QUARTER - timedelta(microseconds=1)))
        if first.statement != last.statement or [rule.reason for rule in first.rules] != [rule.reason for rule in last.rules]:
            return None
        since = last.at - first.at
        # The rules' own instants come first, at places before nought.
        pairs = zip([*_untils(first), *first.parameters], [*_untils(last), *last.parameters], strict=True)
        moving = set()
        for place, (before, after) in enumerate(pairs, start=-len(first.rules)):
            if before == after:
                continue
            if not (isinstance(before, datetime) and isinstance(after, datetime) and after - before == since):
                return None
            moving.add(place)
        return replace(first, moving=frozenset(moving))

    def _compile_at(self, at: datetime) -> _Compiled:
        rules, rows = self._build(_STAND_IN, at)
        statement, parameters = rows.query.sql_with_params()
        return _Compiled(at, rules, statement, parameters, frozenset(), list(parameters).index(_STAND_IN))


def _untils(compiled: _Compiled) -> list[datetime | None]:
    return [rule.until for rule in compiled.rules]
