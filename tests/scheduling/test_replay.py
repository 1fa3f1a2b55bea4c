import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from scheduling.models import NudgeDecision, PlannerRow
from scheduling.replay import replay
from scheduling.replay_cases import CaseError, read_cases
from studies.api import Study

FILE = Path(__file__).parents[1] / "data" / "nudge_cases.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["nudge_cases"]
AS_BRIDGE = [pytest.param(case, id=case["id"]) for case in CASES]
BETTER = [pytest.param(case, id=case["id"]) for case in CASES if (case.get("recommendedForNewSystem") or {}).get("decision")]

LATE = {"type": "LATE", "time": "2018-04-29T12:00:00Z"}


def one(case: dict[str, Any], evaluate: str) -> tuple[str, str, str | None]:
    (decided,) = replay(read_cases(json.dumps([case])), evaluate=evaluate)
    return decided.decision, decided.reason, decided.message


def changed(name: str, **changes: Any) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(json.dumps(next(case for case in CASES if case["id"] == name)))
    for path, value in changes.items():
        *way, last = path.split("__")
        place = case
        for step in way:
            place = place[step]
        place[last] = value
    return case


@pytest.mark.django_db
@pytest.mark.parametrize("case", AS_BRIDGE)
def test_a_case_is_decided_as_the_system_before_decided_it(case: dict[str, Any]) -> None:
    expected = case["expected"]
    assert one(case, "bridge") == (expected["decision"], expected["reason"], expected.get("message"))


@pytest.mark.django_db
@pytest.mark.parametrize("case", BETTER)
def test_a_case_that_was_decided_wrongly_is_decided_as_recommended(case: dict[str, Any]) -> None:
    assert one(case, "current")[0] == case["recommendedForNewSystem"]["decision"]


@pytest.mark.django_db
def test_the_command_prints_a_line_for_each_case_in_their_order_and_leaves_nothing_behind() -> None:
    out = StringIO()
    call_command("replay_nudges", str(FILE), stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["id"] for line in lines] == [case["id"] for case in CASES]
    assert {tuple(line) for line in lines} == {("id", "decision", "reason", "message")}
    left = [model.objects.count() for model in (Study, NudgeDecision, PlannerRow)]
    assert [*left, get_user_model()._default_manager.count()] == [0, 0, 0, 0]


@pytest.mark.django_db
def test_cases_with_the_same_id_are_decided_each_for_itself() -> None:
    nobody, late = changed("U19"), changed("U31", id="U19")
    assert [found.decision for found in replay(read_cases(json.dumps([nobody, late])), evaluate="bridge")] == ["EARLY", "LATE"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("case", "evaluate", "expected"),
    [
        # The first reason in the order of the exclusions is told, whatever else holds.
        (changed("U08", participant__phoneVerified=False), "bridge", ("NONE", "phone_unverified")),
        (changed("U10", participant__dataGroups=["excluded-group-1"]), "bridge", ("NONE", "excluded_data_group")),
        # A late text younger than a burst silences the text before the next one there; here each has its own slot.
        (changed("U24", lastNotification=LATE), "bridge", ("NONE", "already_notified")),
        (
            changed("U24", lastNotification={"type": "LATE", "time": "2018-04-29T12:00:00Z"}),
            "current",
            ("PRE_BURST", "burst_starts_tomorrow"),
        ),
        # Older than a burst, to the second.
        (changed("U17", lastNotification__time="2018-04-21T16:41:15.831-07:00"), "bridge", ("EARLY", "consecutive_missed_threshold_early")),
        # East of Greenwich nobody was served; here everyone is. Half an hour west was read as half an hour east.
        (changed("U19", participant__timeZone="+05:30"), "bridge", ("NONE", "time_zone_out_of_range")),
        (changed("U19", participant__timeZone="-00:30"), "bridge", ("NONE", "time_zone_out_of_range")),
        (changed("U19", participant__timeZone="America/Denver"), "current", ("EARLY", "consecutive_missed_threshold_early")),
        # No commitment: the text for all.
        (changed("U24", participant__studyCommitment=None), "bridge", ("PRE_BURST", "burst_starts_tomorrow")),
    ],
)
def test_what_the_given_cases_leave_open_follows_the_rules(case: dict[str, Any], evaluate: str, expected: tuple[str, str]) -> None:
    assert one(case, evaluate)[:2] == expected


@pytest.mark.django_db
def test_without_a_commitment_the_text_for_all_is_said() -> None:
    assert one(changed("U24", participant__studyCommitment=None), "bridge")[2] == "default pre-burst message"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("{}", "no list of cases"),
        ("[1]", "nudge_cases[0]: 1 is not of type 'object'"),
        (json.dumps([changed("U19", date="2018-02-31")]), "U19"),
        (json.dumps([changed("U19", participant__timeZone="Mars/Olympus")]), "Mars/Olympus"),
        (json.dumps([changed("U19", config__burstDurationDays=0)]), "nudge_cases[0].config.burstDurationDays"),
        (json.dumps([changed("U19", now="2018-04-30T16:41:15")]), "nudge_cases[0].now"),
    ],
)
def test_what_is_no_case_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(CaseError) as caught:
        read_cases(text)
    assert said in str(caught.value)


@pytest.mark.django_db
@pytest.mark.parametrize("content", [None, b"\xff", b"[1]"])
def test_a_file_that_cannot_be_used_ends_with_one_line_and_2(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "cases.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError) as caught:
        call_command("replay_nudges", str(file))
    assert (caught.value.returncode, str(caught.value).count("\n")) == (2, 0)
