"""Every other choice of the settings page, for apps that draw a page of their own."""

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from notifications.api import EmailCadence, Mute, Preference
from tests.factories import COURSE, NOW, make_user

P = "/api/v1/preferences/"


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana", time_zone="Europe/Madrid", email="ana@example.org")


@pytest.fixture
def client(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def send(client: Client, method: str, address: str, body: object) -> Any:
    return getattr(client, method)(address, json.dumps(body), content_type="application/json")


def test_cadences_are_listed_and_chosen(client: Client) -> None:
    listed = client.get(f"{P}cadences/").json()
    scopes = {row["scope"]: row["cadence"] for row in listed["cadences"]}
    assert (scopes["discussion.activity"], "account.password_changed" in scopes) == ("now", False)
    assert [choice["value"] for choice in listed["choices"]] == ["now", "daily", "weekly"]

    assert send(client, "patch", f"{P}cadences/discussion/", {"cadence": "weekly"}).json() == {"cadence": "weekly"}

    assert {row["scope"]: row["cadence"] for row in client.get(f"{P}cadences/").json()["cadences"]}["discussion.activity"] == "weekly"


def test_a_whole_channel_is_turned_off_and_on_again(client: Client) -> None:
    off = send(client, "patch", f"{P}channels/email/", {"is_on": False}).json()
    listed = {row["channel"]: row for row in client.get(f"{P}channels/").json()["channels"]}

    assert (off["is_on"], listed["email"]["is_on"], listed["email"]["reaches_you"]) == (False, False, True)
    assert listed["sms"]["reaches_you"] is False
    assert listed["sms"]["add_url"].endswith("/settings/phone/")
    assert listed["sms"]["why_not"]
    assert send(client, "patch", f"{P}channels/email/", {"is_on": True}).json()["is_on"] is True
    assert not Preference.objects.exists()


def test_a_thread_is_muted_listed_and_heard_of_again(client: Client, ana: User) -> None:
    key = f"thread:{COURSE}|64f0"
    for _again in range(2):
        made = send(client, "post", "/api/v1/mutes/", {"key": key, "label": "Who answers?"})
    (one,) = client.get("/api/v1/mutes/").json()["mutes"]

    assert (made.status_code, one["key"], one["kind"], one["label"]) == (201, key, "Discussion thread", "Who answers?")
    Mute.objects.create(user=make_user("ben"), key="study:7", muted_at=NOW)
    answers = [client.delete(f"/api/v1/mutes/?key={name}").status_code for name in (key.replace("+", "%2B"), "study:7", "x")]
    assert answers == [204, 404, 404]
    assert Mute.objects.get().key == "study:7"


def test_zone_and_language_are_changed_together_or_not_at_all(client: Client) -> None:
    assert client.get(f"{P}place/").json() == {"zone": "Europe/Madrid", "language": "en"}
    assert send(client, "patch", f"{P}place/", {"zone": "Asia/Kolkata"}).json() == {"zone": "Asia/Kolkata", "language": "en"}

    bad = send(client, "patch", f"{P}place/", {"language": "ar", "zone": "Mars/Olympus"})

    assert ([error["path"] for error in bad.json()["errors"]], client.get(f"{P}place/").json()["language"]) == (["/zone"], "en")


def test_summaries_come_when_they_are_wanted(client: Client) -> None:
    assert client.get(f"{P}summaries/").json() == {"hour": 17, "weekday": 0}
    assert send(client, "patch", f"{P}summaries/", {"hour": 7}).json() == {"hour": 7, "weekday": 0}
    assert send(client, "patch", f"{P}summaries/", {"weekday": 6}).json() == {"hour": 7, "weekday": 6}


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("patch", f"{P}cadences/discussion/", {"cadence": "hourly"}, 400),
        ("patch", f"{P}cadences/discussion/", {}, 400),
        ("patch", f"{P}cadences/account.password_changed/", {"cadence": "daily"}, 404),
        ("patch", f"{P}cadences/nothing/", {"cadence": "daily"}, 404),
        ("patch", f"{P}channels/email/", {"is_on": "no"}, 400),
        ("patch", f"{P}channels/pigeon/", {"is_on": False}, 404),
        ("post", "/api/v1/mutes/", {"key": ""}, 400),
        ("post", "/api/v1/mutes/", {"key": "x" * 256}, 400),
        ("post", "/api/v1/mutes/", {"key": "study:7", "label": ["x"]}, 400),
        ("patch", f"{P}place/", {"zone": ""}, 400),
        ("patch", f"{P}place/", {"language": "xx"}, 400),
        ("patch", f"{P}summaries/", {"hour": 24}, 400),
        ("patch", f"{P}summaries/", {"weekday": -1}, 400),
        ("patch", f"{P}summaries/", {"hour": "17h"}, 400),
        ("patch", f"{P}summaries/", {"minute": 5}, 400),
    ],
)
def test_what_cannot_be_chosen_is_a_problem_and_changes_nothing(client: Client, method: str, address: str, body: Any, status: int) -> None:
    answer = send(client, method, address, body)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert [model.objects.count() for model in (EmailCadence, Mute, Preference)] == [0, 0, 0]
