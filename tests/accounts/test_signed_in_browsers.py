"""The browsers in which somebody is signed in, and the hands that others are in."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import SignedInApp, SignedInBrowser, User
from accounts.signed_in_apps import sign_in
from accounts.signed_in_browsers import SEEN_EVERY, forget_browsers, living
from tests.factories import make_user

PASSWORD = "correct horse battery"
HASH = make_password(PASSWORD)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
PAGE, API = "/settings/apps/", "/api/v1/signed-in-browsers/"


@pytest.fixture
def ana(db: None) -> User:
    user = make_user("ana")
    User.objects.filter(pk=user.pk).update(password=HASH)
    user.refresh_from_db()
    return user


def enter(agent: str = FIREFOX, username: str = "ana") -> Client:
    client = Client(headers={"user-agent": agent})
    client.post("/sign-in/", {"username": username, "password": PASSWORD})
    return client


def is_in(client: Client) -> bool:
    return client.get("/inbox/").status_code == 200


def listed(client: Client) -> list[tuple[str, bool]]:
    return [(browser["device"], browser["is_this"]) for browser in client.get(API).json()["browsers"]]


def test_each_browser_is_listed_by_its_name_and_knows_itself(ana: User) -> None:
    linux, phone = enter(), enter(SAFARI)

    assert listed(linux) == [("Safari, iPhone", False), ("Firefox, Linux", True)]
    assert listed(phone) == [("Safari, iPhone", True), ("Firefox, Linux", False)]
    page = linux.get(PAGE).content.decode()
    assert ("Safari, iPhone" in page, page.count("This browser")) == (True, 1)


def test_one_that_is_signed_out_is_out_at_once_and_the_others_stay(ana: User) -> None:
    here, there, third = enter(), enter(SAFARI), enter("curl/8")
    there_id = here.get(API).json()["browsers"][1]["id"]

    assert here.delete(f"{API}{there_id}/").status_code == 204
    assert [is_in(client) for client in (here, there, third)] == [True, False, True]
    third_id = here.get(API).json()["browsers"][0]["id"]
    assert "An unknown browser is signed out." in here.post(PAGE, {"browser": third_id}, follow=True).content.decode()
    assert [is_in(client) for client in (here, third)] == [True, False]


def test_signing_out_everywhere_else_leaves_this_browser_alone(ana: User) -> None:
    here, there = enter(), enter(SAFARI)
    sign_in(ana, "Ana's phone", timezone.now())

    here.post(PAGE, {"others": "yes"})

    assert [is_in(client) for client in (here, there)] == [True, False]
    assert listed(here) == [("Firefox, Linux", True)]
    assert SignedInApp.objects.get().ended_because == "by_person"


def test_an_app_signs_out_all_browsers_and_all_other_apps(ana: User) -> None:
    browser = enter()
    app, other = (Client(headers={"authorization": f"Bearer {sign_in(ana, name, timezone.now()).access}"}) for name in "ab")

    assert listed(app) == [("Firefox, Linux", False)]
    assert [app.delete(address).status_code for address in (API, "/api/v1/signed-in-apps/")] == [204, 204]

    assert not is_in(browser)
    assert [client.get("/api/v1/inbox/").status_code for client in (app, other)] == [200, 401]


def test_a_browser_signs_out_all_other_browsers_by_the_api(ana: User) -> None:
    here, there = enter(), enter(SAFARI)

    assert here.delete(API).status_code == 204
    assert [is_in(client) for client in (here, there)] == [True, False]


def test_anothers_browser_is_not_there(ana: User) -> None:
    make_user("ben")
    User.objects.filter(username="ben").update(password=HASH)
    mine, theirs = enter(), enter(username="ben")
    theirs_id = SignedInBrowser.objects.get(user__username="ben").public_id

    assert mine.delete(f"{API}{theirs_id}/").status_code == 404
    assert mine.post(PAGE, {"browser": theirs_id}).status_code == 404
    mine.post(PAGE, {"others": "yes"})
    assert is_in(theirs)


def test_leaving_takes_the_browser_off_the_list(ana: User) -> None:
    here, there = enter(), enter(SAFARI)
    there.post("/sign-out/")

    assert listed(here) == [("Firefox, Linux", True)]


def test_another_password_leaves_the_browser_where_it_was_changed(ana: User) -> None:
    here, there = enter(), enter(SAFARI)
    new = "another horse battery"
    here.post("/settings/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})

    assert [is_in(client) for client in (here, there)] == [True, False]
    assert listed(here) == [("Firefox, Linux", True)]
    assert SignedInBrowser.objects.get(device="Firefox, Linux").session_key == here.cookies["sessionid"].value


def test_last_seen_is_kept_to_the_hour_without_a_statement_for_each_request(ana: User) -> None:
    client = enter()
    begun = SignedInBrowser.objects.get().seen_at
    is_in(client)
    assert SignedInBrowser.objects.get().seen_at == begun

    with time_machine.travel(begun + SEEN_EVERY + timedelta(minutes=1), tick=False):
        is_in(client)

    assert SignedInBrowser.objects.get().seen_at == begun + SEEN_EVERY + timedelta(minutes=1)


def test_a_session_of_before_is_listed_when_it_is_seen(ana: User) -> None:
    client = enter()
    session = client.session
    del session["signed_in_browser"]
    session.save()
    SignedInBrowser.objects.all().delete()

    assert listed(client) == []
    assert listed(client) == [("Firefox, Linux", True)]


def test_a_token_beside_the_cookie_of_somebody_else_lists_nothing_wrong(ana: User) -> None:
    ben = make_user("ben")
    client = enter()
    client.get("/inbox/", headers={"authorization": f"Bearer {sign_in(ben, 'phone', timezone.now()).access}"})
    client.get(API, headers={"authorization": f"Bearer {sign_in(ben, 'phone', timezone.now()).access}"})

    assert not SignedInBrowser.objects.filter(user=ben).exists()


def test_what_is_over_is_forgotten_and_what_holds_stays(ana: User) -> None:
    enter()
    enter(SAFARI)
    Session.objects.filter(pk=SignedInBrowser.objects.latest("pk").session_key).delete()

    assert list(living(ana, timezone.now()).values_list("device", flat=True)) == ["Firefox, Linux"]
    assert forget_browsers(timezone.now()) == 0
    assert forget_browsers(timezone.now() + timedelta(days=2)) == 1
    assert forget_browsers(timezone.now() + timedelta(days=2)) == 0
