"""INSERT ... SELECT from querysets: what grows with users is one statement, never a loop. Read next: send.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, Model, QuerySet
from django.db.models.expressions import Combinable


def insert_from(
    model: type[Model],
    columns: Mapping[str, str | Combinable],
    rows: QuerySet[Any],
    *,
    by: str = "",
    looked_up: Mapping[str, Sequence[Any]] | None = None,
) -> int:
    """This function will insert one row of `model` for every row of a queryset, and say how many.

    `columns` maps columns (attname) to names or expressions over `rows`; columns that are not named get their database
    default. `looked_up` maps further columns to lists, of which each row takes the element whose index is its `by`:
    that expression is computed once a row, however many columns hang on it. The statement is the compiled queryset
    with its parameters; only names of tables and columns, from the models, are written into it.
    """
    looked_up = looked_up or {}
    named = {f"into_{attname}": F(value) if isinstance(value, str) else value for attname, value in columns.items()}
    selected = [*named, *([by] if by else [])]
    try:
        inner, parameters = rows.order_by().annotate(**named).values_list(*selected).query.sql_with_params()
    except EmptyResultSet:
        return 0
    quote = connection.ops.quote_name
    targets = ", ".join(quote(_column(model, attname)) for attname in [*columns, *looked_up])
    inside = ", ".join(f"c{number}" for number in range(len(selected)))
    cases = [f"CASE c{len(columns)} {' '.join('WHEN %s THEN %s' for _ in values)} END" for values in looked_up.values()]
    outside = ", ".join([*(f"c{number}" for number in range(len(columns))), *cases])
    # PostgreSQL would write the expression behind `by` into every CASE and compute it each time: 100,000 rows took twice as long.
    kept = "MATERIALIZED " if connection.vendor == "postgresql" else ""
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({targets}) WITH q({inside}) AS {kept}({inner}) SELECT {outside} FROM q"  # noqa: S608
    options = [part for values in looked_up.values() for number, value in enumerate(values) for part in (number, _plain(value))]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *options])
        return int(cursor.rowcount)


def _column(model: type[Model], attname: str) -> str:
    for field in model._meta.concrete_fields:
        if attname in (field.attname, field.name):
            return str(field.column)
    raise LookupError(f"{model.__name__} has no column {attname}.")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    # A member of an enumeration is a str, but not one that every driver takes.
    return str(value) if isinstance(value, str) else value
