import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from accounts.service_tokens import make_service_token
from channels_ace.api import Delivery
from notifications.date_reminders import tick_dates
from notifications.models import CourseDate, DateChoice, InboxItem, Submission
from tests.factories import COURSE, NOW, make_member, make_user

pytestmark = pytest.mark.django_db
DATES = f"/api/v1/courses/{COURSE}/dates/"
WORKS = f"/api/v1/courses/{COURSE}/submissions/"
LAB = {"external_id": "lab3", "title": "Lab 3", "when": "2026-03-09T22:00:00+01:00"}
DUE = datetime(2026, 3, 9, 21, tzinfo=UTC)
EVE = DUE - timedelta(days=1)


@pytest.fixture
def lms() -> dict[str, str]:
    scopes = ["dates:read", "dates:write"]
    clear = make_service_token(name="lms", scopes=scopes, made_by_id=None, expires_at=None, now=NOW)
    return {"authorization": f"Bearer {clear}"}


@pytest.fixture
def ana() -> User:
    return make_member(make_user("ana", email="ana@example.org", platform_id=101))


def keep(lms: dict[str, str], *dates: Any) -> Any:
    return Client().post(DATES, json.dumps({"dates": dates}), content_type="application/json", headers=lms)


def hand_in(lms: dict[str, str], *works: Any) -> Any:
    return Client().post(WORKS, json.dumps({"submissions": works}), content_type="application/json", headers=lms)


def told(user: User) -> list[str]:
    return list(InboxItem.objects.filter(user=user).order_by("message_id").values_list("message__type", flat=True))


def test_dates_are_made_moved_and_listed(lms: dict[str, str], ana: User) -> None:
    assert keep(lms, LAB, {**LAB, "username": "ana", "when": "2026-03-12"}).json() == {"new": 2, "moved": 0, "changed": 0, "same": 0}
    assert keep(lms, {**LAB, "when": "2026-03-10T22:00:00+01:00"}).json() == {"new": 0, "moved": 1, "changed": 0, "same": 0}

    page = Client().get(DATES, headers=lms).json()

    assert [(row["when"], row["username"], row["times_moved"]) for row in page["dates"]] == [
        ("2026-03-10T21:00:00+00:00", "", 1),
        ("2026-03-12", "ana", 0),
    ]
    assert page["next_cursor"] is None


def test_a_long_list_goes_on(lms: dict[str, str]) -> None:
    keep(lms, *({**LAB, "external_id": f"lab{number}"} for number in range(130)))
    first = Client().get(DATES, headers=lms).json()
    second = Client().get(DATES, {"cursor": first["next_cursor"]}, headers=lms).json()

    assert (len(first["dates"]), len(second["dates"]), second["next_cursor"]) == (100, 30, None)


def test_who_was_told_of_a_date_hears_when_it_moves(lms: dict[str, str], ana: User) -> None:
    with time_machine.travel(EVE - timedelta(days=3), tick=False):
        keep(lms, LAB)
    tick_dates(EVE)
    moved = EVE + timedelta(hours=2)
    with time_machine.travel(moved, tick=False):
        keep(lms, {**LAB, "when": "2026-03-20T22:00:00+01:00"})
    tick_dates(moved)

    assert told(ana) == ["dates.assignment_due", "dates.due_date_changed"]


def test_whose_calendar_reminds_them_hears_of_changes_only(lms: dict[str, str], ana: User) -> None:
    DateChoice.objects.create(user=ana, changes_only=True)
    keep(lms, LAB)
    tick_dates(EVE)
    assert told(ana) == []

    with time_machine.travel(EVE, tick=False):
        keep(lms, {**LAB, "when": "2026-03-20T22:00:00+01:00"})
    tick_dates(EVE)

    assert told(ana) == ["dates.due_date_changed"]


def test_a_date_that_is_taken_back_reminds_nobody(lms: dict[str, str], ana: User) -> None:
    keep(lms, LAB)
    answers = [Client().delete(f"{DATES}{name}/", headers=lms).status_code for name in ("lab3", "lab3", "lab4")]
    tick_dates(EVE)

    assert (answers, told(ana)) == ([204, 204, 404], [])
    assert Client().get(DATES, headers=lms).json()["dates"][0]["is_cancelled"] is True


def test_a_step_of_an_assessment_has_a_type_of_its_own(lms: dict[str, str], ana: User) -> None:
    keep(lms, {**LAB, "kind": "ora_step"})
    tick_dates(EVE)

    assert told(ana) == ["dates.ora_step_due"]


