import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.service_tokens import make_service_token
from accounts.signed_in_apps import sign_in
from notifications.models import CourseDate, CourseMembership, InboxItem, ServiceMessage
from notifications.service_messages import plan_due
from tests.factories import COURSE, make_member, make_user

pytestmark = pytest.mark.django_db
OTHER = "course-v1:Other+X+1"
MESSAGES = "/api/v1/messages/"
SAID = {"texts": {"title": {"en": "Room 4"}}, "audience": {"course": {"key": COURSE}}}


@pytest.fixture
def teacher() -> User:
    return make_member(make_user("teacher"), role="staff")


@pytest.fixture
def ana() -> User:
    return make_member(make_user("ana"))


def as_person(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post(client: Client, address: str, body: object) -> Any:
    return client.post(address, json.dumps(body), content_type="application/json", headers={"idempotency-key": uuid4().hex})


def test_a_team_says_something_to_its_course_and_every_one_of_it_follows_that(teacher: User, ana: User) -> None:
    colleague = make_member(role="instructor")
    asked = post(as_person(teacher), MESSAGES, SAID)
    plan_due(timezone.now())

    assert asked.status_code == 202, asked.content
    assert set(InboxItem.objects.values_list("user", flat=True)) == {teacher.pk, ana.pk, colleague.pk}
    assert ServiceMessage.objects.get().scope == COURSE
    told = as_person(colleague).get(MESSAGES).json()["items"]
    assert [(one["id"], one["state"]) for one in told] == [(asked.json()["id"], "planned")]
    assert post(as_person(colleague), f"{asked['Location']}cancellation/", {}).status_code == 200


def test_an_app_of_somebody_of_the_team_may_too(teacher: User, ana: User) -> None:
    app = Client(headers={"authorization": f"Bearer {sign_in(teacher, 'phone', timezone.now()).access}"})

    assert post(app, MESSAGES, SAID).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        {**SAID, "audience": {"course": {"key": OTHER}}},
        {**SAID, "audience": {"usernames": ["ana"]}},
        {**SAID, "audience": {"platform_ids": [101]}},
        {**SAID, "audience": {"everyone": True}},
        {**SAID, "scope": OTHER},
        {**SAID, "scope": "study:1"},
        {"type": "studies.text", "context": {}, "audience": SAID["audience"]},
    ],
)
def test_a_team_says_nothing_to_others_nor_of_anything_else(teacher: User, ana: User, body: dict[str, Any]) -> None:
    make_member(ana, OTHER)

    assert post(as_person(teacher), MESSAGES, body).status_code == 403
    assert not ServiceMessage.objects.exists()


def test_a_type_that_nobody_knows_is_refused_as_that(teacher: User) -> None:
    answers = [
        post(as_person(teacher), MESSAGES, {"type": name, "audience": SAID["audience"]}) for name in ("no.type", "account.phone_code")
    ]

    assert [answer.status_code for answer in answers] == [400, 400]


def test_what_another_team_or_service_said_is_not_there(teacher: User) -> None:
    other_team = as_person(make_member(make_user(), OTHER, role="staff"))
    clear = make_service_token(name="lms", scopes=["messages:send"], made_by_id=None, expires_at=None, now=timezone.now())
    by_service = post(Client(headers={"authorization": f"Bearer {clear}"}), MESSAGES, {**SAID, "scope": COURSE})
    by_team = post(as_person(teacher), MESSAGES, SAID)

    assert [other_team.get(answer["Location"]).status_code for answer in (by_team, by_service)] == [404, 404]
    assert post(other_team, f"{by_team['Location']}cancellation/", {}).status_code == 404
    assert as_person(teacher).get(by_service["Location"]).status_code == 404
    assert other_team.get(MESSAGES).json()["items"] == []


def test_what_became_of_it_for_one_learner_is_not_for_the_team(teacher: User, ana: User) -> None:
    asked = post(as_person(teacher), MESSAGES, SAID)

    assert as_person(teacher).get(f"{asked['Location']}recipients/ana/").status_code == 403


def test_a_team_keeps_dates_and_memberships_of_its_own_course_alone(teacher: User, ana: User) -> None:
    client, new = as_person(teacher), make_user("ben")
    dates = {"dates": [{"external_id": "lab", "title": "Lab", "when": "2026-12-01"}]}
    members = {"memberships": [{"username": "ben", "mode": "audit"}]}
    works = {"submissions": [{"username": "ana", "external_id": "lab"}]}
    calls = [("dates", dates), ("memberships", members), ("submissions", works)]

    own, others = (
        [post(client, f"/api/v1/courses/{course}/{name}/", body).status_code for name, body in calls] for course in (COURSE, OTHER)
    )

    assert (own, others) == ([200, 200, 200], [404, 404, 404])
    assert set(CourseDate.objects.values_list("course_key", flat=True)) == {COURSE}
    assert set(CourseMembership.objects.filter(user=new).values_list("course_key", "role")) == {(COURSE, "learner")}


@pytest.mark.parametrize("row", [{"username": "ana", "role": "staff"}, {"username": "colleague", "role": "instructor", "is_active": False}])
def test_a_team_does_not_say_who_is_in_the_team(teacher: User, ana: User, row: dict[str, Any]) -> None:
    make_member(make_user("colleague"), role="instructor")
    before = set(CourseMembership.objects.values_list("user", "role", "is_active"))

    answer = post(as_person(teacher), f"/api/v1/courses/{COURSE}/memberships/", {"memberships": [{"username": "ana"}, row]})

    assert answer.status_code == 403
    assert set(CourseMembership.objects.values_list("user", "role", "is_active")) == before


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "moderator"}])
def test_who_is_no_longer_in_the_team_may_nothing(teacher: User, change: dict[str, Any]) -> None:
    sent = post(as_person(teacher), MESSAGES, SAID)["Location"]
    CourseMembership.objects.update(**change)
    client = as_person(teacher)

    assert [client.get(address).status_code for address in (MESSAGES, sent, f"/api/v1/courses/{COURSE}/dates/")] == [403, 403, 403]
    assert post(client, MESSAGES, SAID).status_code == 403
