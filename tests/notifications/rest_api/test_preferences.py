import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from notifications.api import Preference
from tests.factories import make_user


@pytest.fixture
def reader(db: None) -> User:
    return make_user()


@pytest.fixture
def client(reader: User) -> Client:
    client = Client()
    client.force_login(reader)
    return client


def cell(client: Client, scope: str, channel: str) -> dict[str, Any]:
    rows = [row for section in client.get("/api/v1/preferences/").json()["sections"] for row in (section["row"], *section["rows"])]
    found: dict[str, Any] = next(cell for row in rows if row["scope"] == scope for cell in row["cells"] if cell["channel"] == channel)
    return found


def choose(client: Client, scope: str, channel: str, body: object) -> Any:
    return client.patch(f"/api/v1/preferences/{scope}/{channel}/", json.dumps(body), content_type="application/json")


def test_a_choice_is_kept_and_shown(client: Client, reader: User) -> None:
    assert cell(client, "discussion", "email")["is_on"] is True

    answer = choose(client, "discussion", "email", {"is_on": False})

    assert answer.status_code == 200
    assert answer.json() == {"channel": "email", "is_on": False, "is_locked": False, "exists": True}
    assert cell(client, "discussion", "email")["is_on"] is False
    assert Preference.objects.get(user=reader).is_on is False


def test_a_locked_switch_stays_as_it_is(client: Client) -> None:
    answer = choose(client, "account.password_changed", "email", {"is_on": False})

    assert answer.status_code == 409
    assert cell(client, "account.password_changed", "email")["is_on"] is True


@pytest.mark.parametrize(
    ("scope", "channel"),
    [("discussion", "pigeon"), ("politics", "email"), ("account.password_changed", "push"), ("a%00b", "email"), ("discussion", "%D9%A1")],
)
def test_a_switch_that_is_not_there_is_not_found(client: Client, scope: str, channel: str) -> None:
    answer = choose(client, scope, channel, {"is_on": False})

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "/is_on"),
        ({"is_on": "yes"}, "/is_on"),
        ({"is_on": 1}, "/is_on"),
        ({"is_on": None}, "/is_on"),
        ({"is_on": True, "user": 1}, "/user"),
        ([], ""),
        ("is_on", ""),
    ],
)
def test_a_body_of_another_shape_is_refused_and_says_where(client: Client, body: object, path: str) -> None:
    answer = choose(client, "discussion", "email", body)

    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert Preference.objects.count() == 0
