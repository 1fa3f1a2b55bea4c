"""The mirror of a platform's members, kept by its events."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from channels_ace.api import Message
from notifications.audience import course_audience
from notifications.ingest import ingest_line
from notifications.memberships import Place, keep_places
from notifications.models import CourseMembership, InboxItem, IngestedEvent
from tests.factories import COURSE, NOW, make_member, make_user

pytestmark = pytest.mark.django_db
LEARNING = "org.openedx.learning"
ENROLLED = f"{LEARNING}.course.enrollment.created.v1"
CHANGED = f"{LEARNING}.course.enrollment.changed.v1"
LEFT = f"{LEARNING}.course.unenrollment.completed.v1"
ROLE_ADDED = f"{LEARNING}.user.course_access_role.added.v1"
ROLE_REMOVED = f"{LEARNING}.user.course_access_role.removed.v1"
COHORT = f"{LEARNING}.cohort_membership.changed.v1"
CERTIFICATE = f"{LEARNING}.certificate.created.v1"
TEAM = "carillon.team_membership.changed.v1"
USER = {"id": 101, "is_active": True, "pii": {"username": "ana_k", "email": "ana@example.org", "name": "Ana"}}
HERE = {"course_key": COURSE, "display_name": "Network Science 101", "start": None, "end": None}


@pytest.fixture
def ana() -> User:
    return make_user("ana", platform_id=101)


def tell(event_id: str, kind: str, time: str = "2026-03-01T08:00:00Z", **data: Any) -> IngestedEvent:
    return ingest_line(json.dumps({"type": kind, "id": event_id, "time": time, "data": data}), NOW)


def enrolled(**changes: Any) -> dict[str, Any]:
    return {"user": USER, "course": HERE, "mode": "audit", "is_active": True, "creation_date": "2026-03-01T08:00:00Z"} | changes


def place(role: str = "learner") -> CourseMembership:
    return CourseMembership.objects.get(user__username="ana", role=role)


def words() -> list[tuple[str, str]]:
    found = Message.objects.order_by("pk").values_list("type", "context")
    return [(kind, context.get("change", "")) for kind, context in found]


def test_a_learner_joins_upgrades_and_leaves(ana: User) -> None:
    tell("e1", ENROLLED, enrollment=enrolled())
    tell("e2", CHANGED, "2026-03-02T08:00:00Z", enrollment=enrolled(mode="verified"))
    assert (place().mode, place().is_active, words()) == ("verified", True, [("other.enrolled", "joined")])

    event = tell("e3", LEFT, "2026-03-03T08:00:00Z", enrollment=enrolled(mode="verified", is_active=False))

    assert (place().is_active, event.outcome, event.reason) == (False, "kept", "")
    assert words() == [("other.enrolled", "joined"), ("other.enrolled", "left")]
    assert list(course_audience(COURSE, {})) == []
    assert InboxItem.objects.filter(user=ana).count() == 2


def test_an_older_word_that_comes_late_changes_nothing(ana: User) -> None:
    tell("e2", LEFT, "2026-03-03T08:00:00Z", enrollment=enrolled(is_active=False))
    tell("e1", ENROLLED, enrollment=enrolled())

    assert (place().is_active, words()) == (False, [])


def test_the_same_event_again_says_nothing_again(ana: User) -> None:
    for _again in range(2):
        tell("e1", ENROLLED, enrollment=enrolled())

    assert words() == [("other.enrolled", "joined")]


def test_roles_come_and_go_beside_the_learners_own_place(ana: User) -> None:
    make_member(ana)
    role = {"user": USER, "org_key": "DemoX", "course_key": COURSE, "role": "staff"}
    tell("r1", ROLE_ADDED, course_access_role_data=role)
    assert list(course_audience(COURSE, {"course_roles": ["staff"]})) == [ana]

    tell("r2", ROLE_REMOVED, "2026-03-02T08:00:00Z", course_access_role_data=role)

    assert list(course_audience(COURSE, {"course_roles": ["staff"]})) == []
    assert (place().is_active, place("staff").is_active, words()) == (True, False, [])


def test_a_cohort_and_a_team_hold_for_every_role(ana: User) -> None:
    make_member(ana, cohort="1")
    make_member(ana, role="staff")

    tell("c1", COHORT, cohort={"user": USER, "course": HERE, "name": "2"})
    tell("t1", TEAM, team={"user": {"id": 101}, "course_key": COURSE, "name": "red"})

    assert {(row.cohort, row.team) for row in CourseMembership.objects.all()} == {("2", "red")}
    assert list(course_audience(COURSE, {"teams": ["red"]}, but_not={"cohorts": ["1"]})) == [ana]


def test_a_certificate_is_told_once(ana: User) -> None:
    made = {"user": USER, "course": HERE, "mode": "verified", "grade": "0.9", "current_status": "downloadable"}
    for event_id in ("g1", "g2"):
        tell(event_id, CERTIFICATE, certificate=made)

    assert words() == [("other.certificate_earned", "")]


def test_somebody_whom_we_do_not_know_is_said_to_be_unknown() -> None:
    event = tell("e1", ENROLLED, enrollment=enrolled())

    assert (event.outcome, event.reason) == ("nobody", "The user it names is not known here.")
    assert not CourseMembership.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"is_active": "yes"},
        {"is_active": None},
        {"mode": "x" * 33},
        {"mode": 7},
        {"mode": "a\0b"},
        {"user": {}},
        {"user": None},
        {"user": {"id": True}},
        {"user": {"id": "101; DROP"}},
        {"course": {}},
        {"course": "course-v1:x"},
        {"course": {"course_key": "x" * 192}},
        {"course": {"course_key": COURSE, "display_name": ["x"]}},
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(ana: User, changes: dict[str, Any]) -> None:
    event = tell("e1", ENROLLED, enrollment=enrolled(**changes))

    assert (event.outcome, bool(event.reason)) == ("refused", True)
    assert "could not be taken in" not in event.reason
    assert not CourseMembership.objects.exists()


@pytest.mark.parametrize("time", ["", "yesterday", "2026-03-01", "2026-03-01T08:00:00"])
def test_an_event_without_its_instant_is_refused(ana: User, time: str) -> None:
    assert tell("e1", ENROLLED, time, enrollment=enrolled()).outcome == "refused"


def test_many_places_take_few_statements(django_assert_max_num_queries: Any) -> None:
    people = [make_user().pk for _number in range(300)]
    # SQLite takes so few values at once that it needs one statement more.
    with django_assert_max_num_queries(5 if connection.vendor == "postgresql" else 6):
        keep_places(COURSE, [Place(pk, told={"mode": "audit"}) for pk in people], told_at=NOW)
    with django_assert_max_num_queries(7):
        kept = keep_places(COURSE, [Place(pk, told={"mode": "verified"}) for pk in people], told_at=NOW + timedelta(hours=1))

    assert (kept.new, kept.changed, kept.joined) == (0, 300, [])
