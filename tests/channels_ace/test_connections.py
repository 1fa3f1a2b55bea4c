"""What each connection to the database is told when it opens."""

import pytest
from django.db import connection


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_does_not_compile_its_statements() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Only PostgreSQL compiles statements")
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
