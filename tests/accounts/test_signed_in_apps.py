"""Refresh tokens over a network that loses answers, and in hands they were not meant for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connections
from pytest_django import DjangoAssertNumQueries

from accounts.models import SignedInApp, User
from accounts.signed_in_apps import (
    ACCESS_LASTS,
    FAMILY_LASTS,
    OVERLAP,
    REFRESH_LASTS,
    BadToken,
    Tokens,
    app_of,
    end,
    living,
    renew,
    sign_in,
)
from notifications.api import InboxItem
from tests.factories import make_user

NOW = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana")


@pytest.fixture
def first(ana: User) -> Tokens:
    return sign_in(ana, "Ana's phone", NOW)


def test_an_access_token_leads_to_its_person_until_it_expires(ana: User, first: Tokens) -> None:
    assert app_of(first.access, NOW).user == ana
    assert app_of(first.access, NOW + ACCESS_LASTS - timedelta(seconds=1)).user == ana
    with pytest.raises(BadToken):
        app_of(first.access, NOW + ACCESS_LASTS)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_lost_answers_do_not_sign_out(first: Tokens, lost: int) -> None:
    # The phone asks again with the token it has, an hour apart, until an answer arrives.
    answers = [renew(first.refresh, NOW + timedelta(hours=hour)) for hour in range(lost + 1)]

    assert len({answer.refresh for answer in answers}) == 1
    assert renew(answers[-1].refresh, NOW + timedelta(hours=lost + 1)).app.ended_at is None


def test_once_the_answer_has_arrived_its_predecessor_has_had_its_day(ana: User, first: Tokens) -> None:
    second = renew(first.refresh, NOW)
    app_of(second.access, NOW + MINUTE)

    assert renew(first.refresh, NOW + OVERLAP).refresh == second.refresh
    with pytest.raises(BadToken):
        renew(first.refresh, NOW + OVERLAP + timedelta(seconds=1))

    assert SignedInApp.objects.get().ended_because == SignedInApp.Ended.REUSED


def test_a_token_that_was_spent_ends_the_family_and_tells_its_owner_once(ana: User, first: Tokens) -> None:
    second = renew(first.refresh, NOW)
    third = renew(second.refresh, NOW + MINUTE)

    for _again in range(2):
        with pytest.raises(BadToken):
            renew(first.refresh, NOW + 2 * MINUTE)

    with pytest.raises(BadToken):
        app_of(third.access, NOW + 2 * MINUTE)
    with pytest.raises(BadToken):
        renew(third.refresh, NOW + 2 * MINUTE)
    told = InboxItem.objects.get(user_id=ana.pk, message__type="account.app_signed_out")
    assert (told.message.type, told.message.context) == ("account.app_signed_out", {"app": "Ana's phone"})


def test_a_family_newer_than_a_restored_database_goes_on(first: Tokens) -> None:
    second = renew(first.refresh, NOW)
    SignedInApp.objects.update(generation=1)

    assert renew(second.refresh, NOW + MINUTE).app.generation == 3


@pytest.mark.django_db(transaction=True)
def test_ten_renewals_at_once_make_one_successor() -> None:
    first = sign_in(make_user("ana"), "Ana's phone", NOW)

    def ask(_number: int) -> str:
        try:
            return renew(first.refresh, NOW).refresh
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        successors = set(pool.map(ask, range(10)))

    assert len(successors) == 1
    assert SignedInApp.objects.get().generation == 2


def test_a_disabled_person_is_out_at_the_next_request(ana: User, first: Tokens) -> None:
    User.objects.update(is_active=False)

    with pytest.raises(BadToken):
        app_of(first.access, NOW)
    with pytest.raises(BadToken):
        renew(first.refresh, NOW)


def test_another_password_signs_every_app_out(ana: User, first: Tokens) -> None:
    ana.set_password("a new and longer password")
    ana.save()

    with pytest.raises(BadToken):
        app_of(first.access, NOW)

    assert SignedInApp.objects.get().ended_because == SignedInApp.Ended.PASSWORD


def test_a_family_outlives_a_change_of_the_secret_key(first: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SECRET_KEY_FALLBACKS", [settings.SECRET_KEY])
    monkeypatch.setattr(settings, "SECRET_KEY", "another key of fifty characters and more, as asked for")

    assert renew(renew(first.refresh, NOW).refresh, NOW).app.generation == 3


def test_nobody_stays_signed_in_for_ever(first: Tokens) -> None:
    with pytest.raises(BadToken):
        renew(first.refresh, NOW + REFRESH_LASTS)

    tokens = sign_in(User.objects.get(), "Another phone", NOW)
    for day in range(20, FAMILY_LASTS.days, 20):
        tokens = renew(tokens.refresh, NOW + timedelta(days=day))
    assert tokens.refresh_expires_at == NOW + FAMILY_LASTS
    with pytest.raises(BadToken):
        renew(tokens.refresh, NOW + FAMILY_LASTS)


def test_signing_out_ends_both_tokens(ana: User, first: Tokens) -> None:
    other = sign_in(ana, "Tablet", NOW)

    assert end(living(ana.pk, NOW).filter(pk=first.app.pk), SignedInApp.Ended.SIGNED_OUT, NOW) == 1

    for refused in (lambda: app_of(first.access, NOW), lambda: renew(first.refresh, NOW)):
        with pytest.raises(BadToken):
            refused()
    assert app_of(other.access, NOW).user == ana


FORGERIES: dict[str, Callable[[Tokens], str]] = {
    "nothing": lambda tokens: "",
    "prefix only": lambda tokens: "capp_",
    "refresh as access": lambda tokens: tokens.refresh,
    "no signature": lambda tokens: tokens.access.rpartition("~")[0],
    "empty signature": lambda tokens: tokens.access.rpartition("~")[0] + "~",
    "signature cut": lambda tokens: tokens.access[:-1],
    "signature of the refresh token": lambda tokens: tokens.access.rpartition("~")[0] + "~" + tokens.refresh.rpartition("~")[2],
    "a later end": lambda tokens: tokens.access.replace(".1.", ".1.9"),
    "another generation": lambda tokens: tokens.access.replace(".1.", ".2."),
    "another family": lambda tokens: "capp_AAAAAAAAAAAAAAAAAAAAAA" + tokens.access[27:],
    "a JSON web token without a signature": lambda tokens: "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
    "another alphabet": lambda tokens: tokens.access.replace("1", "١"),
    "half a character": lambda tokens: tokens.access + "\ud800",
    "NUL": lambda tokens: tokens.access + "\x00",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_access_token_is_nobodys(first: Tokens, forge: Callable[[Tokens], str]) -> None:
    with pytest.raises(BadToken):
        app_of(forge(first), NOW)


def test_asking_costs_one_query_and_the_first_use_one_more(first: Tokens, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):
        app_of(first.access, NOW)
    with django_assert_num_queries(1):
        app_of(first.access, NOW)
