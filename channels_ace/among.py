"""Rows by many keys, said in one parameter: a place for each takes longer to write and to read than the rows do. Read next: clocked.py."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import F, Lookup

if TYPE_CHECKING:
    _Lookup = Lookup[Any]
else:
    # Django's lookups are generic to the type checker only.
    _Lookup = Lookup


class Among(_Lookup):
    """`filter(among("pk", keys))` is `filter(pk__in=keys)` for whole numbers, however many: the statement is the same for all."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """This function will say so to SQLite, which has no arrays."""
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} IN (SELECT value FROM json_each(%s))", (*parameters, json.dumps(self.rhs))  # noqa: S608

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """This function will say so to PostgreSQL.

        It sees how many they are only where they are written out. From a SELECT it expects ten and reads each by its key, and what hangs on
        it by theirs; for the five hundred that it would see it reads all that anybody ever chose, and compiles for a second.
        """
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY((SELECT %s::bigint[])::bigint[])", (*parameters, self.rhs)


def among(name: str, keys: Sequence[int]) -> Among:
    """This function will give the condition that a column is one of the keys."""
    return Among(F(name), list(keys))
