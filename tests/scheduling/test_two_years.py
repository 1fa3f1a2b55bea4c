"""Two years of many participants, once by the product's ticks and once by a walk over each person's days that shares no code with it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F

from scheduling.api import tick
from scheduling.models import Nudge, NudgeDecision, PlannerRow
from studies.api import Enrollment, Study, withdraw
from tests.scheduling.worlds import join, make_study, mpower_document

FIRST = date(2026, 1, 10)
ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
# Its clocks change within bursts, in spring and in autumn.
ZONE = "America/New_York"
BURSTS = [FIRST + 91 * number * DAY for number in range(9)]


@dataclass
class Person:
    """What a participant does: the dates on which they do their session; and what keeps texts from them."""

    does: frozenset[date]
    excluded: bool = False
    unreachable: bool = False
    leaves: date = date.max
    expected: dict[tuple[date, str], str] = field(default_factory=dict)


def make_person(chance: random.Random) -> Person:
    habit = chance.choice([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    gives_up = chance.choice([1, 2, 4, 9])
    does = {start + day * DAY for number, start in enumerate(BURSTS) for day in range(14) if number < gives_up and chance.random() < habit}
    leaves = FIRST + chance.randrange(5, 600) * DAY if chance.random() < 0.1 else date.max
    return Person(frozenset(does), chance.random() < 0.1, chance.random() < 0.1, leaves)


def walk(person: Person) -> Iterator[tuple[date, str]]:
    """This function will tell on which dates a person is texted, and why, as the protocol would be told to somebody."""
    if person.excluded or person.unreachable:
        return
    for number, start in enumerate(BURSTS):
        if number and start - DAY < person.leaves:
            yield start - DAY, "pre_burst"
        kind = missed_in(person, start)
        if kind is not None:
            yield kind


def missed_in(person: Person, start: date) -> tuple[date, str] | None:
    for day in range(3, 13):
        today = start + day * DAY
        history = [start + past * DAY in person.does for past in range(day + 1)]
        if today >= person.leaves:
            return None
        if history[day] or sum(history[:day]) >= 10:
            continue
        run = 0
        while run <= day and not history[day - run]:
            run += 1
        began = day - run + 1
        crossed = began + 2 if run >= 3 else None
        reached_four = next((past for past in range(day + 1) if history[: past + 1].count(False) >= 4), None)
        if crossed is not None and (reached_four is None or crossed < reached_four):
            return today, "early" if crossed < 5 else "late"
        if reached_four is not None:
            return today, "cumulative"
    return None


def one_text_each() -> dict[str, Any]:
    document = mpower_document()
    document["languages"] = ["en"]
    for schedule in document["schedules"]:
        for session in schedule["sessions"]:
            session["label"] = {"en": "Daily"}
    for rule in document["nudges"]:
        rule["texts"] = {kind: {"en": texts["en"][:1]} for kind, texts in rule["texts"].items()}
    return document


def enroll_all(study: Study, people: list[Person]) -> list[Enrollment]:
    return [
        join(
            study,
            ENROLLED,
            zone=ZONE,
            phone=None if person.unreachable else f"+1206555{number:04d}",
            data_groups=["notification_unsubscribed"] if person.excluded else [],
        )
        for number, person in enumerate(people)
    ]


@pytest.mark.django_db
@pytest.mark.timeout(600)
def test_the_ticks_of_two_years_text_whom_a_walk_over_the_days_says_and_nobody_else() -> None:
    chance = random.Random(20260110)
    people = [make_person(chance) for _ in range(200)]
    enrollments = enroll_all(make_study(ENROLLED, one_text_each()), people)
    of_interest = sorted({start + day * DAY for start in BURSTS for day in (*range(-1, 14), 19)} - {FIRST - DAY})

    for today in of_interest:
        for person, enrollment in zip(people, enrollments, strict=True):
            if person.leaves <= today:
                withdraw(enrollment, now=datetime.combine(today, time(1), UTC))
        do_sessions(today, people, enrollments)
        tick(datetime.combine(today, time(12), ZoneInfo(ZONE)).astimezone(UTC))

    texted = set(Nudge.objects.values_list("enrollment_id", "local_date", "kind"))
    expected = {(one.pk, day, kind) for person, one in zip(people, enrollments, strict=True) for day, kind in walk(person)}
    assert texted == expected
    assert {kind for _, _, kind in texted} == {"early", "late", "cumulative", "pre_burst"}
    per_day = NudgeDecision.objects.values_list("enrollment_id", "rule", "local_date")
    assert len(set(per_day)) == len(per_day)


def do_sessions(today: date, people: list[Person], enrollments: list[Enrollment]) -> None:
    """This function will mark the day for who does it."""
    doing = [one.pk for person, one in zip(people, enrollments, strict=True) if today in person.does]
    for start in BURSTS:
        if start <= today < start + 14 * DAY:
            bit = 1 << (today - start).days
            PlannerRow.objects.filter(enrollment__in=doing, burst_start=start).update(
                done=F("done").bitor(bit), done_count=F("done_count") + 1
            )
