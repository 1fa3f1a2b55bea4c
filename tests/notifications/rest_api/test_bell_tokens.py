"""A bell on another site: its token opens one inbox for ten minutes, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.service_tokens import make_service_token
from notifications.api import notify
from notifications.bell_tokens import LASTS, make_bell_token, owner_of
from notifications.live_sessions import find_person, still_valid
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db

SITE = "https://learn.example.org"


@pytest.fixture
def ana() -> User:
    return make_user("ana", platform_id=7)


def service(*scopes: str) -> dict[str, str]:
    token = make_service_token(name="lms", scopes=scopes, made_by_id=None, expires_at=None, now=timezone.now())
    return {"Authorization": f"Bearer {token}"}


def ask(headers: dict[str, str], **body: Any) -> Any:
    return Client().post("/api/v1/bell-tokens/", body, content_type="application/json", headers=headers)


def bell(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_bell_token(user, timezone.now()).token}"}


def tell(person: User) -> str:
    return notify(type="other.announcement", audience=[person], context={"title": "Tea"}, channels=["inbox"]).public_id


@pytest.mark.parametrize("name", [{"username": "ana"}, {"platform_id": 7}])
def test_a_service_exchanges_a_name_for_a_token(ana: User, name: dict[str, Any]) -> None:
    answer = ask(service("inbox:embed"), **name)

    assert answer.status_code == 201
    assert owner_of(answer.json()["token"], timezone.now()) == ana
    assert "no-store" in answer.headers["Cache-Control"]


def test_it_takes_the_scope(ana: User) -> None:
    assert ask(service("messages:send"), username="ana").status_code == 403
    assert ask(bell(ana), username="ana").status_code == 401


@pytest.mark.parametrize("is_known", [True, False])
def test_nobody_gets_a_token_for_who_is_unknown_or_disabled(ana: User, is_known: bool) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=False)
    answer = ask(service("inbox:embed"), username="ana" if is_known else "nobody")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "/username")


def test_it_opens_the_inbox(ana: User) -> None:
    item, client, headers = tell(ana), Client(), bell(ana)

    assert [one["id"] for one in client.get("/api/v1/inbox/", headers=headers).json()["items"]] == [item]
    assert client.get("/api/v1/inbox/counts/", headers=headers).json()["unseen_badge"] == 1
    assert client.post("/api/v1/inbox/seeing/", {}, content_type="application/json", headers=headers).json()["unseen_badge"] == 0
    for what in ("reading", "archiving"):
        address = f"/api/v1/inbox/{item}/{what}/"
        assert client.post(address, content_type="application/json", headers=headers).status_code == 204
        assert client.delete(address, headers=headers).status_code == 204


@pytest.mark.parametrize(
    "address",
    [
        "devices/",
        "preferences/",
        "preferences/quiet/",
        "mutes/",
        "contact-points/",
        "signed-in-apps/",
        "messages/",
        "schema/",
    ],
)
def test_it_opens_nothing_else(ana: User, address: str) -> None:
    assert Client().get(f"/api/v1/{address}", headers=bell(ana)).status_code in (401, 405)
    assert Client().get("/settings/", headers=bell(ana)).status_code == 302


def test_another_persons_item_is_not_there(ana: User) -> None:
    item = tell(make_user("bo"))
    assert Client().post(f"/api/v1/inbox/{item}/reading/", content_type="application/json", headers=bell(ana)).status_code == 404


def test_it_ends_with_its_time_the_account_and_the_password(ana: User) -> None:
    token = make_bell_token(ana, NOW).token
    assert owner_of(token, NOW + LASTS - timedelta(seconds=1)) == ana
    assert owner_of(token, NOW + LASTS) is None

    ana.set_password("another one entirely")
    ana.save()
    assert owner_of(token, NOW) is None
    fresh = make_bell_token(ana, NOW).token
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert owner_of(fresh, NOW) is None


@pytest.mark.parametrize("spoilt", ["bell_", "bell_x", "bell_a:b:c", "", "bell_" + "x" * 5000, "bell_\x00"])
def test_what_was_made_up_is_nobody(ana: User, spoilt: str) -> None:
    assert owner_of(spoilt, NOW) is None
    headers = {"Authorization": f"Bearer {spoilt}".replace("\x00", "%00")}
    assert Client().get("/api/v1/inbox/", headers=headers).status_code == 401


def test_a_token_of_another_use_is_nobody(ana: User) -> None:
    token = make_bell_token(ana, NOW).token
    assert owner_of(token.removeprefix("bell_"), NOW) is None


def test_only_named_sites_may_ask_and_without_cookies(ana: User, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SITE]
    preflight = {"Origin": SITE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = Client().options("/api/v1/inbox/counts/", headers=preflight)
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert "Access-Control-Allow-Credentials" not in answer.headers

    foreign = Client().options("/api/v1/inbox/counts/", headers={**preflight, "Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in foreign.headers
    elsewhere = Client().options("/api/v1/preferences/", headers=preflight)
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


def test_the_script_speaks_every_language_and_names_nobody(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    answer = client.get("/embed/bell.js")
    script = answer.content.decode()

    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert all(f'"{code}": {{' in script for code, _name in settings.LANGUAGES)
    assert ("public" in answer.headers["Cache-Control"], "ana" in script.split("\n")[0].split()) == (True, False)
    assert client.get("/embed/bell.js", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.django_db(transaction=True)
def test_a_stream_is_for_the_owner_of_the_token_as_long_as_it_holds() -> None:
    ana = make_user("ana")
    token = make_bell_token(ana, timezone.now()).token
    over = make_bell_token(ana, timezone.now() - LASTS).token

    assert find_person(token) == (ana.pk, token)
    assert find_person(over) is None
    assert still_valid({token: ana.pk, over: ana.pk}) == {token}
