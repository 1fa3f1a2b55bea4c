"""INSERT ... SELECT from querysets: what grows with users is one statement, never a loop. Read next: send.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, Model, QuerySet
from django.db.models.expressions import Combinable


@dataclass(frozen=True, kw_only=True)
class Into:
    """A table and what each row puts there. `columns` maps columns (attname) to names or expressions over the rows; columns that
    are not named get their database default. `looked_up` maps further columns to lists, of which each row takes the element
    whose index is its `by`. `only` keeps rows by that index: "= 0", "<> 0", or all of them."""

    model: type[Model]
    columns: Mapping[str, str | Combinable]
    looked_up: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    only: str = ""


def insert_from(model: type[Model], columns: Mapping[str, str | Combinable], rows: QuerySet[Any]) -> int:
    """This function will insert one row of `model` for every row of a queryset, and say how many."""
    return insert_each(rows, Into(model=model, columns=columns))


def insert_each(rows: QuerySet[Any], *tables: Into, by: str = "") -> int:
    """This function will insert the rows of a queryset into tables, and say how many went into the last one.

    `by` names an expression over the rows that is computed once a row, however many columns and tables hang on it. The
    statement is the compiled queryset with its parameters; only names of tables and columns, from the models, are written into it.
    """
    named: dict[str, Any] = {}
    for table in tables:
        for attname, value in table.columns.items():
            named[f"{table.model._meta.model_name}_{attname}"] = F(value) if isinstance(value, str) else value
    selected = [*named, *([by] if by else [])]
    try:
        inner, parameters = rows.order_by().annotate(**named).values_list(*selected).query.sql_with_params()
    except EmptyResultSet:
        return 0
    # PostgreSQL would write the expression behind `by` wherever it is used and compute it each time: 100,000 rows took twice as long.
    kept = "MATERIALIZED " if connection.vendor == "postgresql" else ""
    rows_of = f"WITH q({', '.join(f'c{number}' for number in range(len(selected)))}) AS {kept}({inner})"
    written = [_insert(table, selected, by) for table in tables]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            *others, last = [f"{insert} {select}" for insert, select, _ in written]
            first = "".join(f", i{number} AS ({statement})" for number, statement in enumerate(others))
            cursor.execute(f"{rows_of}{first} {last}", [*parameters, *(one for _, _, options in written for one in options)])
        else:
            # Elsewhere a WITH cannot write, and sqlite3 counts only the rows of what begins with INSERT.
            for insert, select, options in written:
                cursor.execute(f"{insert} {rows_of} {select}", [*parameters, *options])
        return int(cursor.rowcount)


def _insert(table: Into, selected: Sequence[str], by: str) -> tuple[str, str, list[Any]]:
    """This function will write the INSERT of one table, its SELECT from `q`, and the parameters of its lists."""
    quote = connection.ops.quote_name
    targets = ", ".join(quote(_column(table.model, attname)) for attname in [*table.columns, *table.looked_up])
    taken = [f"c{selected.index(f'{table.model._meta.model_name}_{attname}')}" for attname in table.columns]
    index = f"c{len(selected) - 1}"
    cases = [f"CASE {index} {' '.join('WHEN %s THEN %s' for _ in values)} END" for values in table.looked_up.values()]
    where = f" WHERE {index} {table.only}" if by and table.only else ""
    options = [part for values in table.looked_up.values() for number, value in enumerate(values) for part in (number, _plain(value))]
    insert = f"INSERT INTO {quote(table.model._meta.db_table)} ({targets})"
    return insert, f"SELECT {', '.join([*taken, *cases])} FROM q{where}", options  # noqa: S608


def _column(model: type[Model], attname: str) -> str:
    for known in model._meta.concrete_fields:
        if attname in (known.attname, known.name):
            return str(known.column)
    raise LookupError(f"{model.__name__} has no column {attname}.")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    # A member of an enumeration is a str, but not one that every driver takes.
    return str(value) if isinstance(value, str) else value
