"""The address of a person's calendar, for apps."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from tests.factories import make_user

pytestmark = pytest.mark.django_db
LINK = "/api/v1/calendar-link/"


def app_of(name: str) -> Client:
    client = Client()
    client.force_login(make_user(name))
    return client


def make(client: Client, **extra: Any) -> Any:
    return client.post(LINK, {}, content_type="application/json", **extra)


def reads(address: str) -> int:
    return Client().get(urlsplit(address).path).status_code


def test_an_address_is_told_once_replaced_and_ended() -> None:
    ana = app_of("ana")
    assert ana.get(LINK).json() == {"created_at": None}

    made = make(ana)
    first = made.json()["address"]
    assert (made.status_code, reads(first)) == (201, 200)
    assert ana.get(LINK).json() == {"created_at": made.json()["created_at"]}

    second = make(ana).json()["address"]
    assert (reads(first), reads(second)) == (404, 200)

    assert ana.delete(LINK).status_code == 204
    assert (reads(second), ana.get(LINK).json()) == (404, {"created_at": None})
    assert ana.delete(LINK).status_code == 204


def test_a_call_that_is_repeated_ends_no_address() -> None:
    ana = app_of("ana")
    first, again = (make(ana, headers={"idempotency-key": "k"}).json()["address"] for _ in range(2))
    assert (first == again, reads(first)) == (True, 200)


def test_another_persons_address_stays() -> None:
    ana, ben = app_of("ana"), app_of("ben")
    address = make(ana).json()["address"]
    ben.delete(LINK)
    assert reads(address) == 200
    assert ben.get(LINK).json() == {"created_at": None}


def test_what_it_does_not_know_is_refused() -> None:
    ana = app_of("ana")
    answer = ana.post(LINK, {"name": "mine"}, content_type="application/json")
    assert answer.status_code == 400
    assert ana.get(LINK).json() == {"created_at": None}
