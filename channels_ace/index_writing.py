"""Under which key an address is written while another is put around the blind index. Read next: crypto.py, index_rotation.py.

Addresses are compared by their index inside statements, a suppression with a contact point. So all rows of one address are under the same
key at any moment: the rotation moves them in one transaction, and what is written joins what is there. Outside a rotation there is
one key, and nothing here asks the database anything.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import CharField
from django.db.models.functions import Cast

from channels_ace.crypto import MOVING, BlindIndexField, index_rotation

# One lock of the database for the rotation, many for addresses: writers share the first, and each has its addresses alone.
_ROTATION = 0x0CA81110
# Of more addresses in one transaction the rotation is held off, rather than the server's table of locks filled.
_LOCKS = 100
_WAIT_SECONDS = 0.02


def index_to_write(indexes: Sequence[str]) -> str:
    """This function will choose, of all under which an address may be kept, the one under which it is: newest first, as crypto.py gives.

    To be called in the transaction that writes: until its end nobody moves the address to another key.
    """
    return indexes_to_write([indexes])[0]


def indexes_to_write(addresses: Sequence[Sequence[str]]) -> list[str]:
    """This function will do the same for many addresses, in a few statements."""
    if not index_rotation() or not addresses:
        return [indexes[0] for indexes in addresses]
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An address is written in the transaction that asks under which key.")
    # By the newest: it is the same whichever key an address is under.
    _lock({indexes[0] for indexes in addresses})
    usual, other = (0, -1) if index_rotation() == MOVING else (-1, 0)
    used = _used({indexes[other] for indexes in addresses})
    return [indexes[other] if indexes[other] in used else indexes[usual] for indexes in addresses]


@contextmanager
def alone() -> Iterator[None]:
    """This function will open a transaction in which nobody else writes an address."""
    while True:
        with transaction.atomic():
            # Not in the queue: everybody who writes an address would wait behind us.
            if _may_begin():
                yield
                return
        time.sleep(_WAIT_SECONDS)


def indexed_columns() -> list[tuple[type[models.Model], str]]:
    """This function will list every column of the installed apps under which addresses are kept."""
    return [
        (model, one.attname)
        for model in apps.get_models(include_auto_created=True)
        for one in model._meta.concrete_fields
        if isinstance(one, BlindIndexField) and not model._meta.proxy
    ]


def _lock(newest: Iterable[str]) -> None:
    # SQLite has one writer, who has it all.
    if connection.vendor != "postgresql":
        return
    keys = sorted({int.from_bytes(index.encode()[-8:], "big", signed=True) for index in newest})
    with connection.cursor() as cursor:
        if len(keys) > _LOCKS:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ROTATION])
            return
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_ROTATION])
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])


def _used(indexes: set[str]) -> set[str]:
    text = CharField()
    found = [
        model._base_manager.filter(**{f"{name}__in": indexes}).order_by().annotate(kept_under=Cast(name, text)).values_list("kept_under")
        for model, name in indexed_columns()
    ]
    return {kept_under for (kept_under,) in found[0].union(*found[1:])}


def _may_begin() -> bool:
    # SQLite has one writer, who has it all.
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ROTATION])
        return bool(cursor.fetchone()[0])
