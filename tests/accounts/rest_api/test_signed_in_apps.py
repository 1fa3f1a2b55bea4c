import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import SignedInApp, Try, User
from accounts.signed_in_apps import end
from channels_ace.api import deliver_all
from notifications.api import choose, notify
from tests.factories import make_user
from tests.fakes import Doubles
from tests.fakes.ledger import digest_of

PASSWORD = "correct horse battery"
WHERE = "/api/v1/signed-in-apps/"


@pytest.fixture
def ana(db: None) -> User:
    user = make_user("ana")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def phone() -> Client:
    return Client()


def post(client: Client, address: str, body: object, **headers: str) -> Any:
    return client.post(address, json.dumps(body), content_type="application/json", headers=headers)


def sign_in(client: Client, username: str = "ana", password: str = PASSWORD) -> Any:
    return post(client, WHERE, {"username": username, "password": password, "app": "Ana's phone"})


def as_app(tokens: dict[str, Any]) -> Client:
    return Client(headers={"authorization": f"Bearer {tokens['access']}"})


def test_an_app_signs_in_reads_renews_and_signs_out(ana: User, phone: Client) -> None:
    answer = sign_in(phone)
    tokens = answer.json()
    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    assert as_app(tokens).get("/api/v1/inbox/").status_code == 200

    renewed = post(phone, WHERE + "renewals/", {"refresh": tokens["refresh"]})
    assert renewed.status_code == 201
    app = as_app(renewed.json())
    assert [known["is_this"] for known in app.get(WHERE).json()["apps"]] == [True]

    assert app.delete(WHERE + "current/").status_code == 204
    refused = app.get("/api/v1/inbox/")
    assert (refused.status_code, refused["Content-Type"]) == (401, "application/problem+json")
    assert refused["WWW-Authenticate"].startswith("Bearer")
    assert post(phone, WHERE + "renewals/", {"refresh": renewed.json()["refresh"]}).status_code == 401
    assert phone.get("/api/v1/inbox/").status_code == 401


