"""Texts that tell where their reader stands: days left, days done, the first day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ace.api import render
from channels_ace.models import Delivery, Message
from scheduling.api import complete, tick
from scheduling.models import Nudge, NudgeDecision
from studies.api import Enrollment, Study
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
FOURTH = date(2026, 1, 14)
TOLD = "{study}: {done} of {asked}, days left: {days_left}, since {first_day}, {days_until}. {link} STOP"


def study_that_tells(text: str = TOLD, **extra: Any) -> Study:
    document = mpower_document() | extra
    document["nudges"][0]["texts"] = {kind: {"en": [text], "es": [f"Hola {text}"]} for kind in ("early", "late", "cumulative")}
    document["nudges"][1]["texts"] = {"default": {"en": [text]}}
    return make_study(ENROLLED, document)


def joined(study: Study, count: int, first: int = 0, now: datetime = ENROLLED) -> list[Enrollment]:
    return [join(study, now, phone=f"+1206555{first + number:04d}") for number in range(count)]


def do_day(enrollment: Enrollment, day: int) -> None:
    at = ENROLLED + timedelta(days=day - 1, hours=1)
    complete(enrollment, f"daily:1:{day:02d}:0", started_at=at, finished_at=at, now=at)


def said_to(enrollment: Enrollment, language: str = "en") -> str:
    return render(Nudge.objects.get(enrollment=enrollment).message, "sms", ("text.txt",), language)["text"]


def test_everyone_is_told_where_they_stand_and_who_stands_alike_shares_a_message() -> None:
    study = study_that_tells()
    silent, other, did_one = joined(study, 3)
    (later,) = joined(study, 1, first=50, now=ENROLLED + timedelta(days=1))
    do_day(did_one, 1)

    assert tick(noon(FOURTH)) == 4

    assert said_to(silent) == said_to(other)
    assert said_to(silent).startswith("Daily Moments: 0 of 10, days left: 10, since January 10, 0.")
    assert "1 of 10, days left: 10, since January 10" in said_to(did_one)
    assert "0 of 10, days left: 11, since January 11" in said_to(later)
    assert said_to(later, "es").startswith("Hola Daily Moments: 0 of 10, days left: 11, since 11 de enero")
    assert Message.objects.filter(type="studies.nudge").count() == 3
    assert len({Nudge.objects.get(enrollment=one).variant for one in (silent, did_one)}) == 1


def test_before_a_burst_the_days_up_to_it_are_told_and_the_link_may_be_the_studys_own() -> None:
    study = study_that_tells(link="https://example.org/app")
    (person,) = joined(study, 1)

    assert tick(noon(date(2026, 4, 10))) == 1

    assert said_to(person) == "Daily Moments: 0 of 10, days left: 14, since April 11, 1. https://example.org/app STOP"


def test_a_text_that_tells_nothing_of_its_reader_stays_one_message() -> None:
    study = study_that_tells("{study}: {asked} days, please. STOP")
    people = joined(study, 3)
    do_day(people[0], 1)

    assert tick(noon(FOURTH)) == 3

    assert Message.objects.filter(type="studies.nudge").count() == 1


def test_twenty_people_take_as_many_statements_as_two() -> None:
    counts = []
    for size in (2, 20):
        study = study_that_tells()
        people = joined(study, size, first=size * 100)
        do_day(people[0], 1)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            tick(noon(FOURTH))
        counts.append(len(queries))
        Study.objects.filter(pk=study.pk).update(state=Study.State.PAUSED)

    assert counts[0] == counts[1]


def test_who_does_something_between_the_listing_and_the_decision_is_told_nothing_wrong() -> None:
    study = study_that_tells()
    silent, quick = joined(study, 2)

    listed: list[str] = []

    def do_something_once_listed(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if len(listed) == 1:
            listed.append("and done")
            with connection.cursor() as another:
                another.execute("UPDATE scheduling_plannerrow SET done = 1, done_count = 1 WHERE enrollment_id = %s", [quick.pk])
        if "DISTINCT" in sql and "done_count" in sql:
            listed.append(sql)
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(do_something_once_listed):
        assert tick(noon(FOURTH)) == 1

    assert NudgeDecision.objects.get(enrollment=quick).reason == "changed_just_now"
    assert Nudge.objects.get().enrollment == silent
    assert Delivery.objects.filter(message__type="studies.nudge").count() == 1
