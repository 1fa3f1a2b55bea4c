from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from channels_ace.api import deliver_all
from notifications.api import Preference, notify
from notifications.preferences import choose
from notifications.registry import find
from notifications.unsubscribe import LIFETIME, headers_of, token_of
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db

TYPE = "discussion.new_response"


@pytest.fixture
def ana() -> User:
    return make_user("ana", language="en", email="ana@example.org")


def link(person: User, type_name: str = TYPE) -> str:
    return f"/unsubscribe/{token_of(find(type_name), person.pk)}/"


def choices() -> list[tuple[str, str, bool]]:
    return list(Preference.objects.order_by("pk").values_list("scope", "channel", "is_on"))


def test_a_mail_scanner_that_follows_the_link_changes_nothing(ana: User, client: Client) -> None:
    for method in (client.get, client.head):
        assert method(link(ana)).status_code == 200
    assert choices() == []
    assert client.put(link(ana)).status_code == 405


def test_one_click_turns_the_type_off_without_cookie_or_token_of_a_page(ana: User) -> None:
    program = Client(enforce_csrf_checks=True)
    for _time in range(2):
        answer = program.post(link(ana), "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 200
    assert choices() == [("discussion.activity", "email", False)]


def test_the_link_never_signs_in(ana: User, client: Client) -> None:
    client.post(link(ana))
    assert SESSION_KEY not in client.session
    assert client.get("/settings/").status_code == 302


def test_the_page_offers_the_category_and_all_e_mail_too(ana: User, client: Client) -> None:
    choose(ana.pk, "discussion.new_question_post", "email", is_on=True, now=NOW)
    page: Any = client.get(link(ana))
    assert [choice["scope"] for choice in page.context["choices"]] == ["discussion.activity", "discussion", "*"]
    assert "/settings/#type-discussion.activity" in page.content.decode()
    client.post(link(ana), {"scope": "discussion"})
    assert choices() == [("discussion", "email", False)]
    client.post(link(ana), {"scope": "*"})
    assert ("*", "email", False) in choices()


@pytest.mark.parametrize("scope", ["account", "course_dates", "nonsense", ""])
def test_a_token_turns_off_only_what_it_is_for(ana: User, client: Client, scope: str) -> None:
    assert client.post(link(ana), {"scope": scope}).status_code == 404
    assert choices() == []


@pytest.mark.parametrize("token", ["nonsense", "WzEsIiJd:1abc:xyz", "%00", "é"])
def test_a_token_that_is_not_ours_does_nothing_and_says_what_to_do(client: Client, token: str) -> None:
    page = client.post(f"/unsubscribe/{token}/")
    assert page.status_code == 404
    assert "/settings/" in page.content.decode()


def test_a_token_ends(ana: User, client: Client) -> None:
    address = link(ana)
    with time_machine.travel(timezone.now() + LIFETIME + timedelta(days=1), tick=False):
        assert client.post(address).status_code == 404
    assert choices() == []


def test_a_token_of_somebody_who_is_gone_does_nothing(ana: User, client: Client) -> None:
    address = link(ana)
    ana.delete()
    assert client.post(address).status_code == 404


def test_what_is_locked_offers_no_unsubscribing(ana: User) -> None:
    assert headers_of(find("account.password_changed"), ana.pk) == {}


def test_an_e_mail_carries_the_two_headers_and_they_work(ana: User, client: Client) -> None:
    context = {"replier_name": "Lee", "post_title": "Means"}
    notify(type=TYPE, audience=[ana], context=context, now=NOW)
    deliver_all(NOW)
    sent = mail.outbox[0]
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/settings/#type-discussion.activity" in sent.body
    address = sent.extra_headers["List-Unsubscribe"].strip("<>")
    client.post(urlsplit(address).path)
    assert choices() == [("discussion.activity", "email", False)]
