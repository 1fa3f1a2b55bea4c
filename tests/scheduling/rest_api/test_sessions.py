from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from scheduling.models import Completion
from studies.api import Enrollment, StudyRole
from tests.factories import make_user
from tests.scheduling.worlds import join, make_study

DAYS_AGO = 3


@pytest.fixture
def enrollment(db: None) -> Enrollment:
    start = timezone.now() - timedelta(days=DAYS_AGO)
    return join(make_study(start), start)


@pytest.fixture
def client(enrollment: Enrollment) -> Client:
    return signed_in(enrollment.user)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(enrollment: Enrollment, days: int = 14) -> str:
    first = enrollment.enrolled_date
    return f"/api/v1/enrollments/{enrollment.public_id}/sessions/?from={first}&to={first + timedelta(days=days)}"


def first_session(client: Client, enrollment: Enrollment) -> dict[str, Any]:
    found: dict[str, Any] = client.get(address(enrollment)).json()["items"][0]
    return found


def report(client: Client, enrollment: Enrollment, session_id: str, body: object) -> Any:
    path = f"/api/v1/enrollments/{enrollment.public_id}/sessions/{session_id}/completion/"
    return client.post(path, body, content_type="application/json")


def a_report(session: dict[str, Any], **further: Any) -> dict[str, Any]:
    return {"started_at": session["opens_at"], "finished_at": session["opens_at"], "client_data": {"app": "2.1"}, **further}


def test_sessions_come_with_their_windows_and_states(client: Client, enrollment: Enrollment) -> None:
    answer = client.get(address(enrollment))

    assert answer.status_code == 200
    assert answer.json()["time_zone"] == "America/New_York"
    first, *_, last = answer.json()["items"]
    assert first.keys() == {*("id", "series", "burst", "day", "date", "task", "label", "opens_at", "closes_at", "state", "is_extension")}
    assert (first["burst"], first["day"], first["date"]) == (1, 1, str(enrollment.enrolled_date))
    assert first["opens_at"] < first["closes_at"]
    assert isinstance(first["label"], str)
    assert last["state"] == "not_yet_available"


