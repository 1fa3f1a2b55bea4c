"""INSERT ... SELECT from querysets: what grows with users is one statement, never a loop. Read next: send.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Model, QuerySet
from django.db.models.expressions import Combinable

from channels_ace.decision import Rule
from channels_ace.models import Delivery, Message


def insert_from(model: type[Model], columns: Mapping[str, str | Combinable], rows: QuerySet[Any]) -> int:
    """This function will insert one row of `model` for every row of a queryset, and say how many.

    `columns` maps the model's column-holding attributes (attname) to names or expressions over `rows`. Columns that are
    not named get their database default. The statement is the compiled queryset with its parameters.
    """
    named = {f"into_{attname}": F(value) if isinstance(value, str) else value for attname, value in columns.items()}
    sql, params = rows.order_by().annotate(**named).values_list(*named).query.sql_with_params()
    meta = model._meta
    targets = [connection.ops.quote_name(_field(model, attname).column) for attname in columns]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {connection.ops.quote_name(meta.db_table)} ({', '.join(targets)}) {sql}", params)  # noqa: S608
        return int(cursor.rowcount)


def insert_verdicts(
    message: Message,
    lane: str,
    channel: str,
    rows: QuerySet[Any],
    asked: Sequence[Rule],
    *,
    due_at: datetime,
    expires_at: datetime | None,
    now: datetime,
) -> int:
    """This function will insert a delivery for every row of (pk, contact, verdict), in the state its verdict gives.

    The verdict is computed once a row, in the inner query; the outer one only looks up what it stands for.
    """
    sql, params = rows.order_by().values_list("pk", "contact", "verdict").query.sql_with_params()
    first = Delivery.State.PLANNED if due_at > now else Delivery.State.READY
    states = [first, *(Delivery.State.DEFERRED if rule.until else Delivery.State.SUPPRESSED for rule in asked)]
    reasons = ["", *(rule.reason for rule in asked)]
    due = [due_at, *(max(rule.until, due_at) if rule.until else now for rule in asked)]
    constants: list[tuple[str, Any]] = [
        ("message_id", message.pk),
        ("channel", channel),
        ("lane", lane),
        ("expires_at", _moment(expires_at)),
        ("created_at", _moment(now)),
        ("changed_at", _moment(now)),
    ]
    looked_up: list[tuple[str, list[Any]]] = [
        ("state", [str(state) for state in states]),
        ("reason", reasons),
        ("due_at", [_moment(moment) for moment in due]),
    ]
    names = [name for name, _ in constants] + [name for name, _ in looked_up] + ["user_id", "contact_point_id"]
    cases = [f"CASE q.verdict {' '.join('WHEN %s THEN %s' for _ in values)} END" for _, values in looked_up]
    quote = connection.ops.quote_name
    statement = (
        f"INSERT INTO {quote(Delivery._meta.db_table)} ({', '.join(quote(_field(Delivery, name).column) for name in names)}) "  # noqa: S608
        f"WITH q(person, contact, verdict) AS ({sql}) "
        f"SELECT {', '.join('%s' for _ in constants)}, {', '.join(cases)}, q.person, COALESCE(q.contact, 0) FROM q"
    )
    values = [value for _, value in constants]
    values += [part for _, options in looked_up for number, option in enumerate(options) for part in (number, option)]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*params, *values])
        return int(cursor.rowcount)


def _field(model: type[Model], attname: str) -> Any:
    for field in model._meta.concrete_fields:
        if attname in (field.attname, field.name):
            return field
    raise LookupError(f"{model.__name__} has no column {attname}.")


def _moment(moment: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
