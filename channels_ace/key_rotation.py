"""Writing what is encrypted anew by the newest key, while workers go on. Read next: crypto.py, management/commands/rotate_keys.py.

Every model is looked through for EncryptedTextField, so that none is forgotten. A value is replaced only where it still is what was read:
what somebody else writes meanwhile is by the newest key already. So any number of runs may be killed, repeated or run beside each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Case, F, Value, When
from django.db.models.functions import Cast

from channels_ace.crypto import EncryptedTextField, Unreadable, decrypt, encrypt, is_by_newest_key

BATCH = 500


@dataclass
class Column:
    """One encrypted column, and how far its values have come."""

    model: type[models.Model]
    name: str
    values: int = 0
    by_newest: int = 0
    # By an older key when they were read; with a dry run they still are.
    by_older: int = 0
    rewritten: int = 0
    # The primary keys of what no key opens.
    unreadable: list[Any] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"


def encrypted_columns() -> list[Column]:
    """This function will list every encrypted column of the installed apps."""
    return [
        Column(model, one.attname)
        for model in apps.get_models(include_auto_created=True)
        for one in model._meta.concrete_fields
        if isinstance(one, EncryptedTextField) and not model._meta.proxy
    ]


def rotate(column: Column, *, dry_run: bool = False) -> Iterator[Column]:
    """This function will rewrite a column by batches of BATCH, and yield it after each with its counts: two statements a batch."""
    last = None
    while batch := _read(column, last):
        last = batch[-1][0]
        old = [(pk, stored) for pk, stored in batch if not is_by_newest_key(stored)]
        column.values += len(batch)
        column.by_newest += len(batch) - len(old)
        new = list(_rewritten(column, old))
        column.by_older += len(new)
        if new and not dry_run:
            column.rewritten += _replace(column, new)
        yield column


def _read(column: Column, last: Any) -> list[tuple[Any, str]]:
    # As text, or Django would decrypt it.
    rows = column.model._base_manager.annotate(stored=Cast(F(column.name), models.TextField())).exclude(stored="").order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return list(rows.exclude(stored=None).values_list("pk", "stored")[:BATCH])


def _rewritten(column: Column, old: list[tuple[Any, str]]) -> Iterator[tuple[Any, str, str]]:
    for pk, stored in old:
        try:
            yield pk, stored, encrypt(decrypt(stored))
        except Unreadable:
            column.unreadable.append(pk)


def _replace(column: Column, new: list[tuple[Any, str, str]]) -> int:
    # No two values are stored alike, so that key and value in two lists are as good as in pairs.
    rows = column.model._base_manager.annotate(stored=Cast(F(column.name), models.TextField()))
    same = rows.filter(pk__in=[pk for pk, _, _ in new], stored__in=[before for _, before, _ in new])
    text = models.TextField()
    cases = [When(pk=pk, then=Value(after, output_field=text)) for pk, _, after in new]
    return same.update(**{column.name: Case(*cases, output_field=text)})
