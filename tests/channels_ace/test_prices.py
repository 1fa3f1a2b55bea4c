from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from channels_ace.api import Attempt, Delivery, deliver_all, send
from channels_ace.prices import estimate
from tests.channels_ace.saying import NEWS, TEXT, make_people, say
from tests.factories import NOW, make_user
from tests.fakes import Doubles

State = Delivery.State
US, UK, FRANCE = "+12065550100", "+447700900123", "+33612345678"


@pytest.fixture
def priced(settings: Settings) -> None:
    prices = {"US": Decimal("0.00883"), "twilio:US": Decimal("0.0113"), "*": Decimal("0.06")}
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "PRICES": prices}


@pytest.mark.parametrize(
    ("provider", "number", "parts", "price"),
    [("eum", US, 2, "0.01766"), ("twilio", US, 1, "0.0113"), ("eum", UK, 3, "0.18"), ("twilio", FRANCE, 1, "0.06"), ("eum", US, 0, "0")],
)
def test_a_text_costs_its_parts_by_provider_and_country(priced: None, provider: str, number: str, parts: int, price: str) -> None:
    assert estimate(provider, number, parts) == Decimal(price)


def test_without_a_price_nothing_is_estimated(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "PRICES": {"FR": Decimal(1)}}
    assert estimate("eum", US, 1) is None


@pytest.mark.django_db
def test_what_was_taken_or_may_have_been_has_a_price_and_what_was_refused_has_none(priced: None, doubles: Doubles) -> None:
    for fault in ("", "reset_after_accept", "throttle"):
        if fault:
            doubles.faults.script("eum", fault)
        say(make_people(1))
        deliver_all(NOW)
    say([make_user(email="ada@example.org")], NEWS, channels=["email"])
    deliver_all(NOW)

    assert list(Attempt.objects.order_by("pk").values_list("outcome", "price_estimate")) == [
        ("accepted", Decimal("0.00883")),
        ("unknown", Decimal("0.00883")),
        ("refused", None),
        ("accepted", None),
    ]


@pytest.mark.django_db
def test_the_admin_sums_by_day_and_scope(priced: None, doubles: Doubles, client: Client) -> None:
    for scope, days, people in (("study:1", 0, 3), ("study:1", 1, 1), ("study:2", 1, 2)):
        at = NOW + timedelta(days=days)
        send(type=TEXT.name, audience=make_people(people), now=at, scope=scope)
        deliver_all(at)
    client.force_login(User.objects.create_superuser("boss", "boss@example.org", "secret phrase of mine"))

    page = client.get(reverse("admin:carillon_channels_attempt_costs"), {"until": "2026-03-03"})

    rows = [(f"{row['day']:%d}", row["scope"], row["texts"], row["segments"], row["price"]) for row in page.context["rows"]]
    assert rows == [
        ("03", "study:1", 1, 1, Decimal("0.00883")),
        ("03", "study:2", 2, 2, Decimal("0.01766")),
        ("02", "study:1", 3, 3, Decimal("0.02649")),
    ]
    assert page.context["total"] == Decimal("0.05298")
    assert client.get(reverse("admin:carillon_channels_attempt_costs"), {"until": "yesterday"}).status_code == 200


@pytest.mark.django_db
def test_costs_are_for_operators_only(client: Client) -> None:
    assert client.get(reverse("admin:carillon_channels_attempt_costs")).status_code == 302
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert client.get(reverse("admin:carillon_channels_attempt_costs")).status_code == 403