def test_days_do_not_cost_queries(client: Client, enrollment: Enrollment) -> None:
    client.get(address(enrollment))
    with CaptureQueriesContext(connection) as one:
        client.get(address(enrollment, days=1))
    with CaptureQueriesContext(connection) as many:
        client.get(address(enrollment, days=92))

    assert len(many) == len(one)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "?from"),
        ("?from=2026-03-02", "?to"),
        ("?from=2026-03-02&to=2026-03-02", "?to"),
        ("?from=2026-03-02&to=2026-03-01", "?to"),
        ("?from=2026-03-02&to=2026-06-03&cursor=x", "?cursor"),
        ("?from=2026-02-30&to=2026-03-03", "?from"),
        ("?from=20260302&to=2026-03-03", "?from"),
        ("?from=2026-W10-1&to=2026-03-03", "?from"),
        ("?from=0001-01-01&to=0001-01-02", "?from"),
        ("?from=9999-12-30&to=9999-12-31", "?from"),
        ("?from=٢٠٢٦-03-02&to=2026-03-03", "?from"),
        ("?from=%00&to=2026-03-03", "?from"),
        ("?from=2026-03-02&to=2026-03-03&zone=UTC", "?zone"),
        ("?from=2026-03-02&from=2026-03-01&to=2026-03-03", "?from"),
    ],
)
def test_a_range_that_means_nothing_is_refused(client: Client, enrollment: Enrollment, query: str, path: str) -> None:
    answer = client.get(f"/api/v1/enrollments/{enrollment.public_id}/sessions/{query}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert path in [error["path"] for error in answer.json()["errors"]]


def test_any_range_comes_by_pages_that_end_with_a_day(client: Client, enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduling.rest_api.sessions.PAGE_SIZE", 40)
    path = address(enrollment, days=800)

    pages = [client.get(path).json()]
    while pages[-1]["next_cursor"]:
        pages.append(client.get(f"{path}&cursor={pages[-1]['next_cursor']}").json())

    ids = [item["id"] for page in pages for item in page["items"]]
    assert [len(page["items"]) for page in pages] == [40, 40, 40, 6]
    assert len(ids) == len(set(ids)) == 126
    assert client.get(f"{address(enrollment, days=799)}&cursor={pages[0]['next_cursor']}").status_code == 400


def test_fifteen_days_at_a_time_give_the_same(client: Client, enrollment: Enrollment) -> None:
    first = enrollment.enrolled_date
    ids = []
    for days in range(0, 915, 15):
        start = first + timedelta(days=days)
        found = client.get(f"/api/v1/enrollments/{enrollment.public_id}/sessions/?from={start}&to={start + timedelta(days=15)}").json()
        ids += [item["id"] for item in found["items"]]

    assert len(ids) == len(set(ids)) == 126


def test_a_completion_is_recorded_once_and_answered_alike_twice(client: Client, enrollment: Enrollment) -> None:
    session = first_session(client, enrollment)

    first = report(client, enrollment, session["id"], a_report(session))
    again = report(client, enrollment, session["id"], a_report(session))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["client_data"] == {"app": "2.1"}
    assert Completion.objects.count() == 1
    assert first_session(client, enrollment)["state"] == "completed"


def test_a_time_in_another_offset_is_the_same_time(client: Client, enrollment: Enrollment) -> None:
    session = first_session(client, enrollment)

    answer = report(client, enrollment, session["id"], {"finished_at": "2026-03-02T09:30:00.5+05:30"})

    assert answer.json()["finished_at"] == "2026-03-02T04:00:00.500000Z"


def test_a_session_that_has_not_opened_cannot_be_completed(client: Client, enrollment: Enrollment) -> None:
    last = client.get(address(enrollment)).json()["items"][-1]

    answer = report(client, enrollment, last["id"], {"finished_at": "2026-03-02T09:30:00Z"})

    assert answer.status_code == 409
    assert Completion.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"finished_at": "2026-03-02T09:30:00"}, "/finished_at"),
        ({"finished_at": "2026-03-02 09:30:00Z"}, "/finished_at"),
        ({"finished_at": "2026-03-02"}, "/finished_at"),
        ({"finished_at": "2026-02-30T09:30:00Z"}, "/finished_at"),
        ({"finished_at": "2026-03-02T24:00:00Z"}, "/finished_at"),
        ({"finished_at": "2026-03-02T23:59:60Z"}, "/finished_at"),
        ({"finished_at": "0001-01-01T00:00:00+14:00"}, "/finished_at"),
        ({"finished_at": "9999-12-31T23:59:59-12:00"}, "/finished_at"),
        ({"finished_at": "٢٠٢٦-03-02T09:30:00Z"}, "/finished_at"),
        ({"finished_at": 1772443800}, "/finished_at"),
        ({"started_at": "2026-03-02T09:30:00Z", "finished_at": "2026-03-02T09:29:00Z"}, "/finished_at"),
        ({"declined": True, "finished_at": "2026-03-02T09:30:00Z"}, "/declined"),
        ({"declined": "true"}, "/declined"),
        ({"declined": True, "client_data": []}, "/client_data"),
        ({"declined": True, "client_data": {"log": "a" * 20_000}}, "/client_data"),
        ({"declined": True, "enrollment": "x"}, "/enrollment"),
    ],
)
def test_a_report_of_another_shape_is_refused_and_says_where(client: Client, enrollment: Enrollment, body: object, path: str) -> None:
    session = first_session(client, enrollment)

    answer = report(client, enrollment, session["id"], body)

    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert Completion.objects.count() == 0


@pytest.mark.parametrize("session_id", ["x", "a:1:01:0", "tap:99999:01:0", "tap:١:01:0", "a%00b", "a" * 300, "::::"])
def test_a_session_that_is_not_there_is_not_found(client: Client, enrollment: Enrollment, session_id: str) -> None:
    assert report(client, enrollment, session_id, {"declined": True}).status_code == 404


def test_anothers_enrollment_does_not_exist(enrollment: Enrollment) -> None:
    stranger = signed_in(make_user())
    owner_elsewhere = signed_in(make_study(timezone.now()).roles.get().user)

    for caller in (stranger, owner_elsewhere):
        assert caller.get(address(enrollment)).status_code == 404
        assert report(caller, enrollment, "x", {"declined": True}).status_code == 404


def test_a_role_in_the_study_opens_its_enrollments_and_a_viewer_only_looks(client: Client, enrollment: Enrollment) -> None:
    session = first_session(client, enrollment)
    owner = enrollment.study.roles.get().user
    viewer = make_user()
    StudyRole.objects.create(study=enrollment.study, user=viewer, role=StudyRole.Role.VIEWER)

    assert signed_in(viewer).get(address(enrollment)).status_code == 200
    assert report(signed_in(viewer), enrollment, session["id"], a_report(session)).status_code == 403
    assert report(signed_in(owner), enrollment, session["id"], a_report(session)).status_code == 201
