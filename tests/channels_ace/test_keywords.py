import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_ace.keywords import Intent, classify
from tests.settings.production import ROOT

PHRASES: list[dict[str, str]] = json.loads((ROOT / "tests" / "data" / "stop_phrases.json").read_text(encoding="utf-8"))
PAUSED = {Intent.STOP, Intent.UNSURE}
# 47 CFR 64.1200(a)(10), and the list on which AWS opts a number out by itself.
LAW = ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"]
AWS = ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"]


def phrases(wants: str) -> list[str]:
    return [phrase["text"] for phrase in PHRASES if phrase["wants"] == wants]


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    assert len(PHRASES) >= 150
    assert len({phrase["text"] for phrase in PHRASES}) == len(PHRASES)


@pytest.mark.parametrize("text", phrases("stop") + phrases("unclear"))
def test_nobody_who_may_mean_no_gets_more_texts(text: str) -> None:
    assert classify(text) in PAUSED


def test_nearly_every_plain_no_is_understood_without_a_person() -> None:
    understood = [text for text in phrases("stop") if classify(text) is Intent.STOP]
    assert len(understood) >= 0.95 * len(phrases("stop"))


def test_what_is_unclear_is_left_to_a_person() -> None:
    assert {text for text in phrases("unclear") if classify(text) is not Intent.UNSURE} == set()


def test_at_most_one_in_twenty_who_go_on_is_paused() -> None:
    going_on = phrases("continue")
    assert len([text for text in going_on if classify(text) in PAUSED]) <= 0.05 * len(going_on)
    assert {classify(text) for text in going_on} <= {Intent.OTHER, Intent.UNSURE}


@pytest.mark.parametrize(("wants", "intent"), [("start", Intent.START), ("help", Intent.HELP)])
def test_start_and_help_are_understood(wants: str, intent: Intent) -> None:
    assert {text for text in phrases(wants) if classify(text) is not intent} == set()


@given(
    word=st.sampled_from([*LAW, *AWS, "alto", "parar", "no más", "stopall", "arrêt"]),
    around=st.tuples(*[st.text(" .!?,;:-'\"\n🛑👋😡", max_size=4)] * 2),
    upper=st.lists(st.booleans(), min_size=12, max_size=12),
    courtesy=st.sampled_from(["", "please ", "ok ", "hi, "]),
)
def test_a_word_of_the_law_is_a_no_in_any_dress(word: str, around: tuple[str, str], upper: list[bool], courtesy: str) -> None:
    dressed = "".join(letter.upper() if big else letter for letter, big in zip(word, upper, strict=False))
    assert classify(f"{around[0]}{courtesy}{dressed}{around[1]}") is Intent.STOP


@given(st.text(max_size=2000))
def test_any_text_has_an_intent(text: str) -> None:
    assert classify(text) in Intent


@given(st.text(max_size=60))
def test_a_text_that_holds_a_no_never_starts_anything(text: str) -> None:
    assert classify(f"{text} stop") is not Intent.START


@pytest.mark.parametrize("text", ["strat", "satrt", "don't start", "not start", "no start", "when do we start", "yes", "1"])
def test_a_start_is_never_guessed(text: str) -> None:
    assert classify(text) is not Intent.START


@pytest.mark.parametrize(
    ("languages", "intent"), [((), Intent.OTHER), (("en",), Intent.OTHER), (("es",), Intent.START), (["es-mx"], Intent.START)]
)
def test_a_word_of_two_senses_starts_only_in_its_own_language(languages: Any, intent: Intent) -> None:
    assert classify("alta", languages) is intent
