import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from studies.api import Study
from tests.scheduling.worlds import mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = ("--enroll", "2026-01-10T23:30", "--zone", "America/Los_Angeles")


@pytest.fixture
def two_bursts(tmp_path: Path) -> str:
    document = mpower_document()
    document["burst_series"][0]["count"] = 2
    file = tmp_path / "two.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)


def story(*arguments: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("simulate_study", *arguments, "--json", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_silent_participation_has_all_sessions_and_seventeen_texts_at_local_noon_on_the_right_weekday() -> None:
    found = story("mpower2", "--profile", "silent", *ENROLLED)
    texts = [line for line in found if line["kind"] == "text"]
    assert Counter(line["kind"] for line in found) == {"session": 126, "text": 17}
    assert Counter(line["what"].split(":")[0] for line in texts) == {"early": 9, "pre_burst": 8}
    assert {line["at"][11:16] for line in texts} == {"12:00"}
    # Winter and summer: the burst starts on Saturdays, whatever the clocks did.
    assert {line["at"][19:] for line in texts} == {"-08:00", "-07:00"}
    assert [line["at"][:10] for line in texts[:3]] == ["2026-01-13", "2026-04-10", "2026-04-14"]


def test_who_does_everything_is_only_told_that_a_burst_starts(two_bursts: str) -> None:
    found = story(two_bursts, "--profile", "perfect", *ENROLLED)
    assert Counter((line["kind"], line["outcome"]) for line in found if line["kind"] == "session") == {("session", "done"): 28}
    assert {line["what"].split(":")[0] for line in found if line["kind"] == "text"} == {"pre_burst"}


def test_asked_for_decisions_it_says_why_no_text_was_due_and_leaves_nothing_behind(two_bursts: str) -> None:
    found = story(two_bursts, "--profile", "quitter", "--decisions", *ENROLLED)
    first_day = next(line for line in found if line["kind"] == "no_text")
    assert first_day["outcome"] == "It is one of the first days, when nobody is reminded."
    assert (Study.objects.count(), get_user_model()._default_manager.count()) == (0, 0)


def test_without_json_each_line_is_for_people_and_the_last_one_counts(two_bursts: str) -> None:
    out = StringIO()
    call_command("simulate_study", two_bursts, *ENROLLED, stdout=out)
    assert out.getvalue().splitlines()[-1] == "sessions: 28, texts: 3, held back: 0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.json", *ENROLLED), "nowhere.json"),
        (("mpower2", "--enroll", "yesterday"), "yesterday"),
        (("mpower2", "--enroll", "2026-01-10T23:30+01:00"), "local date and time"),
        (("mpower2", "--enroll", "2026-01-10T23:30", "--zone", "Mars/Olympus"), "Mars/Olympus"),
    ],
)
def test_what_cannot_be_simulated_ends_with_one_line_and_2(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("simulate_study", *arguments)
    assert (caught.value.returncode, said in str(caught.value), str(caught.value).count("\n")) == (2, True, 0)


@pytest.mark.parametrize("content", ["[]", "{", '{"id": "x"}'])
def test_a_document_that_is_no_protocol_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "protocol.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        call_command("simulate_study", str(file), *ENROLLED)
    assert (caught.value.returncode, str(caught.value).count("\n")) == (2, 0)


def test_groups_and_attributes_decide_what_is_said_and_asked(tmp_path: Path) -> None:
    document = mpower_document()
    document["burst_series"][0]["count"] = 2
    document["attributes"] = [
        {"id": "age", "type": "integer"},
        {"id": "texts", "type": "boolean"},
        {"id": "hand", "type": "choice", "values": ["left"]},
    ]
    missed, before = document["nudges"]
    missed["only_attributes"] = [{"id": "age", "at_least": 70}, {"id": "hand", "is": ["left"]}, {"id": "texts", "is": [True]}]
    before["texts"]["by_data_group"] = {"gr_BR_AD": {"en": ["{study}: words of an arm. STOP"]}}
    file = tmp_path / "two.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    known = ("--attribute", "age=70", "--attribute", "hand=left", "--attribute", "texts=true")

    with_all = story(str(file), "--group", "gr_BR_AD", *known, *ENROLLED)
    without = story(str(file), "--group", "gr_BR_II", *known[2:], *ENROLLED)
    left_out = story(str(file), "--group", "notification_unsubscribed", *known, *ENROLLED)

    texts = [[line["what"] for line in told if line["kind"] == "text"] for told in (with_all, without, left_out)]
    assert [len(said) for said in texts] == [3, 1, 0]
    assert "pre_burst: Daily Moments: words of an arm. STOP" in texts[0]
    assert "words of an arm" not in texts[1][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--group", "gr_XX"), "gr_XX, but: "),
        (("--attribute", "age=70"), "age: The protocol declares no such attribute."),
        (("--attribute", "age"), "age: "),
    ],
)
def test_what_the_protocol_does_not_know_of_a_participant_is_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("simulate_study", "mpower2", *arguments, *ENROLLED)
    assert (caught.value.returncode, said in str(caught.value)) == (2, True)
