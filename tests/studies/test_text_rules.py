import pytest

from studies.text_rules import condition_in, leave_out_stop, problems_of_text

GOOD = "{study}: today's activities are ready. {link} Reply STOP to end texts."


def codes(text: str, name: str = "Daily Moments") -> list[str]:
    return [code for code, _values in problems_of_text(text, name)]


def test_a_text_that_says_what_it_must_is_accepted() -> None:
    assert codes(GOOD) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hello. Reply STOP.", "text_without_study"),
        ("{study}: hello.", "text_without_stop"),
        ("{study}: NONSTOP.", "text_without_stop"),
        (GOOD + " {name}", "text_variable"),
        (GOOD + " Your Parkinson's study", "tells_condition"),
        (GOOD + " x" * 200, "too_many_parts"),
        (GOOD + " и" * 100, "too_many_parts"),
    ],
)
def test_a_text_that_says_what_it_must_not_is_refused(text: str, code: str) -> None:
    assert code in codes(text)


def test_the_name_that_takes_the_place_of_study_counts() -> None:
    assert codes(GOOD, "Depression Diary") == ["tells_condition"]
    assert codes(GOOD + " x" * 172, "A") != codes(GOOD + " x" * 172, "A very long name of a study, of which there are few")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Your diabetes diary", "diabetes"),
        ("HIV study", "HIV"),
        ("hive study", ""),
        ("Dear patient", "patient"),
        ("impatient", ""),
        ("Su enfermedad", "enfermedad"),
        ("الاكتئاب", "اكتئاب"),
        ("A walk a day", ""),
        ("Everyday Memory Games", ""),
    ],
)
def test_words_of_a_condition_are_found_in_every_language(words: str, told: str) -> None:
    assert condition_in(words) == told


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Daily Moments: today counts. https://c.example/ Reply STOP to end texts.", "Daily Moments: today counts. https://c.example/"),
        ("Daily Moments: hoy cuenta. Responda STOP para no recibir mensajes. Gracias.", "Daily Moments: hoy cuenta. Gracias."),
        ("Daily Moments: STOPPING by is easy today.", "Daily Moments: STOPPING by is easy today."),
        ("Daily Moments: join in today, or reply STOP.", "Daily Moments: join in today, or reply STOP."),
    ],
)
def test_where_nobody_can_answer_nothing_is_said_of_stop(text: str, left: str) -> None:
    assert leave_out_stop(text) == left
