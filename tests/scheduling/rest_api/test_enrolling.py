from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Recipient
from notifications.models import InboxItem, PlatformUser
from scheduling.api import report_zone
from scheduling.models import PlannerRow
from scheduling.monitoring import monitored
from studies.api import AuditEntry, DataGroup, Enrollment, Study, StudyRole, create_study, withdraw
from tests.factories import make_user
from tests.scheduling.rest_api.test_events import service, signed_in
from tests.scheduling.worlds import make_study, mpower_document

START = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)


@pytest.fixture
def study(db: None) -> Study:
    attributes = [{"id": "handedness", "type": "choice", "values": ["left", "right"]}]
    arms = [{"id": "voice", "groups": {"loud": 1, "soft": 1}}]
    return make_study(START, mpower_document() | {"attributes": attributes, "randomised_groups": arms})


@pytest.fixture
def writer() -> dict[str, str]:
    return service("studies:write")


def row(username: str = "ana", code: str = "P1", **more: Any) -> dict[str, Any]:
    return {"username": username, "code": code, "consented_at": "2026-01-10T15:00:00Z", **more}


def post(study: Study, headers: dict[str, str], *rows: dict[str, Any], key: str = "k", client: Client | None = None) -> Any:
    path, body = f"/api/v1/studies/{study.public_id}/participants/", {"participants": list(rows)}
    return (client or Client()).post(path, body, content_type="application/json", headers={"idempotency-key": key, **headers})


def test_a_service_enrolls_somebody_with_all_that_belongs_to_it(study: Study, writer: dict[str, str]) -> None:
    ana = make_user("ana", time_zone="")
    more: dict[str, Any] = {"enrolled_at": "2026-02-02T03:30:00Z", "data_groups": ["gr_a", "loud"], "attributes": {"handedness": "left"}}

    answer = post(study, writer, row(time_zone="America/New_York", **more))

    assert answer.status_code == 201
    (found,) = answer.json()["items"]
    assert answer.headers["Location"] == f"/api/v1/enrollments/{found['id']}/"
    # In New York it was still the first of February.
    assert (found["enrolled_date"], found["enrolled_at"]) == ("2026-02-01", "2026-02-02T03:30:00Z")
    assert (found["code"], found["is_new"], found["has_consented"], found["state"]) == ("P1", True, True, "active")
    assert (found["data_groups"], found["attributes"]) == (["gr_a", "loud"], {"handedness": "left"})
    assert [event["date"] for event in found["events"][:3]] == ["2026-02-01", "2026-02-01", "2026-05-03"]
    assert len(found["events"]) == 10
    assert PlannerRow.objects.get().time_zone == "America/New_York"
    assert Recipient.objects.get(user=ana).time_zone == "America/New_York"
    assert InboxItem.objects.filter(user_id=ana.pk).count() == 1
    assert AuditEntry.objects.get(what="enrolled").details == {"version": 1, "service": "worker"}
    known = {key: value for key, value in found.items() if key not in ("is_new", "events")}
    assert Client().get(answer.headers["Location"], headers=service("studies:read")).json() == known


def test_who_is_in_the_study_stays_as_they_are(study: Study, writer: dict[str, str]) -> None:
    make_user("ana")
    first = post(study, writer, row(data_groups=["loud"]), key="first").json()["items"][0]

    again = post(study, writer, row(data_groups=["soft"], again=True), key="second")
    by_another_code = post(study, writer, row(code="P2"), key="third")

    assert again.status_code == 200
    assert again.json()["items"] == [{**first, "is_new": False}]
    assert by_another_code.status_code == 400
    assert by_another_code.json()["errors"] == [{"path": "/participants/0/code", "message": "They are in this study already, as P1."}]
    assert (Enrollment.objects.count(), AuditEntry.objects.filter(what="enrolled").count(), InboxItem.objects.count()) == (1, 1, 1)


