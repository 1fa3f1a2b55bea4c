"""What each connection to the database is told when it opens. Read next: decision.py."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def do_not_compile(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """This function will keep PostgreSQL from compiling statements to machine code: a receiver of `connection_created`.

    It compiles what it thinks costly, and a verdict is hundreds of expressions: on tables of a million people that took forty
    seconds for each batch, and computing it less than one.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")
