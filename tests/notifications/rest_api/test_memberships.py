import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from accounts.service_tokens import make_service_token
from notifications.models import CourseMembership, InboxItem
from tests.factories import COURSE, NOW, make_member, make_user

pytestmark = pytest.mark.django_db
ADDRESS = f"/api/v1/courses/{COURSE}/memberships/"


def service(*scopes: str) -> dict[str, str]:
    clear = make_service_token(name="lms", scopes=scopes, made_by_id=None, expires_at=None, now=NOW)
    return {"authorization": f"Bearer {clear}"}


def send(rows: Any, headers: dict[str, str] | None = None, address: str = ADDRESS, **more: Any) -> Any:
    body = json.dumps({"memberships": rows, **more})
    headers = service("memberships:write") if headers is None else headers
    return Client().post(address, body, content_type="application/json", headers=headers)


@pytest.fixture
def ana() -> User:
    return make_user("ana", platform_id=101)


def test_memberships_are_made_changed_and_left_alone(ana: User) -> None:
    ben = make_member(make_user("ben"), mode="audit", cohort="1")

    answer = send([{"platform_id": 101, "mode": "verified"}, {"username": "ben", "mode": "verified"}, {"username": "ana", "role": "staff"}])
    again = send([{"platform_id": 101, "mode": "verified"}, {"username": "ben"}])

    assert (answer.status_code, answer.json()) == (200, {"new": 2, "changed": 1, "same": 0})
    assert again.json() == {"new": 0, "changed": 0, "same": 2}
    kept = CourseMembership.objects.get(user=ben)
    assert (kept.mode, kept.cohort, kept.is_active) == ("verified", "1", True)
    assert not InboxItem.objects.exists()


def test_those_who_join_and_leave_hear_of_it_where_it_is_asked(ana: User) -> None:
    make_member(make_user("ben"))
    rows = [{"username": "ana"}, {"username": "ben", "is_active": False}]

    send(rows, tell=True, course_name="Network Science 101")
    send(rows, tell=True)

    told = InboxItem.objects.order_by("message_id").values_list("user__username", "message__context__change")
    assert list(told) == [("ana", "joined"), ("ben", "left")]


def test_one_bad_row_stops_all_and_each_is_named(ana: User) -> None:
    answer = send([{"username": "ana"}, {"username": "nobody"}, {"platform_id": 101}, {"platform_id": 7}])

    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [
        "/memberships/1/username",
        "/memberships/2/platform_id",
        "/memberships/3/platform_id",
    ]
    assert not CourseMembership.objects.exists()


@pytest.mark.parametrize(
    "rows",
    [
        [],
        None,
        "ana",
        [7],
        [{}],
        [{"username": "ana", "platform_id": 101}],
        [{"username": "ana", "role": ""}],
        [{"username": "ana", "role": "x" * 33}],
        [{"username": "ana", "is_active": "yes"}],
        [{"username": "ana", "mode": None}],
        [{"username": "ana", "mode": "a\0b"}],
        [{"username": "ana", "colour": "red"}],
        [{"platform_id": 2**64}],
        [{"platform_id": True}],
        [{"username": "ana"}] * 2_001,
    ],
)
def test_bad_rows_are_problems_and_write_nothing(ana: User, rows: Any) -> None:
    answer = send(rows)

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert not CourseMembership.objects.exists()


@pytest.mark.parametrize("scopes", [(), ("tests:read",)])
def test_another_token_may_not(ana: User, scopes: tuple[str, ...]) -> None:
    assert send([{"username": "ana"}], service(*scopes)).status_code == 403


def test_an_operator_may_and_a_learner_may_not(ana: User) -> None:
    operator = make_user("operator")
    operator.is_staff = True
    operator.save()
    operator.user_permissions.add(Permission.objects.get(codename="change_coursemembership"))
    client = Client()
    answers = []
    for person in (ana, operator):
        client.force_login(person)
        answers.append(client.post(ADDRESS, {"memberships": [{"username": "ana"}]}, content_type="application/json").status_code)

    assert answers == [403, 200]


def test_a_key_that_no_course_has_is_not_found(ana: User) -> None:
    assert send([{"username": "ana"}], address=f"/api/v1/courses/{'x' * 192}/memberships/").status_code == 404


def test_a_dry_run_tells_what_would_change_and_neither_writes_nor_tells(ana: User) -> None:
    answer = send([{"username": "ana"}], tell=True, dry_run=True)

    assert answer.json() == {"new": 1, "changed": 0, "same": 0}
    assert not CourseMembership.objects.exists()
    assert not InboxItem.objects.exists()