def test_the_same_key_answers_the_same_and_stands_for_no_other_call(study: Study, writer: dict[str, str]) -> None:
    make_user("ana")

    first, same, other = post(study, writer, row()), post(study, writer, row()), post(study, writer, row(code="P2"))

    assert (first.status_code, same.status_code, other.status_code) == (201, 201, 422)
    assert same.json() == first.json()
    assert same.headers["Location"] == first.headers["Location"]


def test_who_left_comes_back_when_it_is_said_and_as_another(study: Study, writer: dict[str, str]) -> None:
    make_user("ana")
    post(study, writer, row(), key="first")
    withdraw(Enrollment.objects.get(), now=timezone.now())

    refused = [post(study, writer, one, key=one["code"]) for one in (row(), row(code="P2"), row(again=True))]
    back = post(study, writer, row(code="P3", again=True), key="back")

    assert [answer.status_code for answer in refused] == [400, 400, 400]
    assert [answer.json()["errors"][0]["path"] for answer in refused] == [
        "/participants/0/again",
        "/participants/0/again",
        "/participants/0/code",
    ]
    assert (back.status_code, back.json()["items"][0]["is_new"]) == (201, True)
    assert list(Enrollment.objects.order_by("pk").values_list("code", "state")) == [("P1", "withdrawn"), ("P3", "active")]


def test_all_are_enrolled_or_none_and_every_bad_row_is_named(study: Study, writer: dict[str, str]) -> None:
    for name in ("ana", "ben", "eve"):
        make_user(name)
    PlatformUser.objects.create(platform_id=7, user=User.objects.get(username="ben"))
    User.objects.filter(username="eve").update(is_active=False)

    nobody = post(study, writer, row(), row("nobody"), {**row(code="P3"), "username": "ana"}, row("eve", "P4"), key="1")
    clash = post(study, writer, row(), {**row(), "platform_id": 7, "username": "ben"}, key="2")
    codes = post(study, writer, row(), row("ben", attributes={"handedness": "both", "size": 1}), key="3")

    assert [error["path"] for error in nobody.json()["errors"]] == [f"/participants/{place}/username" for place in (1, 2, 3)]
    assert clash.json()["errors"][0]["path"] == "/participants/1"
    assert {error["path"] for error in codes.json()["errors"]} == {
        "/participants/1/code",
        "/participants/1/attributes/handedness",
        "/participants/1/attributes/size",
    }
    assert {answer.status_code for answer in (nobody, clash, codes)} == {400}
    assert not Enrollment.objects.exists()
    assert not InboxItem.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", ""),
        ("code", "Ana Smith"),
        ("code", "x" * 33),
        ("consented_at", "2026-01-10T15:00:00"),
        ("consented_at", "2199-01-01T00:00:00Z"),
        ("enrolled_at", "2199-01-01T00:00:00Z"),
        ("enrolled_at", "2026-01-10"),
        ("time_zone", "Mars/Olympus"),
        ("data_groups", ["a b"]),
        ("data_groups", "loud"),
        ("attributes", {"handedness": None}),
        ("attributes", {"handedness": 1.5}),
        ("again", "yes"),
        ("name", "Ana"),
    ],
)
def test_a_bad_value_is_refused_beside_its_field(study: Study, writer: dict[str, str], field: str, value: object) -> None:
    make_user("ana")

    answer = post(study, writer, {**row(), field: value})

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {error["path"].startswith(f"/participants/0/{field}") for error in answer.json()["errors"]} == {True}
    assert not Enrollment.objects.exists()


def test_a_study_that_takes_nobody_says_so(study: Study, writer: dict[str, str]) -> None:
    make_user("ana")
    draft = create_study(name="Draft", participant_name="Nights", owner_id=make_user().pk, now=START)
    answers = [post(draft, writer, row(), key="draft")]
    for state in (Study.State.PAUSED, Study.State.CLOSED):
        Study.objects.filter(pk=study.pk).update(state=state)
        answers.append(post(study, writer, row(), key=state))

    assert {answer.status_code for answer in answers} == {409}
    assert not Enrollment.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("owner", 201), ("coordinator", 201), ("viewer", 403), ("", 404)])
