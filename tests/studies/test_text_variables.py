from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from studies.protocol import check
from studies.text_variables import VARIABLES, TextValues, fill_in, variables_of, write_day
from tests.scheduling.worlds import mpower_document

VALUES = TextValues(
    study="Daily Moments", link="https://example.org/app", first_day=date(2026, 4, 11), days_until=2, days_left=14, done=5, asked=10
)
TOLD = "{study}: {done} of {asked} since {first_day}, days left: {days_left}. {link} Reply STOP to end texts."


def with_text(text: str, language: str = "en") -> dict[str, Any]:
    document = mpower_document()
    document["languages"] = list(dict.fromkeys(["en", "es", "fr", language]))
    document["nudges"][0]["texts"]["late"][language] = [text]
    return document


def problems(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in check(document)]


def test_every_variable_has_a_value_in_every_text() -> None:
    said = fill_in(" ".join(f"{{{name}}}" for name in VARIABLES), VALUES, "en")

    assert said == "Daily Moments https://example.org/app April 11 2 14 5 10"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en-GB", "April 11"),
        ("es", "11 de abril"),
        ("es-419", "11 de abril"),
        ("ar", "11 أبريل"),
        ("fr", "11 avril"),
        # Of a language whose months are not known here, the date as everyone can read it.
        ("ko", "2026-04-11"),
    ],
)
def test_a_day_is_told_in_the_language_of_the_text(language: str, said: str) -> None:
    assert write_day(VALUES.first_day, language) == said


def test_what_a_value_holds_is_not_taken_for_a_variable() -> None:
    assert fill_in("{study} {done}", TextValues("{done}", "", date(2026, 1, 1), 0, 1, 7, 9), "en") == "{done} 7"
    assert variables_of("{study} {nothing} {done") == {"study"}


def test_a_text_may_use_every_variable() -> None:
    assert problems(with_text(TOLD)) == []


@pytest.mark.parametrize("wrong", ["{name}", "{days_left", "{done.real}", "{ done }", "{DONE}", "{{done}}"])
def test_an_unknown_variable_is_refused_with_its_path(wrong: str) -> None:
    assert problems(with_text(f"{TOLD} {wrong}")) == [("$.nudges[0].texts.late.en[0]", "unknown_variable")]


def long_text(filler: str, longest: str, parts: int) -> Callable[[int], str]:
    """This function will make a text whose longest variant takes so many parts, and as many letters more as it is told."""
    fixed = "{study}: {first_day} STOP "
    room = {"gsm": 153, "ucs": 67}[filler] * parts - len(fixed.replace("{study}", "Daily Moments").replace("{first_day}", longest))
    return lambda more: fixed + ("x" if filler == "gsm" else "и") * (room + more)


@pytest.mark.parametrize(
    ("language", "filler", "longest"),
    [
        ("en", "gsm", "September 28"),
        ("es", "gsm", "28 de septiembre"),
        # In the short alphabet August is the month that costs most: its û is not in it, and the whole text goes as UCS-2.
        ("fr", "ucs", "28 septembre"),
    ],
)
def test_parts_are_counted_with_the_longest_values(language: str, filler: str, longest: str) -> None:
    text = long_text(filler, longest, 3)

    assert problems(with_text(text(0), language)) == []
    assert problems(with_text(text(1), language)) == [(f"$.nudges[0].texts.late.{language}[0]", "too_many_parts")]


def test_a_month_outside_the_short_alphabet_makes_the_text_longer() -> None:
    text = "{study}: {first_day} STOP " + "x" * 300

    assert problems(with_text(text, "en")) == []
    assert problems(with_text(text, "fr")) == [("$.nudges[0].texts.late.fr[0]", "too_many_parts")]


@pytest.mark.parametrize("link", ["http://example.org/", "javascript:alert(1)", "https://example.org/ x", "https://", "https://a.b/{done}"])
def test_a_link_of_the_studys_own_is_a_web_address(link: str) -> None:
    assert problems(mpower_document() | {"link": link}) == [("$.link", "link")]
    assert problems(mpower_document() | {"link": "https://example.org/app?study=1"}) == []
