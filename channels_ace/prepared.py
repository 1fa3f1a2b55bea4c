"""A query that is compiled once a process, and planned once a connection: each takes longer than running it. Read next: decision.py."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet
from psycopg import RawCursor
from psycopg.pq import Format
from psycopg.types.numeric import Int8

Value = int | datetime
# psycopg's own, in C; Django's is in Python, and takes longer for a page of times than the database for the page.
_TIMES = psycopg.adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, Format.TEXT)


@dataclass(frozen=True)
class _Compiled:
    statement: str
    parameters: Sequence[Any]
    # For each parameter, which of the values it is; None where it stays as it is.
    places: Sequence[int | None]
    compiler: Any
    converters: Any
    # The same with the values as $1, $2, as PostgreSQL prepares it; empty elsewhere.
    numbered: str = ""


class Together:
    """Several querysets in one statement: `template` is the SQL around them, with "{name}" where each stands.

    What comes out is converted as the columns of the last one are.
    """

    def __init__(self, template: str, **parts: QuerySet[Any, Any]) -> None:
        self.template = template
        self.parts = parts


class Prepared:
    """A query of values over a few whole numbers and instants, which `build` puts in as they are, and decides nothing by."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any] | Together]) -> None:
        self._build = build
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, *values: Value) -> list[tuple[Any, ...]]:
        """This function will run the query with these values, and give its rows."""
        # To ask through `connection` looks for the thread's own each time.
        here = connections[DEFAULT_DB_ALIAS]
        known = self._compiled.get(here.vendor) or self._compile(values)
        # What is written down of statements, such as for a test, is written as for any other.
        rows = _run(here, known, values) if known.numbered and not here.queries_logged else _ask(known, values)
        return [tuple(row) for row in known.compiler.apply_converters(rows, known.converters)] if known.converters else rows

    def numbered(self, *values: Value) -> str:
        """This function will give the statement with $1, $2 for the values, as PostgreSQL plans it once for all of them."""
        return (self._compiled.get(connection.vendor) or self._compile(values)).numbered

    def _compile(self, values: Sequence[Value]) -> _Compiled:
        stand_ins = [_stand_in(number, value) for number, value in enumerate(values)]
        statement, parameters, compiler = _statement_of(self._build(*stand_ins))
        numbers = {_written(stand_in): number for number, stand_in in enumerate(stand_ins)}
        places = [numbers.get(parameter) if isinstance(parameter, (int, str, datetime)) else None for parameter in parameters]
        if set(numbers.values()) - set(places):
            raise LookupError("A value is nowhere among the parameters of the compiled query.")
        converters = compiler.get_converters([column for column, *_ in compiler.select[: compiler.col_count]])
        numbered = _numbered(statement, parameters, places) if connection.vendor == "postgresql" else ""
        known = self._compiled[connection.vendor] = _Compiled(statement, parameters, places, compiler, converters, numbered)
        return known


def _statement_of(built: QuerySet[Any, Any] | Together) -> tuple[str, Sequence[Any], Any]:
    """This function will give a statement, its parameters, and the compiler that knows how its columns are converted."""
    if not isinstance(built, Together):
        compiler = built.query.get_compiler(connection=connection)
        return *compiler.as_sql(), compiler
    parameters: list[Any] = []
    compiler = None

    def written(found: re.Match[str]) -> str:
        nonlocal compiler
        compiler = built.parts[found[1]].query.get_compiler(connection=connection)
        statement, own = compiler.as_sql()
        parameters.extend(own)
        return str(statement)

    return re.sub(r"\{(\w+)\}", written, built.template), parameters, compiler


class _Planned(RawCursor[Any]):
    """A cursor whose statements stay planned as long as the connection, where settings let it (DATABASE_PREPARES)."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(query, params, prepare=True, **options)


def _run(here: Any, known: _Compiled, values: Sequence[Value]) -> list[tuple[Any, ...]]:
    here.ensure_connection()
    # Of one width whatever the number is: each would be planned apart.
    numbers = [Int8(value) if isinstance(value, int) else value for value in values]
    planned = _Planned(here.connection)
    if _TIMES is not None:
        planned.adapters.register_loader("timestamptz", _TIMES)
    with CursorWrapper(planned, here) as cursor:
        cursor.execute(known.numbered, numbers)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _ask(known: _Compiled, values: Sequence[Value]) -> list[tuple[Any, ...]]:
    filled = [
        parameter if place is None else _written(values[place], parameter)
        for parameter, place in zip(known.parameters, known.places, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(known.statement, filled)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _numbered(statement: str, parameters: Sequence[Any], places: Sequence[int | None]) -> str:
    """This function will number the places of the values, and write everything else into the statement as it is."""
    rest = iter(zip(parameters, places, strict=True))
    operations: Any = connection.ops

    def filled(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        parameter, place = next(rest)
        return str(operations.compose_sql("%s", [parameter])) if place is None else f"${place + 1}"

    return re.sub("%[%s]", filled, statement)


def _stand_in(number: int, value: Value) -> Value:
    """This function will give a value of the same sort that nobody would write."""
    if isinstance(value, datetime):
        return datetime(9000, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return 7_777_777_777_000_000 + number


def _written(value: Value, like: Any = None) -> Any:
    """This function will give a value as the database's driver takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    # Numbers come in classes of the driver that say how wide they are.
    return type(like)(value) if isinstance(like, int) else value
