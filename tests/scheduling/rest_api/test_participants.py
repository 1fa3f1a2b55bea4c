import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_ace.models import Delivery, Message
from scheduling.api import complete, sessions_of
from scheduling.timeline import adherence_of
from studies.api import AuditEntry, Enrollment, enroll, import_protocol, publish, withdraw
from tests.factories import make_user
from tests.scheduling.rest_api.test_events import address, enrollment, patch, service, signed_in, staff_of  # noqa: F401
from tests.scheduling.worlds import join, make_study, mpower_document

TEXT = {"text": "{study}: a call is planned. {link} Reply STOP to end texts."}


@pytest.fixture
def reader() -> dict[str, str]:
    return service("studies:read")


def get(path: str, headers: dict[str, str]) -> Any:
    return Client().get(f"/api/v1/{path}", headers=headers)


def send(enrollment: Enrollment, body: object = TEXT, key: str | None = "k1", **extra: Any) -> Any:  # noqa: F811
    headers = {**extra.pop("headers", service("studies:send")), **({"idempotency-key": key} if key else {})}
    return Client().post(address(enrollment, "texts/"), body, content_type="application/json", headers=headers)


def do_days(enrollment: Enrollment, days: int, now: datetime) -> None:  # noqa: F811
    first = enrollment.enrolled_date
    for session in sessions_of(enrollment, first, first + timedelta(days=days), now):
        complete(enrollment, session.id, started_at=session.opens_at, finished_at=session.opens_at, now=now)


def test_a_service_pages_through_participants(enrollment: Enrollment, reader: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("scheduling.rest_api.participants.PAGE_SIZE", 2)
    others = [join(enrollment.study, timezone.now(), phone=None) for _ in range(4)]
    withdraw(others[3], now=timezone.now())
    path = f"studies/{enrollment.study.public_id}/participants/"

    pages = [get(path, reader).json()]
    while pages[-1]["next_cursor"]:
        pages.append(get(f"{path}?cursor={pages[-1]['next_cursor']}", reader).json())

    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert [item["id"] for page in pages for item in page["items"]] == [one.public_id for one in [enrollment, *others]]
    assert [item["id"] for item in get(f"{path}?state=withdrawn", reader).json()["items"]] == [others[3].public_id]
    assert get(f"{path}?cursor={pages[0]['next_cursor']}", service("studies:read")).status_code == 400


def test_a_page_of_participants_takes_the_same_questions_however_many(enrollment: Enrollment) -> None:  # noqa: F811
    client = staff_of(enrollment)
    path = f"/api/v1/studies/{enrollment.study.public_id}/"
    counts = []
    for _ in range(2):
        for resource in ("participants/", "adherence/"):
            client.get(path + resource)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(path + resource).status_code == 200
            counts.append(len(captured))
        for _number in range(10):
            join(enrollment.study, timezone.now(), phone=None)

    assert counts[:2] == counts[2:]


def test_a_text_may_have_the_longest_key(enrollment: Enrollment) -> None:  # noqa: F811
    assert send(enrollment, key="k" * 191).status_code == 202


def test_strangers_and_participants_see_no_list(enrollment: Enrollment) -> None:  # noqa: F811
    for user in (make_user(), enrollment.user):
        for resource in ("participants/", "adherence/", "protocol/"):
            assert signed_in(user).get(f"/api/v1/studies/{enrollment.study.public_id}/{resource}").status_code == 404


def test_the_schedule_plan_is_the_published_document(enrollment: Enrollment, reader: dict[str, str]) -> None:  # noqa: F811
    path = f"studies/{enrollment.study.public_id}/protocol/"

    answer = get(path, reader)

    assert answer.json() == mpower_document()
    assert get(path, {**reader, "if-none-match": answer.headers["ETag"]}).status_code == 304


def test_the_history_of_activities_comes_by_pages(enrollment: Enrollment, reader: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("scheduling.rest_api.participants.PAGE_SIZE", 2)
    do_days(enrollment, 3, timezone.now())
    path = f"enrollments/{enrollment.public_id}/completions/"

    first = get(path, reader).json()
    rest = get(f"{path}?cursor={first['next_cursor']}", reader).json()

    assert [item["session_id"] for item in first["items"] + rest["items"]] == ["daily:1:01:0", "daily:1:02:0", "daily:1:03:0"]
    assert rest["next_cursor"] is None
    assert get(f"{path}?burst=2", reader).json()["items"] == []
    assert get(f"{path}?since=2099-01-01T00:00:00Z", reader).json()["items"] == []
    assert get(f"{path}?burst=0", reader).status_code == 400


def test_adherence_is_told_by_day_burst_and_study(enrollment: Enrollment, reader: dict[str, str]) -> None:  # noqa: F811
    do_days(enrollment, 2, timezone.now())

    found = get(f"enrollments/{enrollment.public_id}/adherence/", reader).json()

    assert (found["percent"], found["completed"], found["due"], found["progress"]) == (50, 2, 4, "in_progress")
    first = found["bursts"][0]
    assert (first["series"], first["burst"], first["percent"], len(first["days"])) == ("activityBurst", 1, 50, 14)
    assert first["days"][0]["sessions"] == {"daily:1:01:0": "completed"}
    assert [day["percent"] for day in first["days"][:5]] == [100, 100, 0, 0, 100]
    (of_study,) = get(f"studies/{enrollment.study.public_id}/adherence/", reader).json()["items"]
    assert (of_study["enrollment"], of_study["percent"], len(of_study["bursts"])) == (enrollment.public_id, 50, 9)


@pytest.mark.django_db
def test_days_are_added_until_enough_is_done_and_nobody_owes_them() -> None:
    start = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
    late = start + timedelta(days=14)
    person = join(make_study(start), start)
    first = person.enrolled_date
    do_days(person, 9, start + timedelta(days=10))

    listed = sessions_of(person, first, first + timedelta(days=30), late)
    assert [session.day for session in listed if session.is_extension] == [15, 16, 17, 18, 19]
    before = adherence_of([person], late)[person.pk].bursts[0].summary
    complete(person, "daily:1:15:0", started_at=late, finished_at=late, now=late)

    listed = sessions_of(person, first, first + timedelta(days=30), late)
    assert [(session.day, session.state) for session in listed if session.is_extension] == [(15, "completed")]
    after = adherence_of([person], late)[person.pk].bursts[0].summary
    assert ((before.completed, before.due), (after.completed, after.due)) == ((9, 14), (10, 15))
    assert not [session for session in sessions_of(person, first, first + timedelta(days=30), start) if session.is_extension]


@pytest.mark.django_db
def test_adherence_of_many_takes_as_many_questions_as_of_one(django_assert_num_queries: Any) -> None:
    start = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
    study = make_study(start)
    people = [join(study, start, phone=None) for _ in range(20)]

    with django_assert_num_queries(2):
        found = adherence_of(people, start + timedelta(days=20))

    assert {summary.summary.percent for summary in found.values()} == {0}


def test_a_text_to_a_participant_is_handed_over_once(enrollment: Enrollment) -> None:  # noqa: F811
    headers = service("studies:send")

    first, again = send(enrollment, headers=headers), send(enrollment, headers=headers)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    message = Message.objects.get(type="studies.text")
    assert message.context["said"].startswith("Daily Moments: a call is planned. http")
    assert Delivery.objects.get(message=message).channel == "sms"
    assert AuditEntry.objects.filter(what="text_sent").count() == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "Hello",
        "{study}: hello",
        "{study}: your tremor. STOP",
        "{study} {name} STOP",
        "{study} STOP" + "x" * 600,
        "{study} STOP" + "ж" * 300,
    ],
)
def test_a_text_that_must_not_go_out_is_refused_beside_its_field(enrollment: Enrollment, text: str) -> None:  # noqa: F811
    answer = send(enrollment, {"text": text})

    assert answer.status_code == 400
    assert {error["path"] for error in answer.json()["errors"]} == {"/text"}
    assert not Message.objects.filter(type="studies.text").exists()


