from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.service_tokens import make_service_token
from channels_ace.models import Delivery
from notifications.api import notify
from scheduling.models import ActivityEvent
from studies.api import AuditEntry, Enrollment, StudyRole
from tests.factories import NOW, make_user
from tests.scheduling.worlds import join, make_study

SECOND = "custom:activityBurst2Start"


@pytest.fixture
def enrollment(db: None) -> Enrollment:
    start = timezone.now() - timedelta(days=3)
    return join(make_study(start), start)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def staff_of(enrollment: Enrollment, role: str = StudyRole.Role.COORDINATOR) -> Client:
    user = make_user()
    StudyRole.objects.create(study=enrollment.study, user=user, role=role)
    return signed_in(user)


def service(*scopes: str) -> dict[str, str]:
    token = make_service_token(name="worker", scopes=scopes, made_by_id=None, expires_at=None, now=NOW)
    return {"authorization": f"Bearer {token}"}


def address(enrollment: Enrollment, further: str = "") -> str:
    return f"/api/v1/enrollments/{enrollment.public_id}/{further}"


def put(client: Client, enrollment: Enrollment, event_id: str, body: object, **extra: Any) -> Any:
    return client.put(address(enrollment, f"events/{event_id}/"), body, content_type="application/json", **extra)


def patch(client: Client, enrollment: Enrollment, body: object, **extra: Any) -> Any:
    return client.patch(address(enrollment), body, content_type="application/json", **extra)


def test_a_participant_sees_their_events(enrollment: Enrollment) -> None:
    items = signed_in(enrollment.user).get(address(enrollment, "events/")).json()["items"]

    first = str(enrollment.enrolled_date)
    assert items[0] == {"event_id": "enrollment", "date": first, "state": "generated", "update_type": "immutable"}
    assert [item["event_id"] for item in items[1:]] == [f"custom:activityBurst{number}Start" for number in range(1, 10)]


def test_an_event_is_moved_removed_and_restored_with_its_history(enrollment: Enrollment) -> None:
    client = staff_of(enrollment)
    generated = enrollment.enrolled_date + timedelta(days=91)
    to = generated + timedelta(days=7)

    moved = put(client, enrollment, SECOND, {"date": str(to), "why": "Holiday"})
    again = put(client, enrollment, SECOND, {"date": str(to), "why": "Holiday"})
    removed = client.delete(address(enrollment, f"events/{SECOND}/") + "?why=Ill")
    restored = client.post(address(enrollment, f"events/{SECOND}/restoration/"), {}, content_type="application/json")

    assert moved.status_code == 200
    assert moved.json() == again.json() == {"event_id": SECOND, "date": str(to), "state": "set", "update_type": "mutable"}
    assert (removed.json()["state"], removed.json()["date"]) == ("removed", None)
    assert (restored.json()["state"], restored.json()["date"]) == ("generated", str(generated))
    history = client.get(address(enrollment, f"events/{SECOND}/history/")).json()["items"]
    assert [(item["change"], item["why"]) for item in history] == [("restored", ""), ("removed", "Ill"), ("set", "Holiday")]
    assert {item["who"] for item in history} == {User.objects.latest("pk").username}


def test_a_service_moves_an_event_under_its_name(enrollment: Enrollment) -> None:
    headers = service("studies:read", "studies:write")

    answer = put(Client(), enrollment, SECOND, {"date": "2099-03-02"}, headers=headers)

    assert answer.status_code == 200
    history = Client().get(address(enrollment, f"events/{SECOND}/history/"), headers=headers).json()["items"]
    assert [item["who"] for item in history] == ["worker"]


def test_a_service_needs_the_scope(enrollment: Enrollment) -> None:
    reader = service("studies:read")

    assert Client().get(address(enrollment, "events/"), headers=reader).status_code == 200
    assert put(Client(), enrollment, SECOND, {"date": "2099-03-02"}, headers=reader).status_code == 403
    assert Client().get(address(enrollment), headers=service("studies:send")).status_code == 403
    assert not ActivityEvent.objects.exists()


