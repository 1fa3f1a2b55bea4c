"""What is answered while the database is away: come back in a moment, in words for people and for programs."""

from typing import Any, NoReturn

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.db.utils import DataError
from django.test import Client

pytestmark = pytest.mark.django_db


def failing(error: type[Exception]) -> Any:
    """This function will have every statement fail as PostgreSQL has it fail."""

    def fail(*_: object) -> NoReturn:
        raise error("connection to server failed: too many clients already")

    return connection.execute_wrapper(fail)


@pytest.fixture
def visitor() -> Client:
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "a" * 32
    return client


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("address", ["/inbox/", "/settings/", "/api/v1/inbox/"])
def test_without_a_database_one_is_asked_to_come_back_in_a_moment(visitor: Client, address: str, error: type[Exception]) -> None:
    with failing(error):
        answer = visitor.get(address)

    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert b"too many clients" not in answer.content


def test_the_api_says_so_as_a_problem(visitor: Client) -> None:
    with failing(OperationalError):
        answer = visitor.get("/api/v1/inbox/")

    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:carillon:problem:unavailable"


def test_what_the_database_says_no_to_stays_our_fault(visitor: Client) -> None:
    with failing(DataError):
        answer = visitor.get("/inbox/")

    assert (answer.status_code, answer.has_header("Retry-After")) == (500, False)
