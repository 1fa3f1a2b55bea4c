"""What FI-37 makes of a migration: a release that runs beside the next one must go on reading and writing its tables."""

from collections.abc import Iterator

import pytest
from django.db import connection

from faults.upgrades import STOP_BEFORE, Table, Traffic
from tests.faults.workshop import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Migrations under writes need PostgreSQL"),
]
TABLE = Table(name="told_by_a_release", key=("id",), columns=("id", "words"))


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def table() -> Iterator[Table]:
    execute("CREATE TABLE told_by_a_release (id serial PRIMARY KEY, words text NOT NULL)")
    execute("INSERT INTO told_by_a_release (words) VALUES ('Hello')")
    yield TABLE
    execute("DROP TABLE told_by_a_release")


def ask(table: Table, migration: str = "x.0002") -> list[str]:
    """This function will ask as the release before does, and list what failed."""
    traffic = Traffic(url=database_url())
    with traffic.connected() as server:
        traffic.ask(server, migration, table)
    return traffic.failed


def test_a_column_that_may_be_left_out_is_in_nobodys_way(table: Table) -> None:
    execute("ALTER TABLE told_by_a_release ADD tone text NOT NULL DEFAULT ''")

    assert ask(table) == []


def test_a_column_that_the_release_before_does_not_fill_breaks_its_inserts(table: Table) -> None:
    execute("ALTER TABLE told_by_a_release ADD tone text NOT NULL DEFAULT ''")
    execute("ALTER TABLE told_by_a_release ALTER tone DROP DEFAULT")

    failed = ask(table)

    assert len(failed) == 1
    assert failed[0].startswith('x.0002: told_by_a_release: null value in column "tone"')


def test_a_column_that_is_gone_breaks_reading_and_writing(table: Table) -> None:
    execute("ALTER TABLE told_by_a_release DROP words")

    assert len(ask(table)) == 3
    assert ask(table, min(STOP_BEFORE)) == []


def test_a_key_that_is_another_breaks_whoever_inserts_or_leaves_by_it(table: Table) -> None:
    execute("ALTER TABLE told_by_a_release DROP CONSTRAINT told_by_a_release_pkey, ADD tone serial PRIMARY KEY")

    (failed,) = ask(table)

    assert "ON CONFLICT" in failed