def test_who_cannot_be_reached_is_said_and_nothing_is_kept(enrollment: Enrollment) -> None:  # noqa: F811
    nobody = join(enrollment.study, timezone.now(), phone=None)
    patch(staff_of(enrollment), enrollment, {"state": "withdrawn"})

    answers = [send(nobody), send(enrollment)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert all(answer.json()["detail"] for answer in answers)
    assert not Message.objects.filter(type="studies.text").exists()


def test_a_text_needs_a_key_the_scope_and_staff(enrollment: Enrollment) -> None:  # noqa: F811
    assert send(enrollment, key=None).status_code == 400
    assert send(enrollment, headers=service("studies:read", "studies:write")).status_code == 403
    by_themselves = signed_in(enrollment.user).post(
        address(enrollment, "texts/"), json.dumps(TEXT), content_type="application/json", headers={"idempotency-key": "x"}
    )
    assert by_themselves.status_code == 403
    assert not Message.objects.filter(type="studies.text").exists()


def test_an_app_finds_the_studies_of_its_person(enrollment: Enrollment) -> None:  # noqa: F811
    # given: somebody else in it, and a study that was left
    join(enrollment.study, timezone.now(), phone=None)
    left = enroll(make_study(timezone.now()), user_id=enrollment.user_id, code="P1", time_zone="Asia/Tokyo", now=timezone.now())
    withdraw(left, now=timezone.now())
    client = Client()
    client.force_login(enrollment.user)

    listed = client.get("/api/v1/enrollments/").json()["items"]

    assert [(item["id"], item["state"]) for item in listed] == [(left.public_id, "withdrawn"), (enrollment.public_id, "active")]
    assert listed[1] == client.get(f"/api/v1/enrollments/{enrollment.public_id}/").json()


def test_who_is_in_no_study_has_none(db: None) -> None:
    client = Client()
    client.force_login(make_user())
    assert client.get("/api/v1/enrollments/").json() == {"items": []}


def test_the_version_is_the_one_by_which_somebody_lives(enrollment: Enrollment) -> None:  # noqa: F811
    owner = make_user()
    version = import_protocol(enrollment.study, mpower_document(), actor_id=owner.pk, now=timezone.now())
    publish(version, actor_id=owner.pk, now=timezone.now(), for_enrolled=True)

    client = Client()
    client.force_login(enrollment.user)

    assert client.get(f"/api/v1/enrollments/{enrollment.public_id}/").json()["protocol_version"] == 2
