from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import PhoneCode, SignedInApp, User
from accounts.phone_codes import digits
from accounts.signed_in_apps import sign_in
from channels_ace.api import ContactPoint
from tests.factories import make_user

PHONE = "+12065550100"


@pytest.fixture
def ana(db: None, client: Client) -> User:
    user = make_user("ana")
    client.force_login(user)
    return user


def send(client: Client, **fields: str) -> Any:
    return client.post("/settings/phone/", fields)


def code() -> str:
    return digits(PhoneCode.objects.latest("pk").seed)


def test_a_person_adds_a_phone_and_verifies_it(client: Client, ana: User) -> None:
    assert 'href="/settings/phone/"' in client.get("/settings/").content.decode()

    assert send(client, do="number", phone="+1 206 555 0100")["Location"] == "/settings/phone/"
    assert "…0100" in client.get("/settings/phone/").content.decode()
    wrong = send(client, do="code", code="nonsense")
    assert (wrong.status_code, "This code does not fit" in wrong.content.decode()) == (200, True)
    assert send(client, do="code", code=f" {code()} ")["Location"] == "/settings/"

    assert ContactPoint.objects.get(user=ana).verified_at is not None


def test_another_number_needs_its_own_code(client: Client, ana: User) -> None:
    send(client, do="number", phone=PHONE)
    first = code()
    send(client, do="number", phone="+12065550101")

    send(client, do="code", code=first)

    assert ContactPoint.objects.get(user=ana).verified_at is None


@pytest.mark.parametrize("phone", ["", "206 555 0100", "+447911123456", "x" * 33])
def test_a_bad_number_is_told_beside_the_field_and_nothing_is_kept(client: Client, ana: User, phone: str) -> None:
    page = send(client, do="number", phone=phone).content.decode()

    assert 'id="id_phone_error"' in page
    assert not ContactPoint.objects.exists()
    assert not PhoneCode.objects.exists()


def test_asking_too_often_is_told_with_the_wait(client: Client, ana: User) -> None:
    send(client, do="number", phone=PHONE)

    send(client, do="again")

    assert "Too many codes. Try again in 1 minute." in client.get("/settings/phone/").content.decode()
    assert PhoneCode.objects.count() == 1


@pytest.mark.parametrize("do", ["code", "again", "nonsense"])
def test_what_makes_no_sense_without_a_number_changes_nothing(client: Client, ana: User, do: str) -> None:
    assert send(client, do=do, code="123456").status_code in (200, 302)
    assert not PhoneCode.objects.exists()


def test_a_site_without_the_page_offers_none(client: Client, ana: User, settings: Settings) -> None:
    settings.ADDRESS_PAGES = {}

    assert "Add it" not in client.get("/settings/").content.decode()


def test_a_person_sees_their_apps_and_signs_one_out(client: Client, ana: User) -> None:
    now = timezone.now()
    tokens = sign_in(ana, "Ana's <phone>", now)
    sign_in(make_user("bo"), "Bo's phone", now)
    sign_in(ana, "An old one", now - timedelta(days=31))

    page = client.get("/settings/apps/").content.decode()
    assert "Ana&#x27;s &lt;phone&gt;" in page
    assert "Bo&#x27;s phone" not in page
    assert "An old one" not in page
    assert client.post("/settings/apps/", {"app": tokens.app.public_id}).status_code == 302

    assert SignedInApp.objects.get(pk=tokens.app.pk).ended_because == SignedInApp.Ended.BY_PERSON
    assert "No app is signed in" in client.get("/settings/apps/").content.decode()


def test_another_persons_app_is_not_there(client: Client, ana: User) -> None:
    other = sign_in(make_user("bo"), "Bo's phone", timezone.now())

    assert client.post("/settings/apps/", {"app": other.app.public_id}).status_code == 404
    assert SignedInApp.objects.get(pk=other.app.pk).ended_at is None