def test_the_studys_staff_enroll_and_others_do_not(study: Study, role: str, status: int) -> None:
    make_user("ana")
    person = make_user()
    if role:
        StudyRole.objects.create(study=study, user=person, role=role)

    assert post(study, {}, row(), client=signed_in(person)).status_code == status
    assert Enrollment.objects.count() == (status == 201)
    assert list(AuditEntry.objects.filter(what="enrolled").values_list("actor_id", flat=True)) == [person.pk] * (status == 201)


def test_a_service_needs_the_scope_and_a_key(study: Study, writer: dict[str, str]) -> None:
    make_user("ana")
    path, body = f"/api/v1/studies/{study.public_id}/participants/", {"participants": [row()]}

    assert post(study, service("studies:read", "studies:send"), row()).status_code == 403
    assert Client().post(path, body, content_type="application/json", headers=writer).status_code == 400
    assert not Enrollment.objects.exists()


def test_who_has_not_consented_is_sent_nothing_until_they_do(study: Study, writer: dict[str, str]) -> None:
    make_user("ana", time_zone="America/New_York", phone="+12065550100")
    asked = {**row(time_zone="America/New_York", enrolled_at="2026-01-10T15:00:00Z"), "consented_at": None}
    found = post(study, writer, asked).json()["items"][0]
    path = f"/api/v1/enrollments/{found['id']}/"
    assert not found["has_consented"]
    assert not PlannerRow.objects.get().is_eligible

    said = {"consented_at": "2026-01-13T18:00:00Z"}
    told = [Client().patch(path, said, content_type="application/json", headers=writer) for _ in range(2)]

    assert [answer.json()["has_consented"] for answer in told] == [True, True]
    assert Enrollment.objects.get().consented_at == datetime(2026, 1, 13, 18, 0, tzinfo=UTC)
    assert AuditEntry.objects.filter(what="consented").count() == 1
    later = Client().patch(path, {"consented_at": "2199-01-01T00:00:00Z"}, content_type="application/json", headers=writer)
    assert later.status_code == 400
    assert PlannerRow.objects.get().is_eligible


def test_a_zone_may_come_later_and_their_own_is_not_changed_by_joining(study: Study, writer: dict[str, str]) -> None:
    ana, ben = make_user("ana", time_zone=""), make_user("ben", time_zone="Asia/Tokyo")

    post(study, writer, row(), row("ben", "P2", time_zone="America/New_York"))

    zones = dict(monitored(study, timezone.now()).values_list("enrollment__user_id", "blocked_by"))
    assert zones[ana.pk] == "no_time_zone"
    report_zone(ana.pk, "Asia/Kolkata", timezone.now())
    assert Enrollment.objects.get(user=ana).time_zone == "Asia/Kolkata"
    assert Recipient.objects.get(user=ben).time_zone == "Asia/Tokyo"


def test_of_a_list_of_arms_one_is_drawn_for_everybody_without(study: Study, writer: dict[str, str]) -> None:
    rows = [row(f"user{number}", f"P{number}", data_groups=["soft"] if number == 0 else []) for number in range(30)]
    for one in rows:
        make_user(one["username"])

    post(study, writer, *rows)

    groups = dict(DataGroup.objects.values_list("enrollment__code", "name"))
    assert len(groups) == 30
    assert groups["P0"] == "soft"
    assert set(groups.values()) == {"loud", "soft"}


def test_many_take_as_many_statements_as_two(study: Study, writer: dict[str, str]) -> None:
    counts = []
    for many in (1, 2, 40):
        rows = [row(make_user().username, f"P{many}-{number}", time_zone="Asia/Tokyo") for number in range(many)]
        with CaptureQueriesContext(connection) as captured:
            assert post(study, writer, *rows, key=str(many)).status_code == 201
        counts.append(len(captured))

    assert counts[1] == counts[2]
