"""Choosing another password, known or forgotten."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as site
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.password_validation import password_validators_help_texts
from django.test import Client
from django.utils import timezone

from accounts.email_links import RESET, fill_reset
from accounts.models import User
from accounts.signed_in_apps import sign_in
from accounts.tries import LIMITS
from channels_ace.api import Delivery, Message, deliver_all
from settings import base
from tests.accounts.test_second_factor import PASSWORD, enter, make_person, with_app
from tests.factories import make_contact, make_user
from tests.fakes.doubles import Doubles
from tests.fakes.ledger import digest_of

pytestmark = pytest.mark.django_db
NEW = "quite another password"
SENT = "If an account here has confirmed this address"


def ask(client: Client, email: str = "ana@example.org") -> str:
    return client.post("/password-reset/", {"email": email}).content.decode()


def link_for(user: User) -> str:
    delivery = Delivery.objects.select_related("message").filter(user=user, message__type=RESET).latest("pk")
    assert fill_reset([delivery], timezone.now()) == []
    return delivery.message.link


def follow(client: Client, link: str) -> Any:
    return client.get(link, follow=True)


def test_passwords_are_hashed_by_argon2_and_old_hashes_when_their_owner_comes(client: Client, settings: Any) -> None:
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS
    user = make_person()
    User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))

    enter(client)

    user.refresh_from_db()
    assert identify_hasher(user.password).algorithm == "argon2"
    assert client.get("/inbox/").status_code == 200


@pytest.mark.parametrize(("password", "words"), [("short-word1", "12"), ("1qaz2wsx3edc", "common"), ("ana@example.org", "similar")])
def test_a_bad_password_is_refused_with_a_reason(client: Client, password: str, words: str) -> None:
    client.force_login(make_person())
    body = {"old_password": PASSWORD, "new_password1": password, "new_password2": password}

    page = client.post("/settings/password/", body).content.decode()

    assert words in page


def test_there_are_no_rules_on_what_a_password_is_made_of() -> None:
    assert len(password_validators_help_texts()) == len(site.AUTH_PASSWORD_VALIDATORS) == 3


def test_another_password_signs_every_other_browser_and_app_out(client: Client) -> None:
    user = make_person()
    other = Client()
    enter(client)
    enter(other)
    headers = {"authorization": f"Bearer {sign_in(user, 'phone', timezone.now()).access}"}
    before = client.session.session_key

    answer = client.post("/settings/password/", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})

    assert answer.headers["Location"] == "/settings/"
    assert client.get("/inbox/").status_code == 200
    assert client.session.session_key != before
    assert other.get("/inbox/").status_code == 302
    assert Client().get("/api/v1/inbox/", headers=headers).status_code == 401
    assert Message.objects.filter(type="account.password_changed").count() == 1


def test_the_old_password_is_guessed_only_so_often(client: Client) -> None:
    client.force_login(make_person())
    body = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    for _guess in range(LIMITS["sign_in"]["account"][0].most):
        client.post("/settings/password/", body)

    assert "Too many tries" in client.post("/settings/password/", body | {"old_password": PASSWORD}).content.decode()


def test_a_forgotten_password_is_replaced_once_and_the_second_factor_is_not(client: Client, doubles: Doubles) -> None:
    user = make_person()
    with_app(user)
    assert SENT in ask(client)
    deliver_all(timezone.now())
    assert digest_of("ana@example.org") in {entry["to_digest"] for entry in doubles.ledger.entries()}
    link = link_for(user)
    page = follow(client, link)

    answer = client.post(page.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW})

    assert answer.headers["Location"] == "/sign-in/"
    assert client.get("/inbox/").status_code == 302
    assert "This link was used before" in follow(Client(), link).content.decode()
    answer = client.post("/sign-in/", {"username": "ana", "password": NEW})
    assert answer.headers["Location"] == "/sign-in/code/"


def test_a_link_works_for_an_hour(client: Client) -> None:
    user = make_person()
    ask(client)
    link = link_for(user)
    with time_machine.travel(timezone.now() + timedelta(seconds=site.PASSWORD_RESET_TIMEOUT + 2)):
        assert "is too old" in follow(client, link).content.decode()


def test_nobody_learns_whether_there_is_an_account_and_only_proved_addresses_get_a_link(client: Client) -> None:
    unproved = make_user("unproved")
    User.objects.filter(pk=unproved.pk).update(password=make_password(PASSWORD))
    make_contact(unproved, "email", "unproved@example.org", verified=False)
    make_user("sso", email="sso@example.org")
    gone = make_person("gone")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    # Whose account names the address, without having shown that it is theirs.
    named = make_person("named")
    User.objects.filter(pk=named.pk).update(email="named-too@example.org")

    for email in ("nobody@example.org", "unproved@example.org", "gone@example.org", "sso@example.org", "named-too@example.org"):
        assert SENT in ask(client, email)

    assert not Message.objects.filter(type=RESET).exists()


def test_two_who_share_a_mailbox_get_a_link_each(client: Client) -> None:
    both = [make_person("ana"), make_person("ben")]
    make_contact(both[1], "email", "ana@example.org")
    ask(client)

    assert len({link_for(user) for user in both}) == 2


def test_a_link_is_asked_for_only_so_often(client: Client) -> None:
    make_person()
    for _mail in range(LIMITS["password_reset"]["account"][0].most):
        ask(client)

    assert "Too many tries" in ask(client)
    assert Message.objects.filter(type=RESET).count() == LIMITS["password_reset"]["account"][0].most


@pytest.mark.parametrize("email", ["", "no address", "a\nb@example.org", "x" * 300])
def test_what_is_no_address_is_said_so(client: Client, email: str) -> None:
    assert "field-error" in ask(client, email)
