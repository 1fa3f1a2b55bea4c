"""Operators look for a number, and it stands in no address."""

import inspect
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import User
from channels_ace.api import ContactPoint
from channels_ace.inbound import receive_text
from channels_ace.models import Delivery
from tests.channels_ace.saying import say
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db
NUMBER = "+12065550100"
DIGITS = NUMBER[2:]
LISTS = ["contactpoint", "suppression", "inboundtext", "consentrecord", "delivery"]


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    person = make_user("ana", phone=NUMBER)
    make_user("ben", phone="+12065550199")
    say([person])
    receive_text("eum", "1", NUMBER, "12345", "STOP", NOW)
    receive_text("eum", "2", "+12065550199", "12345", "STOP", NOW)
    return client


def search(client: Client, name: str, typed: str, query: str = "") -> Any:
    return client.post(reverse(f"admin:carillon_channels_{name}_changelist") + query, {"typed": typed})


def addresses_of(html: str) -> list[str]:
    return re.findall(r'(?:href|action|src)="([^"]*)"', html)


@pytest.mark.parametrize("name", LISTS)
def test_a_number_is_found_and_stands_in_no_address(operator: Client, name: str) -> None:
    found = search(operator, name, f" {NUMBER} ")
    page = operator.get(found["Location"])

    assert found.status_code == 302
    assert DIGITS not in found["Location"]
    assert page.context["cl"].result_count == 1
    html = page.content.decode()
    assert f'value="{NUMBER}"' in html
    assert [address for address in addresses_of(html) if DIGITS in address] == []
    assert '<form id="changelist-search" method="post"' in html


def test_filters_and_pages_carry_the_search_on_and_a_new_one_takes_its_place(operator: Client) -> None:
    first = search(operator, "contactpoint", NUMBER, "?kind__exact=phone&p=3")["Location"]
    asked = parse_qs(urlsplit(first).query)
    assert (sorted(asked), asked["kind__exact"]) == (["kind__exact", "q"], ["phone"])
    assert operator.get(f"{first}&o=1").context["cl"].result_count == 1

    other = search(operator, "contactpoint", "ben", "?" + urlsplit(first).query)["Location"]
    none = search(operator, "contactpoint", "", "?" + urlsplit(first).query)["Location"]

    assert [point.user.username for point in operator.get(other).context["cl"].result_list] == ["ben"]
    assert parse_qs(urlsplit(none).query) == {"kind__exact": ["phone"]}


@pytest.mark.parametrize("query", ["~", "~made-up", "~" + "A" * 200, "%7Eé", "~~"])
def test_what_was_not_encrypted_by_us_finds_nothing_and_breaks_nothing(operator: Client, query: str) -> None:
    page = operator.get(reverse("admin:carillon_channels_contactpoint_changelist") + f"?q={query}")

    assert (page.status_code, page.context["cl"].result_count) == (200, 0)


def test_actions_are_still_taken(operator: Client) -> None:
    found = search(operator, "contactpoint", NUMBER)["Location"]
    point = ContactPoint.objects.get(user__username="ana")

    operator.post(found, {"action": "delete_selected", "_selected_action": [point.pk], "post": "yes"})

    assert not ContactPoint.objects.filter(pk=point.pk).exists()


def test_staff_who_may_not_look_may_not_search(operator: Client) -> None:
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))

    assert search(clerk, "contactpoint", NUMBER).status_code == 403
    assert Delivery.objects.exists()


def test_every_list_that_finds_people_by_number_hides_what_is_typed() -> None:
    finding = {
        page
        for page in admin.site._registry.values()
        if re.search(r"people_found|indexes_of", inspect.getsource(type(page).get_search_results))
    }

    assert len(finding) >= len(LISTS)
    assert [page for page in finding if not getattr(page, "hides_search", False)] == []