@pytest.mark.parametrize(
    ("event_id", "body", "status"),
    [
        (SECOND, {"date": "2026-02-30"}, 400),
        (SECOND, {"date": None}, 400),
        (SECOND, {}, 400),
        (SECOND, {"date": "2099-03-02", "why": "x" * 301}, 400),
        (SECOND, {"date": "2099-03-02", "who": "me"}, 400),
        ("custom:nothing", {"date": "2099-03-02"}, 404),
        ("enrollment", {"date": "2099-03-02"}, 409),
    ],
)
def test_what_an_event_cannot_become_is_refused(enrollment: Enrollment, event_id: str, body: object, status: int) -> None:
    answer = put(signed_in(enrollment.user), enrollment, event_id, body)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not ActivityEvent.objects.exists()


@pytest.mark.parametrize("further", ["", "events/", f"events/{SECOND}/history/"])
def test_a_stranger_finds_nothing_and_a_viewer_changes_nothing(enrollment: Enrollment, further: str) -> None:
    stranger, viewer = signed_in(make_user()), staff_of(enrollment, StudyRole.Role.VIEWER)

    assert stranger.get(address(enrollment, further)).status_code == 404
    assert viewer.get(address(enrollment, further)).status_code == 200
    assert put(stranger, enrollment, SECOND, {"date": "2099-03-02"}).status_code == 404
    assert put(viewer, enrollment, SECOND, {"date": "2099-03-02"}).status_code == 403
    assert patch(viewer, enrollment, {"state": "paused"}).status_code == 403


def test_an_enrollment_tells_how_it_stands(enrollment: Enrollment) -> None:
    found = signed_in(enrollment.user).get(address(enrollment)).json()

    assert found["state"] == "active"
    assert (found["time_zone"], found["time_zone_policy"]) == ("America/New_York", "follow")
    assert len(found["data_groups"]) == 4
    assert found["study_name"] == "Daily Moments"


def test_a_participant_pauses_resumes_and_reports_a_zone(enrollment: Enrollment) -> None:
    client = signed_in(enrollment.user)

    assert patch(client, enrollment, {"state": "paused", "why": "Travelling"}).json()["state"] == "paused"
    assert patch(client, enrollment, {"state": "active", "time_zone": "Asia/Tokyo"}).json()["time_zone"] == "Asia/Tokyo"

    assert set(AuditEntry.objects.values_list("what", flat=True)) >= {"paused", "resumed", "time_zone"}


def test_staff_choose_data_groups_and_participants_do_not(enrollment: Enrollment) -> None:
    refused = patch(signed_in(enrollment.user), enrollment, {"data_groups": ["a"], "state": "paused"})
    chosen = patch(staff_of(enrollment), enrollment, {"data_groups": ["notification_unsubscribed", "b", "b"]})

    assert refused.status_code == 403
    assert chosen.json()["data_groups"] == ["b", "notification_unsubscribed"]
    assert chosen.json()["state"] == "active"


def test_withdrawing_cancels_what_waits_and_cannot_be_undone(enrollment: Enrollment) -> None:
    notify(
        type="studies.nudge",
        audience=[enrollment.user_id],
        context={"study": "Daily Moments", "said": "Hello"},
        scope=enrollment.study.scope,
        channels=["sms"],
        idempotency_key="one",
    )
    client = signed_in(enrollment.user)

    left = patch(client, enrollment, {"state": "withdrawn", "why": "No time"})
    back = patch(client, enrollment, {"state": "active"})

    assert left.json()["state"] == "withdrawn"
    assert back.status_code == 409
    assert patch(client, enrollment, {"state": "withdrawn"}).status_code == 200
    assert put(client, enrollment, SECOND, {"date": "2099-03-02"}).status_code == 409
    assert Delivery.objects.get(message__type="studies.nudge", channel="sms").state == Delivery.State.CANCELLED


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"why": "x"},
        {"state": "gone"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": ""},
        {"time_zone": "../etc/passwd"},
        {"data_groups": ["a b"]},
        {"data_groups": "a"},
        {"code": "P1"},
    ],
)
def test_a_change_that_means_nothing_is_refused(enrollment: Enrollment, body: object) -> None:
    answer = patch(staff_of(enrollment), enrollment, body)

    assert answer.status_code == 400
    assert not AuditEntry.objects.exclude(what__in=["study_created", "protocol_imported", "protocol_published", "enrolled"]).exists()