def test_one_bad_date_stops_all_and_each_is_named(lms: dict[str, str]) -> None:
    answer = keep(lms, LAB, {**LAB, "external_id": "b", "when": "soon"}, {**LAB, "external_id": "c", "link": "javascript:x"})

    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == ["/dates/1", "/dates/2"]
    assert not CourseDate.objects.exists()


@pytest.mark.parametrize(
    "dates",
    [
        [],
        [7],
        [{}],
        [{**LAB, "kind": "party"}],
        [{**LAB, "title": "x" * 201}],
        [{**LAB, "title": ""}],
        [{**LAB, "when": 7}],
        [{**LAB, "when": "2026-03-09T22:00:00"}],
        [{**LAB, "when": "1026-03-09"}],
        [{**LAB, "username": "nobody"}],
        [{**LAB, "link": "https://evil.example/"}],
        [{**LAB, "is_cancelled": "no"}],
        [{**LAB, "colour": "red"}],
        [LAB, LAB],
        [LAB] * 1_001,
    ],
)
def test_bad_dates_are_problems_and_write_nothing(lms: dict[str, str], dates: list[Any]) -> None:
    answer = keep(lms, *dates)

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert not CourseDate.objects.exists()


def test_what_was_handed_in_is_not_reminded_of(lms: dict[str, str], ana: User) -> None:
    keep(lms, LAB)
    assert hand_in(lms, {"platform_id": 101, "external_id": "lab3"}).json() == {"kept": 1, "withdrawn": 0}
    tick_dates(EVE)
    assert told(ana) == []

    assert hand_in(lms, {"username": "ana", "external_id": "lab3", "is_withdrawn": True}).json() == {"kept": 0, "withdrawn": 1}
    assert not Submission.objects.exists()


def test_a_reminder_that_waits_is_cancelled_for_who_handed_in(lms: dict[str, str], ana: User) -> None:
    ben = make_member(make_user("ben", email="ben@example.org"))
    keep(lms, LAB, {**LAB, "external_id": "other"})
    tick_dates(EVE)
    waiting = Delivery.objects.filter(channel="email", message__type="dates.assignment_due")
    waiting.update(state="deferred", reason="quiet_hours")

    hand_in(lms, {"platform_id": 101, "external_id": "lab3"})

    states = set(waiting.values_list("user__username", "message__context__assignment", "state", "reason"))
    assert len(waiting) == 4
    assert {(state, reason) for name, _title, state, reason in states if name == ben.username} == {("deferred", "quiet_hours")}
    assert sorted(waiting.filter(user=ana).values_list("state", "reason")) == [("cancelled", "handed_in"), ("deferred", "quiet_hours")]


@pytest.mark.parametrize(
    "work",
    [
        {},
        {"platform_id": 101},
        {"platform_id": 7, "external_id": "lab3"},
        {"username": "ana", "platform_id": 101, "external_id": "lab3"},
        {"username": "ana", "external_id": "lab3", "submitted_at": "today"},
        {"username": "ana", "external_id": ""},
        {"username": "ana", "external_id": "x" * 192},
    ],
)
def test_bad_submissions_are_problems_and_write_nothing(lms: dict[str, str], ana: User, work: dict[str, Any]) -> None:
    answer = hand_in(lms, {"username": "ana", "external_id": "good"}, work)

    assert answer.status_code == 400
    assert not Submission.objects.exists()


@pytest.mark.parametrize(("method", "address"), [("get", DATES), ("post", DATES), ("post", WORKS), ("delete", f"{DATES}lab3/")])
def test_a_learner_and_another_token_may_not(ana: User, method: str, address: str) -> None:
    client = Client()
    client.force_login(ana)
    clear = make_service_token(name="x", scopes=["memberships:write"], made_by_id=None, expires_at=None, now=NOW)
    by_token = getattr(Client(), method)(address, headers={"authorization": f"Bearer {clear}"})

    assert (getattr(client, method)(address).status_code, by_token.status_code) == (403, 403)


def test_a_dry_run_tells_what_would_change_and_writes_nothing(lms: dict[str, str]) -> None:
    asked = {"dates": [LAB, {**LAB, "external_id": "lab4"}], "dry_run": True}

    answer = Client().post(DATES, json.dumps(asked), content_type="application/json", headers=lms)

    assert answer.json() == {"new": 2, "moved": 0, "changed": 0, "same": 0}
    assert not CourseDate.objects.exists()
