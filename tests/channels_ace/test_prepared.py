"""A query compiled once gives what it would give compiled anew."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.db.models import Q, QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from channels_ace.prepared import Prepared, Together
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db


def joined(first: int, since: Any) -> QuerySet[Any, Any]:
    return User.objects.filter(Q(pk__gt=first) | Q(date_joined__gt=since)).order_by("pk").values_list("pk", "date_joined", "is_active")


def test_it_gives_the_rows_for_each_value_in_the_same_classes() -> None:
    query = Prepared(joined)
    people = [make_user() for _ in range(4)]
    for days, person in enumerate(people):
        User.objects.filter(pk=person.pk).update(date_joined=NOW + timedelta(days=days))
    User.objects.filter(pk=people[1].pk).update(is_active=False)

    for first, since in [(people[1].pk, NOW + timedelta(days=9)), (people[3].pk, NOW), (0, NOW), (people[3].pk, NOW + timedelta(days=9))]:
        assert query.rows(first, since) == list(joined(first, since))


def test_it_is_one_statement() -> None:
    query = Prepared(joined)
    query.rows(1, NOW)
    with CaptureQueriesContext(connection) as captured:
        query.rows(2, NOW)
    assert len(captured) == 1


def test_a_value_that_the_query_does_not_hold_is_a_mistake() -> None:
    query = Prepared(lambda first, unused: User.objects.filter(pk__gt=first).values_list("pk"))
    with pytest.raises(LookupError):
        query.rows(1, NOW)


def test_what_stands_in_it_stays_as_it_is() -> None:
    odd = "50 % of $1 isn't %s"
    user = make_user()
    User.objects.filter(pk=user.pk).update(first_name=odd)
    query = Prepared(lambda pk: User.objects.filter(pk__gte=pk, first_name__contains="% of $1", last_name="").values_list("first_name"))
    assert query.rows(user.pk) == [(odd,)]
    assert query.rows(user.pk + 1) == []


def test_numbers_of_any_width_are_one_query() -> None:
    query = Prepared(lambda pk: User.objects.filter(pk__lte=pk).values_list("pk"))
    user = make_user()
    assert [(user.pk,) in query.rows(number) for number in (user.pk, 2**62, 0, user.pk + 40_000)] == [True, True, False, True]


def test_several_are_asked_together() -> None:
    query = Prepared(
        lambda first, since: Together(
            "SELECT 0, CURRENT_TIMESTAMP, EXISTS({late}) UNION ALL {all}",
            late=User.objects.filter(date_joined__gt=since).values("pk"),
            all=joined(first, since).order_by(),
        )
    )
    users = [make_user(), make_user()]
    User.objects.update(date_joined=NOW)

    first, *rest = query.rows(users[0].pk, NOW)
    assert (first[0], bool(first[2])) == (0, False)
    assert rest == [(users[1].pk, NOW, True)]
    assert bool(query.rows(0, NOW - timedelta(days=1))[0][2])


def test_it_goes_on_after_a_transaction_that_failed() -> None:
    query = Prepared(joined)
    user = make_user()
    before = query.rows(user.pk - 1, NOW)

    def fail() -> None:
        with transaction.atomic():
            assert query.rows(user.pk - 1, NOW) == before
            raise DataError

    with pytest.raises(DataError):
        fail()
    assert query.rows(user.pk - 1, NOW) == before
