"""Moving every address under the key that was put around the blind index last. Read next: index_writing.py.

A batch is the addresses of some rows of one table, in all tables: one transaction, after which they are found under the new key alone.
So any number of runs may be killed, repeated or run beside each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Case, CharField, F, Q, Value, When
from django.utils.functional import partition

from channels_ace.crypto import indexes_since, outer_index_keys
from channels_ace.index_writing import alone, indexed_columns
from channels_ace.models import ContactPoint, Suppression

BATCH = 500


@dataclass
class IndexColumn:
    """One column of blind indexes, and how far it has come."""

    model: type[models.Model]
    name: str
    older: int = 0
    moved: int = 0

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"


def index_columns() -> list[IndexColumn]:
    """This function will list every column of blind indexes of the installed apps."""
    return [IndexColumn(model, name) for model, name in indexed_columns()]


def move(column: IndexColumn, *, dry_run: bool = False) -> Iterator[IndexColumn]:
    """This function will move what a column has under older keys by batches of BATCH, and yield it after each with its counts."""
    last = None
    while batch := _older(column, last):
        last = batch[-1][0]
        column.older += len(batch)
        if not dry_run:
            _move({index for _, index in batch})
            column.moved += len(batch)
        yield column


def _older(column: IndexColumn, last: Any) -> list[tuple[Any, str]]:
    around = len(outer_index_keys())
    if not around:
        return []
    rows = column.model._base_manager.exclude(**{f"{column.name}__startswith": f"{around}:"}).order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return list(rows.values_list("pk", column.name)[:BATCH])


def _move(indexes: set[str]) -> None:
    newest = {index: indexes_since(index)[0] for index in indexes}
    with alone():
        _merge(newest)
        for model, name in indexed_columns():
            rows = model._base_manager.filter(**{f"{name}__in": indexes})
            text = CharField()
            cases = [When(**{name: old}, then=Value(new, output_field=text)) for old, new in newest.items()]
            moved: dict[str, Any] = {name: Case(*cases, output_field=text)}
            if model is ContactPoint:
                # The owner's key of a device is its index.
                moved["owner_key"] = Case(When(owner_key=F(name), then=moved[name]), default=F("owner_key"))
            rows.update(**moved)


def _merge(newest: dict[str, str]) -> None:
    """This function will make one of two suppressions that are the same but for the key: a process that did not know it wrote the older.

    What blocks beats what was lifted.
    """
    both = Suppression.objects.filter(Q(index__in=newest) | Q(index__in=newest.values()))
    after, before = partition(lambda block: block.index in newest, both)
    by_what = {(block.index, block.channel, block.scope, block.reason): block for block in after}
    for block in before:
        twin = by_what.get((newest[block.index], block.channel, block.scope, block.reason))
        if twin is None:
            continue
        if block.lifted_at is None and twin.lifted_at is not None:
            Suppression.objects.filter(pk=twin.pk).update(since=block.since, lifted_at=None)
        block.delete()
