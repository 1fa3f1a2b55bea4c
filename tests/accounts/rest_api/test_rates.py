from datetime import UTC, datetime
from typing import Any

import pytest
import redis
import time_machine
from django.test import Client

from accounts import rates
from accounts.models import RateCount
from tests.factories import make_user

NOW = datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC)
ADDRESS = "/api/v1/inbox/counts/"


@pytest.fixture(params=["redis", "database"])
def counted(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    settings.API_RATES = {"address": (4, 60), "person": (2, 60)}
    store = rates._redis() if request.param == "redis" else None
    if request.param == "redis" and store is None:
        pytest.skip("there is no Redis here")
    monkeypatch.setattr(rates, "_redis", lambda: store)
    if store is not None:
        for key in store.scan_iter("carillon:rate:*"):
            store.delete(key)


def signed_in() -> Client:
    client = Client()
    client.force_login(make_user())
    return client


@time_machine.travel(NOW, tick=False)
def test_each_person_has_a_rate_of_their_own(counted: None) -> None:
    first, second = signed_in(), signed_in()

    answers = [first.get(ADDRESS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"address";q=4;w=60, "person";q=2;w=60'
    assert answers[0].headers["RateLimit"] == '"address";r=3;t=50, "person";r=1;t=50'
    assert answers[2].headers["Retry-After"] == "50"
    assert answers[2].headers["Content-Type"] == "application/problem+json"
    assert answers[2].json()["type"] == "urn:carillon:problem:throttled"
    assert second.get(ADDRESS).status_code == 200


@time_machine.travel(NOW, tick=False)
def test_an_address_is_counted_before_anybody_is_known(counted: None) -> None:
    answers = [Client().get(ADDRESS, headers={"authorization": f"Bearer guess{number}"}) for number in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 429]
    assert answers[4].headers["Retry-After"] == "50"
    assert answers[4].json()["detail"] == "Too many calls from this address."


def test_the_next_window_begins_anew(counted: None) -> None:
    client = signed_in()
    with time_machine.travel(NOW, tick=False):
        for _ in range(3):
            client.get(ADDRESS)

    with time_machine.travel(datetime(2026, 3, 2, 12, 1, tzinfo=UTC), tick=False):
        assert client.get(ADDRESS).status_code == 200


def test_pages_are_not_counted(counted: None) -> None:
    assert "RateLimit" not in Client().get("/healthz").headers


def test_what_was_counted_is_forgotten_after_its_window(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_RATES = {"person": (2, 60)}
    monkeypatch.setattr(rates, "_redis", lambda: None)
    rates.count_call("person", "person:1", NOW)
    rates.count_call("person", "person:1", datetime(2026, 3, 2, 13, tzinfo=UTC))

    assert rates.forget_counts(datetime(2026, 3, 2, 13, tzinfo=UTC)) == 1
    assert RateCount.objects.get().used == 1


def test_an_answer_of_the_api_is_not_kept_by_caches(db: None) -> None:
    assert "no-store" in Client().get(ADDRESS).headers["Cache-Control"]
    assert "no-store" in signed_in().get(ADDRESS).headers["Cache-Control"]


def test_with_redis_away_the_database_counts(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_RATES = {"person": (2, 60)}
    nobody_there = redis.Redis(port=9, socket_connect_timeout=0.2)
    monkeypatch.setattr(rates, "_redis", lambda: nobody_there)

    uses = [rates.count_call("person", "person:1", NOW) for _ in range(3)]

    assert [use.used for use in uses if use is not None] == [1, 2, 3]
    assert RateCount.objects.get().used == 3
