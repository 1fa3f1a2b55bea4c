from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import User
from notifications.api import notify
from notifications.rest_api import changes
from tests.factories import COURSE, make_user

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/inbox/changes/"


@pytest.fixture
def reader() -> User:
    return make_user("reader")


@pytest.fixture
def client(reader: User) -> Client:
    client = Client()
    client.force_login(reader)
    return client


def tell(*people: User) -> str:
    return notify(type="other.announcement", audience=people, context={"title": "Hello"}, scope=COURSE).public_id


def ask(client: Client, cursor: str = "") -> Any:
    return client.get(ADDRESS, {"since": cursor} if cursor else {})


def follow(client: Client, cursor: str = "") -> tuple[list[Any], str]:
    answer = ask(client, cursor).json()
    items = answer["items"]
    while answer["has_more"]:
        answer = ask(client, answer["cursor"]).json()
        items += answer["items"]
    return items, answer["cursor"]


def test_an_app_is_led_through_everything_and_then_through_what_changed(
    client: Client, reader: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "PAGE_SIZE", 2)
    told = [tell(reader) for _ in range(5)]
    first, cursor = follow(client)
    client.post(f"/api/v1/inbox/{told[1]}/archiving/", {}, content_type="application/json")

    after, _cursor = follow(client, cursor)

    assert [item["id"] for item in first] == told[::-1]
    (changed,) = [item for item in after if item["id"] == told[1]]
    assert changed["archived_at"] is not None
    assert ask(client).json()["kept_from"] < changed["created_at"]


def test_a_cursor_that_is_too_old_is_gone(client: Client, settings: LazySettings) -> None:
    cursor = ask(client).json()["cursor"]
    settings.INBOX_DAYS = 0

    answer = ask(client, cursor)

    assert answer.status_code == 410
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:carillon:problem:start_over"


def test_a_cursor_is_good_for_its_owner_only(client: Client, reader: User) -> None:
    stranger = make_user()
    other = Client()
    other.force_login(stranger)
    cursor = ask(client).json()["cursor"]

    answer = ask(other, cursor)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "?since"


@pytest.mark.parametrize("query", ["since=foo", "since=", "since=%00", "cursor=x", "since=" + "9" * 700])
def test_a_query_that_means_nothing_is_refused(client: Client, query: str) -> None:
    assert client.get(f"{ADDRESS}?{query}").status_code == 400