def test_what_an_app_does_needs_no_csrf_token(ana: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    tokens = sign_in(strict).json()

    assert as_app(tokens).post("/api/v1/inbox/seeing/", "{}", content_type="application/json").status_code in (200, 204)


def test_an_app_is_signed_out_from_a_browser_and_a_strangers_is_not_there(ana: User, phone: Client) -> None:
    tokens = sign_in(phone).json()
    browser, stranger = Client(), Client()
    browser.force_login(ana)
    stranger.force_login(make_user("bo"))

    assert stranger.delete(WHERE + tokens["id"] + "/").status_code == 404
    assert stranger.get(WHERE).json() == {"apps": []}
    assert browser.delete(WHERE + "current/").status_code == 404
    assert browser.delete(WHERE + tokens["id"] + "/").status_code == 204
    assert SignedInApp.objects.get().ended_because == SignedInApp.Ended.BY_PERSON


def test_an_operator_signs_an_app_out(ana: User, phone: Client, admin_client: Client) -> None:
    tokens = sign_in(phone).json()
    chosen = {"action": "sign_out", "_selected_action": [SignedInApp.objects.get().pk]}

    assert admin_client.post("/admin/accounts/signedinapp/", chosen).status_code == 302

    assert as_app(tokens).get("/api/v1/inbox/").status_code == 401
    assert SignedInApp.objects.get().ended_because == SignedInApp.Ended.BY_OPERATOR


def signs_itself_out(ana: User, tokens: dict[str, Any]) -> None:
    assert as_app(tokens).delete(WHERE + "current/").status_code == 204


def is_signed_out_on_the_page(ana: User, tokens: dict[str, Any]) -> None:
    assert browser_of(ana).post("/settings/apps/", {"app": tokens["id"]}).status_code == 302


def is_signed_out_with_all_others(ana: User, tokens: dict[str, Any]) -> None:
    assert browser_of(ana).post("/settings/apps/", {"others": "1"}).status_code == 302


def is_signed_out_by_another_app(ana: User, tokens: dict[str, Any]) -> None:
    assert as_app(sign_in(Client()).json()).delete(WHERE).status_code == 204


def is_signed_out_by_an_operator(ana: User, tokens: dict[str, Any]) -> None:
    end(SignedInApp.objects.filter(public_id=tokens["id"]), SignedInApp.Ended.BY_OPERATOR, timezone.now())


def shows_a_token_that_was_spent(ana: User, tokens: dict[str, Any]) -> None:
    newer = post(Client(), WHERE + "renewals/", {"refresh": tokens["refresh"]}).json()
    post(Client(), WHERE + "renewals/", {"refresh": newer["refresh"]})
    assert post(Client(), WHERE + "renewals/", {"refresh": tokens["refresh"]}).status_code == 401


def has_another_password(ana: User, tokens: dict[str, Any]) -> None:
    person = User.objects.get(pk=ana.pk)
    person.set_password("another long password")
    person.save()


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.parametrize(
    "leave",
    [
        signs_itself_out,
        is_signed_out_on_the_page,
        is_signed_out_with_all_others,
        is_signed_out_by_another_app,
        is_signed_out_by_an_operator,
        shows_a_token_that_was_spent,
        has_another_password,
    ],
)
def test_no_push_reaches_the_device_of_an_app_that_was_signed_out(
    ana: User, phone: Client, doubles: Doubles, leave: Callable[[User, dict[str, Any]], None]
) -> None:
    tokens = sign_in(phone).json()
    post(as_app(tokens), "/api/v1/devices/", {"kind": "token", "address": "the-phone"})
    browser = browser_of(ana)
    post(browser, "/api/v1/devices/", {"kind": "token", "address": "registered-by-no-app"})
    choose(ana.pk, "other", "push", is_on=True, now=timezone.now())
    noon = timezone.now().replace(hour=12)
    notify(type="other.announcement", audience=[ana], context={"title": "Before"}, channels=["push"], now=noon)

    leave(ana, tokens)

    notify(type="other.announcement", audience=[ana], context={"title": "After"}, channels=["push"], now=noon)
    deliver_all(noon)
    told = Counter(entry["to_digest"] for entry in doubles.ledger.entries() if entry["type"] == "other.announcement")
    assert told == {digest_of("registered-by-no-app"): 2}


@pytest.mark.parametrize(("username", "password"), [("ana", "wrong"), ("nobody", PASSWORD), ("Ana", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_answer_alike(ana: User, phone: Client, username: str, password: str) -> None:
    answer = sign_in(phone, username, password)

    assert answer.status_code == 401
    assert answer.json()["detail"] == "They do not fit together."
    assert not SignedInApp.objects.exists()


def test_a_disabled_person_cannot_sign_in(ana: User, phone: Client) -> None:
    User.objects.update(is_active=False)

    assert sign_in(phone).status_code == 401


def test_guessing_is_stopped_also_for_the_right_password(ana: User, phone: Client) -> None:
    assert [sign_in(phone, password=f"guess {number}").status_code for number in range(10)] == [401] * 10

    answer = sign_in(phone)

    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 900
    assert sign_in(phone, "bo").status_code == 401
    assert "ana" not in "".join(Try.objects.values_list("key", flat=True))


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"username": "ana", "password": PASSWORD},
        {"username": "ana", "password": PASSWORD, "app": ""},
        {"username": "ana", "password": PASSWORD, "app": "x" * 101},
        {"username": "ana", "password": ["x"], "app": "phone"},
        {"username": "ana", "password": "x" * 1025, "app": "phone"},
        {"username": "ana", "password": PASSWORD, "app": "phone", "scope": "all"},
    ],
)
def test_a_bad_body_is_refused_and_counts_as_no_try(ana: User, phone: Client, body: object) -> None:
    answer = post(phone, WHERE, body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert not Try.objects.exists()


@pytest.mark.parametrize("refresh", ["", "x", "capp_a.b.c~d", "capp_a.1.0~" + "x" * 500, 5, None])
def test_a_bad_refresh_token_is_refused(ana: User, phone: Client, refresh: object) -> None:
    assert post(phone, WHERE + "renewals/", {"refresh": refresh}).status_code in (400, 401)
