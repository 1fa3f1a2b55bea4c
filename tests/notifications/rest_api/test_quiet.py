import json
from typing import Any

import pytest
from django.test import Client

from notifications.api import Rest
from tests.factories import make_user

QUIET = {"paused_until": None, "opens": 9, "closes": 18, "days": [0, 1, 2]}


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def change(client: Client, body: object) -> Any:
    return client.patch("/api/v1/preferences/quiet/", json.dumps(body), content_type="application/json")


def test_quiet_is_kept_and_shown_and_what_is_left_out_stays(client: Client) -> None:
    assert client.get("/api/v1/preferences/quiet/").json() == {"paused_until": None, "opens": 0, "closes": 24, "days": list(range(7))}
    assert change(client, QUIET).json() == QUIET
    assert change(client, {"opens": 10}).json() == QUIET | {"opens": 10}


@pytest.mark.parametrize(
    "body",
    [
        {"opens": 18, "closes": 9},
        {"opens": 24},
        {"closes": "late"},
        {"days": []},
        {"days": [7]},
        {"paused_until": "2020-01-01T00:00:00Z"},
        {"paused_until": "soon"},
        {"days": [1], "opens": 30},
        {"days": [1], "hush": True},
        [],
    ],
)
def test_what_cannot_be_is_refused_and_nothing_of_it_is_saved(client: Client, body: object) -> None:
    answer = change(client, body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Rest.objects.exists()
