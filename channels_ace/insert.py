"""INSERT ... SELECT from querysets: what grows with users is one statement, never a loop. Read next: send.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, Model, QuerySet, Value
from django.db.models.expressions import Combinable

Statement = tuple[str, Sequence[Any]]
# The INSERT of a table, its SELECT and WHERE, and the parameters of the SELECT.
_Written = tuple[str, str, str, list[Any]]


@dataclass(frozen=True)
class By:
    """Of `values`, the element whose index is a row's number under `name`; an element may be a By itself, or None.

    Numbers beyond the list count round; with `otherwise`, that is what they and those of None get.
    """

    name: str
    values: Sequence[Any]
    otherwise: Any = None


@dataclass(frozen=True, kw_only=True)
class Into:
    """A table and what each row puts there. `columns` maps columns (attname) to names or expressions over the rows; columns that
    are not named get their database default. `looked_up` maps further columns to a By, or to a list of which each row takes the
    element whose index is the statement's `by`. `only` keeps rows by that index: "= 0", "<> 0", "IN (2, 5)", or all of them."""

    model: type[Model]
    columns: Mapping[str, str | Combinable]
    looked_up: Mapping[str, Sequence[Any] | By] = field(default_factory=dict)
    only: str = ""


def expect_memory() -> None:
    """This function will tell PostgreSQL, for this transaction, that what an index points at is in memory or on a disk without arms.

    By its defaults it reads all of a large table rather than a fiftieth of it by the index.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL random_page_cost = 1.1")


def insert_from(model: type[Model], columns: Mapping[str, str | Combinable], rows: QuerySet[Any]) -> int:
    """This function will insert one row of `model` for every row of a queryset, and say how many."""
    return insert_each(rows, Into(model=model, columns=columns))


def insert_each(rows: QuerySet[Any], *tables: Into, by: str = "") -> int:
    """This function will insert the rows of a queryset into tables, and say how many went into the last one.

    `by` names an expression over the rows that is computed once a row, however many columns and tables hang on it. The
    statement is the compiled queryset with its parameters; only names of tables and columns, from the models, are written into it.
    """
    return insert_compiled(compile_each(rows, *tables, by=by))


def compile_each(rows: QuerySet[Any], *tables: Into, by: str = "") -> list[Statement]:
    """This function will give the statements of `insert_each`, for whoever runs them over again; where nothing can come, none."""
    source = _source(rows, tables, by)
    if source is None:
        return []
    rows_of, parameters, written = source
    if connection.vendor != "postgresql":
        return [(f"{insert} {rows_of} {select} FROM q{where}", [*parameters, *options]) for insert, select, where, options in written]
    return [_at_once(rows_of, parameters, written)]


def insert_compiled(statements: Sequence[Statement], instead: Mapping[int, int] | None = None) -> int:
    """This function will run them, with other numbers in place of some, and say how many rows went into the last table."""
    inserted = 0
    with connection.cursor() as cursor:
        for statement, parameters in statements:
            cursor.execute(statement, [_instead(value, instead) for value in parameters] if instead else parameters)
            inserted = int(cursor.rowcount)
    return inserted


def insert_and_count(rows: QuerySet[Any], *tables: Into, by: str = "") -> list[int]:
    """This function will do the same, of rows that are read once although what is written changes them, and say how many went into each."""
    source = _source(rows, tables, by)
    if source is None:
        return [0] * len(tables)
    rows_of, parameters, written = source
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            return _insert_in_turn(cursor, rows_of, parameters, written)
        counts = [f"count(*) FILTER ({where.strip()})" if where else "count(*)" for _, _, where, _ in written]
        cursor.execute(*_at_once(rows_of, parameters, written, f"SELECT {', '.join(counts)} FROM q"))  # noqa: S608
        return [int(count) for count in cursor.fetchone()]


def _source(rows: QuerySet[Any], tables: Sequence[Into], by: str) -> tuple[str, Sequence[Any], list[_Written]] | None:
    """This function will write the rows as a WITH, and what each table takes of them; None where PostgreSQL need not even be asked."""
    selected = _Selected(by, tables)
    try:
        inner, parameters = rows.order_by().annotate(**selected.expressions).values_list(*selected.names).query.sql_with_params()
    except EmptyResultSet:
        return None
    # PostgreSQL would write the expression behind `by` wherever it is used and compute it each time: 100,000 rows took twice as long.
    once = "MATERIALIZED " if connection.vendor == "postgresql" else ""
    names = ", ".join(f"c{number}" for number in range(len(selected.names)))
    return f"WITH q({names}) AS {once}({inner})", parameters, [selected.insert(table) for table in tables]


def _at_once(rows_of: str, parameters: Sequence[Any], written: Sequence[_Written], and_then: str = "") -> Statement:
    statements = [f"{insert} {select} FROM q{where}" for insert, select, where, _ in written]
    *others, last = [*statements, and_then] if and_then else statements
    first = "".join(f", i{number} AS ({other})" for number, other in enumerate(others))
    return f"{rows_of}{first} {last}", [*parameters, *(one for *_, several in written for one in several)]


def _instead(value: Any, instead: Mapping[int, int]) -> Any:
    # Numbers come in classes of the driver that say how wide they are.
    return type(value)(instead[value]) if isinstance(value, int) and value in instead else value


def _insert_in_turn(cursor: Any, rows_of: str, parameters: Sequence[Any], written: Sequence[_Written]) -> list[int]:
    """This function will insert where a WITH cannot write, and where only the rows of what begins with INSERT are counted."""
    cursor.execute(f"CREATE TEMP TABLE carillon_rows AS {rows_of} SELECT * FROM q", parameters)  # noqa: S608
    counts = []
    for insert, select, where, options in written:
        cursor.execute(f"{insert} {select} FROM temp.carillon_rows{where}", options)
        counts.append(int(cursor.rowcount))
    cursor.execute("DROP TABLE temp.carillon_rows")
    return counts


class _Selected:
    """What a statement selects for its tables: each expression once, constants not at all, and at the end the numbers to look up by."""

    def __init__(self, by: str, tables: Sequence[Into]) -> None:
        self.expressions: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        self._by = by
        numbers = [by] if by else []
        for table in tables:
            for value in table.columns.values():
                if not isinstance(value, Value) and self._key(value) not in self._names:
                    name = self._names[self._key(value)] = f"taken_{len(self._names)}"
                    self.expressions[name] = F(value) if isinstance(value, str) else value
            for looked_up in table.looked_up.values():
                numbers += _numbers(looked_up) if isinstance(looked_up, By) else []
        self.names = [*self.expressions, *dict.fromkeys(numbers)]

    def insert(self, table: Into) -> _Written:
        """This method will write the INSERT of one table, its SELECT and WHERE, and the parameters of the SELECT."""
        quote = connection.ops.quote_name
        targets = ", ".join(quote(_field(table.model, attname).column) for attname in [*table.columns, *table.looked_up])
        taken: list[str] = []
        parameters: list[Any] = []
        for attname, value in table.columns.items():
            taken.append("%s" if isinstance(value, Value) else self._place(self._names[self._key(value)]))
            parameters += [_plain(table.model, attname, value.value)] if isinstance(value, Value) else []
        for attname, looked_up in table.looked_up.items():
            plain = partial(_plain, table.model, attname)
            case, options = self._case(looked_up if isinstance(looked_up, By) else By(self._by, looked_up), plain)
            taken.append(case)
            parameters += options
        where = f" WHERE {self._place(self._by)} {table.only}" if self._by and table.only else ""
        return f"INSERT INTO {quote(table.model._meta.db_table)} ({targets})", f"SELECT {', '.join(taken)}", where, parameters

    def _case(self, choice: Any, plain: Callable[[Any], Any]) -> tuple[str, list[Any]]:
        if not isinstance(choice, By):
            return "%s", [plain(choice)]
        whens: list[str] = []
        parameters: list[Any] = []
        for number, value in enumerate(choice.values):
            if value is not None:
                case, options = self._case(value, plain)
                whens.append(f"WHEN {number} THEN {case}")
                parameters += options
        if not whens:
            return "NULL", []
        number_of = self._place(choice.name)
        if choice.otherwise is None:
            return f"CASE {number_of} %% {len(choice.values)} {' '.join(whens)} END", parameters
        case, options = self._case(choice.otherwise, plain)
        return f"CASE {number_of} {' '.join(whens)} ELSE {case} END", [*parameters, *options]

    def _place(self, name: str) -> str:
        return f"c{self.names.index(name)}"

    @staticmethod
    def _key(value: str | Combinable) -> Any:
        return value if isinstance(value, str) else id(value)


def _numbers(choice: By) -> list[str]:
    """This function will list the names that a choice, and those in it, look up by."""
    inside = [value for value in [*choice.values, choice.otherwise] if isinstance(value, By)]
    return [choice.name, *(name for value in inside for name in _numbers(value))]


def _field(model: type[Model], attname: str) -> Any:
    for known in model._meta.concrete_fields:
        if attname in (known.attname, known.name):
            return known
    raise LookupError(f"{model.__name__} has no column {attname}.")


def _plain(model: type[Model], attname: str, value: Any) -> Any:
    """This function will give a constant as the database takes it for its column."""
    written = _field(model, attname).get_db_prep_save(value, connection)
    # A member of an enumeration is a str, but not one that every driver takes.
    return str(written) if isinstance(written, str) else written
