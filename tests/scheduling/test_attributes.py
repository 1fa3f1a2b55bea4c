"""What the app or a service knows of a participant: told by the API, declared by the protocol, asked for by rules."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.personal_data import copy_of, erase
from scheduling.api import tick
from scheduling.models import NudgeDecision
from scheduling.planner import forget_protocols
from studies.api import AuditEntry, Enrollment, Study, choose_attributes
from studies.fact_words import tell
from studies.models import ProfileAttribute
from studies.protocol import check, parse
from tests.scheduling.rest_api.test_events import address, patch, service, signed_in, staff_of
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
THIRD = date(2026, 1, 13)
DECLARED: list[dict[str, Any]] = [
    {"id": "handedness", "type": "choice", "values": ["left", "right"]},
    {"id": "age", "type": "integer", "minimum": 18, "maximum": 120},
    {"id": "wants_reminders", "type": "boolean"},
]


def document_with(**rule: Any) -> dict[str, Any]:
    document = mpower_document() | {"attributes": DECLARED}
    document["nudges"][0] |= rule
    return document


_phones = iter(range(10_000))


def person(study: Study, **values: object) -> Enrollment:
    enrollment = join(study, ENROLLED, phone=f"+1206{5_560_000 + next(_phones)}")
    choose_attributes(enrollment, values, now=ENROLLED)
    return enrollment


def reasons(people: dict[str, Enrollment]) -> Iterator[tuple[str, str]]:
    for name, enrollment in people.items():
        yield name, NudgeDecision.objects.get(enrollment=enrollment, rule="missed").reason


DUE = "consecutive_missed_threshold_early"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"only_attributes": [{"id": "age"}]}, {"old": DUE, "young": DUE, "silent": "without_attribute", "left": "without_attribute"}),
        ({"only_attributes": [{"id": "age", "at_least": 60}]}, {"old": DUE, "young": "without_attribute"}),
        ({"only_attributes": [{"id": "age", "at_least": 18, "at_most": 20}]}, {"old": "without_attribute", "young": DUE}),
        ({"only_attributes": [{"id": "handedness", "is": ["left"]}]}, {"left": DUE, "right": "without_attribute"}),
        ({"only_attributes": [{"id": "handedness", "is": ["left", "right"]}]}, {"left": DUE, "right": DUE, "old": "without_attribute"}),
        # All of them are asked for; one is enough to be left out.
        ({"only_attributes": [{"id": "handedness"}, {"id": "age"}]}, {"both": DUE, "left": "without_attribute"}),
        (
            {"excluded_attributes": [{"id": "wants_reminders", "is": [False]}, {"id": "age", "at_least": 60}]},
            {"refuses": "excluded_attribute", "old": "excluded_attribute", "both": DUE, "wants": DUE, "silent": DUE},
        ),
    ],
)
def test_a_rule_asks_for_attributes_and_leaves_people_out_by_them(rule: dict[str, Any], expected: dict[str, str]) -> None:
    study = make_study(ENROLLED, document_with(**rule))
    people = {
        "old": person(study, age=71),
        "young": person(study, age=19),
        "left": person(study, handedness="left"),
        "right": person(study, handedness="right"),
        "both": person(study, handedness="left", age=50),
        "wants": person(study, wants_reminders=True),
        "refuses": person(study, wants_reminders=False),
        "silent": person(study),
    }

    tick(noon(THIRD))

    found = dict(reasons(people))
    assert {name: found[name] for name in expected} == expected


def test_numbers_are_compared_as_numbers() -> None:
    study = make_study(ENROLLED, document_with(only_attributes=[{"id": "age", "at_least": 20, "at_most": 110}]))
    people = {"nineteen": person(study, age=19), "hundred": person(study, age=100)}

    tick(noon(THIRD))

    assert dict(reasons(people)) == {"nineteen": "without_attribute", "hundred": DUE}


def test_conditions_take_no_statement_more() -> None:
    counts = []
    for rule in ({}, {"only_attributes": [{"id": "age"}], "excluded_attributes": [{"id": "handedness"}]}):
        study = make_study(ENROLLED, document_with(**rule))
        for age in range(20, 25):
            person(study, age=age)
        with CaptureQueriesContext(connection) as queries:
            assert tick(noon(THIRD)) == 5
        counts.append(len(queries))
        Study.objects.filter(pk=study.pk).update(state=Study.State.PAUSED)

    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"only_attributes": [{"id": "colour"}]}, "$.nudges[0].only_attributes[0].id", "unknown_reference"),
        (
            {"only_attributes": [{"id": "age"}, {"id": "handedness", "is": ["both"]}]},
            "$.nudges[0].only_attributes[1].is[0]",
            "value_not_declared",
        ),
        ({"excluded_attributes": [{"id": "age", "is": [17]}]}, "$.nudges[0].excluded_attributes[0].is[0]", "value_not_declared"),
        ({"excluded_attributes": [{"id": "age", "is": [True]}]}, "$.nudges[0].excluded_attributes[0].is[0]", "value_not_declared"),
        ({"only_attributes": [{"id": "wants_reminders", "is": [1]}]}, "$.nudges[0].only_attributes[0].is[0]", "value_not_declared"),
        ({"only_attributes": [{"id": "handedness", "at_least": 1}]}, "$.nudges[0].only_attributes[0].at_least", "only_for_integers"),
        ({"only_attributes": [{"id": "age", "at_least": 60, "at_most": 20}]}, "$.nudges[0].only_attributes[0].at_most", "too_small"),
        ({"only_attributes": [{"id": "age", "above": 60}]}, "$.nudges[0].only_attributes[0].above", "unknown"),
        ({"only_attributes": [{"id": "handedness", "is": []}]}, "$.nudges[0].only_attributes[0].is", "too_short"),
    ],
)
def test_a_condition_that_cannot_hold_is_refused_with_its_path(change: dict[str, Any], path: str, code: str) -> None:
    assert [(problem.path, problem.code) for problem in check(document_with(**change))] == [(path, code)]


@pytest.mark.parametrize(
    ("declared", "path", "code"),
    [
        ({"id": "a", "type": "choice"}, "$.attributes[0].values", "required"),
        ({"id": "a", "type": "boolean", "values": ["x"]}, "$.attributes[0].values", "only_for_choices"),
        ({"id": "a", "type": "choice", "values": ["x"], "minimum": 1}, "$.attributes[0].minimum", "only_for_integers"),
        ({"id": "a", "type": "integer", "minimum": 5, "maximum": 4}, "$.attributes[0].maximum", "too_small"),
        ({"id": "a", "type": "date"}, "$.attributes[0].type", "choice"),
        ({"id": "a b", "type": "boolean"}, "$.attributes[0].id", "id"),
    ],
)
def test_an_attribute_that_says_nothing_is_refused_with_its_path(declared: dict[str, Any], path: str, code: str) -> None:
    assert [(problem.path, problem.code) for problem in check(mpower_document() | {"attributes": [declared]})] == [(path, code)]


def test_two_attributes_of_one_name_are_refused() -> None:
    twice = [{"id": "a", "type": "boolean"}, {"id": "a", "type": "integer"}]
    assert [(problem.path, problem.code) for problem in check(mpower_document() | {"attributes": twice})] == [
        ("$.attributes", "duplicate_id")
    ]


def test_a_protocol_tells_its_attributes_in_words() -> None:
    rule = {
        "only_attributes": [{"id": "age", "at_least": 60}, {"id": "handedness", "is": ["left", "right"]}],
        "excluded_attributes": [{"id": "wants_reminders", "is": [False]}, {"id": "age", "at_least": 90, "at_most": 99}],
    }
    rows = {row.label: row.value for row in tell(parse(document_with(**rule))).rows}

    assert rows["Attribute: age"] == "A whole number from 18 to 120. The app or a service sets it."
    assert rows["Attribute: handedness"] == "One of: left, right. The app or a service sets it."
    assert "Only to those whose age is at least 60. Only to those whose handedness is left or right." in rows["Reminder"]
    assert "Not to those whose wants_reminders is no. Not to those whose age is from 90 to 99." in rows["Reminder"]


def test_the_app_sets_attributes_and_takes_them_away_and_the_record_tells_no_value() -> None:
    enrollment = join(make_study(ENROLLED, document_with()), ENROLLED)
    app = signed_in(enrollment.user)

    first = patch(app, enrollment, {"attributes": {"age": 44, "handedness": "left", "wants_reminders": True}})
    second = patch(app, enrollment, {"attributes": {"age": None, "handedness": "left"}})

    assert first.json()["attributes"] == {"age": 44, "handedness": "left", "wants_reminders": True}
    assert second.json()["attributes"] == {"handedness": "left", "wants_reminders": True}
    told = AuditEntry.objects.filter(what="attributes").order_by("pk").values_list("details", flat=True)
    assert [entry["changed"] for entry in told] == [["age", "handedness", "wants_reminders"], ["age"]]
    assert "44" not in str(list(told))


def test_a_service_and_the_staff_set_attributes_a_stranger_does_not() -> None:
    enrollment = join(make_study(ENROLLED, document_with()), ENROLLED)
    other = join(make_study(ENROLLED, document_with()), ENROLLED, phone=None)
    assert patch(Client(), enrollment, {"attributes": {"age": 30}}, headers=service("studies:write")).status_code == 200
    assert patch(staff_of(enrollment), enrollment, {"attributes": {"age": 31}}).json()["attributes"] == {"age": 31}
    assert patch(staff_of(enrollment, "viewer"), enrollment, {"attributes": {"age": 32}}).status_code == 403
    assert patch(signed_in(other.user), enrollment, {"attributes": {"age": 33}}).status_code == 404
    assert patch(Client(), enrollment, {"attributes": {"age": 34}}, headers=service("studies:read")).status_code == 403
    assert ProfileAttribute.objects.get().value == "31"


@pytest.mark.parametrize(
    "values",
    [
        {"colour": "red"},
        {"age": 17},
        {"age": 44.5},
        {"age": "44"},
        {"age": True},
        {"age": 2**80},
        {"handedness": "both"},
        {"handedness": ["left"]},
        {"handedness": "left\x00"},
        {"wants_reminders": "true"},
        {"wants_reminders": 1},
        {"": 1},
    ],
)
def test_a_value_that_the_protocol_does_not_know_is_refused_and_nothing_changes(values: dict[str, Any]) -> None:
    enrollment = join(make_study(ENROLLED, document_with()), ENROLLED)

    answer = patch(signed_in(enrollment.user), enrollment, {"state": "paused", "attributes": {"handedness": "right"} | values})

    assert answer.status_code == 400
    enrollment.refresh_from_db()
    assert (enrollment.state, ProfileAttribute.objects.count()) == ("active", 0)


def test_what_a_later_version_no_longer_declares_can_still_be_read() -> None:
    enrollment = join(make_study(ENROLLED, document_with()), ENROLLED)
    choose_attributes(enrollment, {"age": 44}, now=ENROLLED)
    enrollment.version.document.pop("attributes")
    enrollment.version.save()
    forget_protocols()

    assert signed_in(enrollment.user).get(address(enrollment)).json()["attributes"] == {"age": "44"}
    forget_protocols()


def test_values_are_in_the_copy_of_what_is_held_and_go_with_the_account() -> None:
    enrollment = join(make_study(ENROLLED, document_with()), ENROLLED)
    choose_attributes(enrollment, {"handedness": "left"}, now=ENROLLED)

    copy = str(copy_of(enrollment.user, ENROLLED))
    erase(enrollment.user, ENROLLED + timedelta(days=1))

    assert "handedness" in copy
    assert not ProfileAttribute.objects.exists()
