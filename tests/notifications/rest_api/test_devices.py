import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from channels_ace.api import ContactPoint
from notifications.rest_api.devices import MOST
from tests.factories import make_contact, make_user

TOKEN = "dGhpcyBpcyBub3QgYSB0b2tlbg:APA91b-9f3c"


@pytest.fixture
def owner(db: None) -> User:
    return make_user()


@pytest.fixture
def client(owner: User) -> Client:
    return signed_in(owner)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def register(client: Client, body: object) -> Any:
    return client.post("/api/v1/devices/", json.dumps(body), content_type="application/json")


def ids(client: Client) -> list[str]:
    return [device["id"] for device in client.get("/api/v1/devices/").json()["devices"]]


@pytest.mark.parametrize(("kind", "kept"), [("token", "device_token"), ("installation", "device_fid")])
def test_a_device_is_registered_and_listed_without_its_address(client: Client, owner: User, kind: str, kept: str) -> None:
    answer = register(client, {"kind": kind, "address": TOKEN})

    assert answer.status_code == 201
    assert (answer.json()["kind"], answer.json()["ends_in"]) == (kind, "…9f3c")
    assert ids(client) == [answer.json()["id"]]
    point = ContactPoint.objects.get(user=owner)
    assert (point.kind, point.address, point.verified_at is not None) == (kept, TOKEN, True)
    assert TOKEN not in client.get("/api/v1/devices/").content.decode()


def test_registered_again_it_is_the_same_device(client: Client) -> None:
    first = register(client, {"kind": "token", "address": TOKEN})
    again = register(client, {"kind": "token", "address": TOKEN})
    assert (again.status_code, again.json()["id"], len(ids(client))) == (200, first.json()["id"], 1)


def test_registered_by_the_next_person_it_leaves_the_last_one(client: Client) -> None:
    register(client, {"kind": "token", "address": TOKEN})
    other = signed_in(make_user())
    assert register(other, {"kind": "token", "address": TOKEN}).status_code == 201
    assert (ids(client), len(ids(other))) == ([], 1)


def test_a_removed_device_is_gone_and_can_come_back(client: Client) -> None:
    found = register(client, {"kind": "token", "address": TOKEN}).json()["id"]
    assert client.delete(f"/api/v1/devices/{found}/").status_code == 204
    assert client.delete(f"/api/v1/devices/{found}/").status_code == 404
    assert register(client, {"kind": "token", "address": TOKEN}).status_code == 201


def test_another_persons_device_is_not_found_and_stays(client: Client) -> None:
    other = signed_in(make_user())
    found = register(other, {"kind": "token", "address": TOKEN}).json()["id"]
    assert client.delete(f"/api/v1/devices/{found}/").status_code == 404
    assert ids(other) == [found]


def test_a_phone_number_is_no_device(client: Client, owner: User) -> None:
    make_contact(owner, "phone")
    assert ids(client) == []


def test_there_is_an_end_to_how_many_devices_a_person_has(client: Client, owner: User) -> None:
    for _ in range(MOST):
        make_contact(owner, "device_token")
    answer = register(client, {"kind": "token", "address": TOKEN})
    assert answer.status_code == 409
    assert len(ids(client)) == MOST


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"kind": "token"}, "/address"),
        ({"kind": "token", "address": ""}, "/address"),
        ({"kind": "token", "address": "two\nlines"}, "/address"),
        ({"kind": "token", "address": "tökén"}, "/address"),
        ({"kind": "token", "address": "x" * 4097}, "/address"),
        ({"kind": "token", "address": 7.5e400}, ""),
        ({"kind": "pager", "address": TOKEN}, "/kind"),
        ({"kind": "token", "address": TOKEN, "user": 1}, "/user"),
        ([], ""),
    ],
)
def test_what_is_no_device_is_refused_with_its_place(client: Client, body: object, path: str) -> None:
    answer = register(client, body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert path in [error["path"] for error in answer.json().get("errors", [])] or not path
    assert ids(client) == []
