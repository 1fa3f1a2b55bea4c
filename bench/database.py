"""A PostgreSQL database of our own, kept between runs so that people are made once. Read next: people.py.

Nothing here imports a model: worker processes call `start_django` before they can.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from psycopg import sql

from tools.run_tests import pick_database

DATABASE = "carillon_bench"


def choose(name: str) -> str:
    """This function will make a database on the server that the tests would use, unless it is there, and name it in DATABASE_URL."""
    with tempfile.TemporaryDirectory() as folder:
        server, words = pick_database(Path(folder))
    if server.startswith("sqlite"):
        sys.exit("The bench needs PostgreSQL: set DATABASE_URL, or start one on port 5432.")
    with psycopg.connect(server, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    return words


def start_django(changed: Mapping[str, Any] | None = None) -> None:
    """This function will set Django up on that database, with some settings changed."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings.test"
    from django.conf import settings

    for setting, value in (changed or {}).items():
        setattr(settings, setting, value)
    django.setup()


def migrate() -> None:
    """This function will bring the tables up to date."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def run(statement: str, parameters: Sequence[Any] = ()) -> int:
    """This function will run one statement and say how many rows it touched."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def ask(statement: str, parameters: Sequence[Any] = ()) -> Any:
    """This function will give the one value that a query yields."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    return row[0] if row else None


def settle() -> None:
    """This function will write out what earlier runs left in memory, so that the next does not pay for it."""
    run("CHECKPOINT")
