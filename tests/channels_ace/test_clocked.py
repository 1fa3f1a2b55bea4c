"""A decision compiled once a quarter of an hour is the decision that is compiled anew."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Q, QuerySet

from accounts.models import User
from channels_ace.among import among
from channels_ace.api import Rule, defer, deny
from channels_ace.clocked import Clocked
from channels_ace.decision import verdict
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db
BEGINS = NOW.replace(minute=15, second=0, microsecond=0)


class Asked:
    """What asks whether people joined before now, and counts how often it is made."""

    def __init__(self, more: Any = lambda now: []) -> None:
        self.times = 0
        self._more = more

    def __call__(self, keys: Sequence[int], now: datetime) -> tuple[list[Rule], QuerySet[Any, tuple[Any, ...]]]:
        self.times += 1
        rules = [deny(Q(date_joined__lte=now - timedelta(hours=1)), "old"), defer(Q(date_joined__lte=now), "new", now + timedelta(hours=1))]
        rules += self._more(now)
        found = User.objects.filter(among("pk", keys)).annotate(verdict=verdict(rules)).order_by("pk")
        return rules, found.values_list("pk", "verdict")


@pytest.fixture
def people() -> list[int]:
    """This function will make three who joined an hour before the quarter begins, with it, and in the midst of it."""
    joined = [BEGINS - timedelta(hours=1), BEGINS, BEGINS + timedelta(minutes=7)]
    keys = [make_user().pk for _ in joined]
    for key, at in zip(keys, joined, strict=True):
        User.objects.filter(pk=key).update(date_joined=at)
    return keys


def instants() -> Iterator[datetime]:
    """This function will give instants of two quarters of an hour, in no order."""
    for minutes in (3, 0, 7, 14, 6, 15, 16, 29, 8):
        yield BEGINS + timedelta(minutes=minutes)


def test_it_gives_at_each_instant_what_is_made_for_that_instant(people: list[int]) -> None:
    clocked, anew = Clocked(Asked()), Asked()
    for now in instants():
        keys = people[now.minute % 2 :]
        rules, rows = clocked.ask(keys, now)
        expected, found = anew(keys, now)
        assert rows == list(found)
        assert [(rule.reason, rule.until) for rule in rules] == [(rule.reason, rule.until) for rule in expected]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps instants as texts, which do not move.")
def test_it_is_made_anew_once_in_a_quarter_and_for_both_ends_of_one_that_is_asked_twice(people: list[int]) -> None:
    asked = Asked()
    clocked = Clocked(asked)
    made = []
    for minutes in (1, 2, 3, 14, 15):
        clocked.ask(people, BEGINS + timedelta(minutes=minutes))
        made.append(asked.times)
    assert made == [1, 3, 3, 3, 4]


@pytest.mark.parametrize(
    "more",
    [
        # A window that closes within the quarter.
        lambda now: [deny(Q(pk__gt=0), "closed")] if now.minute >= 25 else [],
        # A reason that changes within it, with the same statement.
        lambda now: [deny(Q(pk__gt=0), "late" if now.minute >= 25 else "early")],
        # A number that is made from the time.
        lambda now: [deny(Q(pk__lt=now.minute), "few")],
        # An instant that moves by steps.
        lambda now: [deny(Q(date_joined__lt=now.replace(second=0, microsecond=0)), "joined")],
        lambda now: [defer(Q(pk__gt=0), "minute", now.replace(second=0, microsecond=0))],
    ],
)
def test_what_changes_within_a_quarter_is_made_for_each_instant(people: list[int], more: Any) -> None:
    clocked, anew = Clocked(Asked(more)), Asked(more)
    for now in instants():
        now += timedelta(seconds=20)
        rules, rows = clocked.ask(people, now)
        expected, found = anew(people, now)
        assert rows == list(found)
        assert [(rule.reason, rule.until) for rule in rules] == [(rule.reason, rule.until) for rule in expected]


def test_among_is_in_for_none_one_and_ten_thousand(people: list[int]) -> None:
    assert not User.objects.filter(among("pk", [])).exists()
    assert list(User.objects.filter(among("pk", people[:1])).values_list("pk", flat=True)) == people[:1]
    assert User.objects.filter(among("pk", [*people, *range(10**12, 10**12 + 10_000)])).count() == 3
    assert User.objects.filter(~Q(among("pk", people[:2])) & Q(pk__in=people)).get().pk == people[2]
    assert User.objects.filter(among("pk", people)).update(date_joined=F("date_joined")) == 3
