"""The settings page inside an app: what a code opens, how often, how long, and whose."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import SignedInApp, User
from accounts.settings_visit_pages import COOKIE
from accounts.signed_in_apps import sign_in
from channels_ace.api import Recipient
from notifications.models import Preference
from tests.factories import NOW, make_user
from tests.notifications.test_settings_pages import form_of

CODES = "/api/v1/settings-codes/"
PAGE = "/settings/app/"


@pytest.fixture(autouse=True)
def clock(db: None) -> Any:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def ana() -> User:
    return make_user("ana", time_zone="Africa/Lagos", language="en")


def post(client: Client) -> Any:
    return client.post(CODES, {}, "application/json")


def code_of(person: User) -> str:
    app = Client(headers={"authorization": f"Bearer {sign_in(person, 'phone', NOW).access}"})
    answer = post(app)
    assert answer.status_code == 201, answer.content
    assert answer.json()["url"].endswith("/settings/app/opening/")
    assert answer.json()["code"] not in answer.json()["url"]
    return str(answer.json()["code"])


def opened(code: str, **more: str) -> tuple[Client, Any]:
    web_view = Client()
    return web_view, web_view.post("/settings/app/opening/", {"code": code, **more}, follow=True)


def test_a_code_opens_the_page_without_header_in_the_theme_and_language_of_the_app(ana: User) -> None:
    _web_view, answer = opened(code_of(ana), theme="dark", language="ar")

    assert answer.redirect_chain == [(PAGE, 303)]
    page = answer.content.decode()
    assert '<html lang="ar" dir="rtl" class="is-dark"' in page
    assert "topbar" not in page
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]
    assert 'href="/' not in page.replace('href="/static/', "")


def test_what_is_chosen_there_is_saved(ana: User) -> None:
    web_view, _answer = opened(code_of(ana))

    by_script = web_view.post(PAGE, {"changed": "discussion:email", "value": "off"}, headers={"accept": "application/json"})

    assert by_script.json()["saved"] is True
    assert list(Preference.objects.values_list("user_id", "scope", "channel", "is_on")) == [(ana.pk, "discussion", "email", False)]


def test_without_script_the_whole_form_is_saved_and_leads_back_to_the_same_page(ana: User) -> None:
    web_view, page = opened(code_of(ana))

    answer = web_view.post(PAGE, {**form_of(page), "language": "es"})

    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert Recipient.objects.get(user=ana).language == "es"


def test_a_code_is_good_once(ana: User) -> None:
    code = code_of(ana)
    opened(code)

    _web_view, answer = opened(code)

    assert answer.status_code == 403
    assert "This page has closed" in answer.content.decode()


def test_a_code_is_good_for_a_minute(ana: User, clock: Any) -> None:
    early, late = code_of(ana), code_of(make_user("ben"))

    clock.shift(timedelta(seconds=59))
    assert opened(early)[1].status_code == 200
    clock.shift(timedelta(seconds=1))
    assert opened(late)[1].status_code == 403


@pytest.mark.parametrize("spoilt", ["", "x", ".", "a.b", "x" * 5000, "\u0663.\u0663"])
def test_a_spoilt_code_opens_nothing(ana: User, spoilt: str) -> None:
    code_of(ana)

    assert opened(spoilt)[1].status_code == 403


def test_the_next_code_takes_the_place_of_the_last(ana: User) -> None:
    app = Client(headers={"authorization": f"Bearer {sign_in(ana, 'phone', NOW).access}"})
    first, second = (post(app).json()["code"] for _time in range(2))

    assert opened(first)[1].status_code == 403
    assert opened(second)[1].status_code == 200


def test_it_opens_that_page_and_no_other(ana: User) -> None:
    web_view, _answer = opened(code_of(ana))
    # Also where somebody carries the cookie to other pages, which a browser does not.
    cookie = web_view.cookies[COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (PAGE, True, "Lax")

    for other in ("/inbox/", "/settings/", "/settings/phone/", "/settings/data/", "/settings/calendar/", "/admin/", "/studies/mine/"):
        answer = web_view.get(other)
        assert answer.status_code == 302, other
        assert "sign-in" in answer.headers["Location"] or "login" in answer.headers["Location"]
    assert web_view.get("/api/v1/inbox/").status_code == 401
    assert web_view.post("/settings/mutes/", {"key": "course-v1:A+B+C"}).status_code == 302


def test_it_shows_the_settings_of_its_own_person_only(ana: User) -> None:
    ben = make_user("ben")
    web_view, _answer = opened(code_of(ana))
    # Somebody else is signed in in the same browser: the page is still of whoever the code was for.
    web_view.force_login(ben)

    web_view.post(PAGE, {"changed": "discussion:email", "value": "off"}, headers={"accept": "application/json"})

    assert set(Preference.objects.values_list("user_id", flat=True)) == {ana.pk}


def test_one_app_cannot_spend_the_code_of_another(ana: User) -> None:
    code_of(ana)
    bens = code_of(make_user("ben"))
    anas_id = SignedInApp.objects.get(user=ana).public_id

    assert opened(f"{anas_id}.{bens.partition('.')[2]}")[1].status_code == 403


def test_a_visit_ends_with_the_app_its_person_and_its_hour(ana: User, clock: Any) -> None:
    web_view, _answer = opened(code_of(ana))
    assert web_view.get(PAGE).status_code == 200
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert web_view.get(PAGE).status_code == 403
    User.objects.filter(pk=ana.pk).update(is_active=True)
    SignedInApp.objects.update(ended_at=NOW)
    assert web_view.get(PAGE).status_code == 403
    SignedInApp.objects.update(ended_at=None)
    clock.shift(timedelta(hours=1, seconds=1))
    assert web_view.get(PAGE).status_code == 403


def test_a_browser_session_has_no_code(ana: User) -> None:
    browser = Client()
    browser.force_login(ana)

    assert post(browser).status_code == 403


def test_the_code_is_stored_nowhere(ana: User) -> None:
    code = code_of(ana)

    assert code.partition(".")[2] not in str(SignedInApp.objects.values().get())
