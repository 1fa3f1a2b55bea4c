"""What the owner of an account hears of it, whatever they have turned off."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.known_browsers import device_of
from accounts.models import KnownBrowser, User
from accounts.signed_in_apps import sign_in
from channels_ace.api import ContactPoint, Message, Refused
from notifications.api import InboxItem, choose
from tests.factories import NOW, make_user

PASSWORD = "a long enough password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36 Edg/141.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E Safari/604.1"
)


@pytest.fixture
def ana(db: None) -> User:
    user = make_user("ana", email="ana@example.org")
    User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD))
    return user


def enter(client: Client, name: str = "ana", agent: str = FIREFOX) -> None:
    answer = client.post("/sign-in/", {"username": name, "password": PASSWORD, "next": "/inbox/"}, headers={"user-agent": agent})
    assert answer.status_code == 302


def told(user: User) -> list[str]:
    return list(InboxItem.objects.filter(user=user).order_by("message_id").values_list("message__type", flat=True))


def test_an_account_that_is_opened_is_told_of_once(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=False)
    waiting = User.objects.get(pk=ana.pk)
    waiting.first_name = "Ana"
    waiting.save()
    assert told(ana) == []

    waiting.is_active, waiting.email = True, "not-written@example.org"
    waiting.save(update_fields=["is_active"])
    waiting.refresh_from_db()
    waiting.save()

    assert told(ana) == ["account.activated"]
    assert Message.objects.get().deliveries.get(channel="email").state == "ready"


def test_who_is_new_or_only_signs_in_was_not_opened(ana: User) -> None:
    ana.last_login = NOW
    ana.save(update_fields=["last_login"])
    ana.save()
    assert told(ana) == []


def test_only_a_browser_that_never_was_here_is_told_of(ana: User) -> None:
    home, elsewhere = Client(), Client()
    enter(home)
    enter(home)
    assert told(ana) == []

    enter(elsewhere, agent=EDGE)
    enter(elsewhere, agent=EDGE)

    message = Message.objects.get(type="account.new_sign_in")
    assert told(ana) == ["account.new_sign_in"]
    assert message.context["device"] == "Edge, Windows"
    assert home.cookies["carillon_browser"]["httponly"]
    assert ana.username not in home.cookies["carillon_browser"].value


def test_a_browser_that_two_share_is_known_to_each_by_themselves(ana: User) -> None:
    ben = make_user("ben")
    User.objects.filter(pk=ben.pk).update(password=make_password(PASSWORD))
    shared = Client()
    enter(Client(), "ben")
    enter(shared)
    shared.post("/sign-out/")
    enter(shared, "ben")

    assert (told(ana), told(ben)) == ([], ["account.new_sign_in"])
    assert KnownBrowser.objects.filter(user=ben).count() == 2


def test_a_browser_without_a_name_is_let_in_and_told_of(ana: User, client: Client) -> None:
    enter(Client())
    enter(client, agent="curl/8")

    assert "from an unknown browser" in client.get("/inbox/").content.decode()


@pytest.mark.parametrize("cookie", ["", "x", "é" * 32, "a" * 33, "../" * 11])
def test_a_made_up_cookie_is_not_a_known_browser(ana: User, cookie: str) -> None:
    enter(Client())
    forged = Client()
    forged.cookies["carillon_browser"] = cookie
    enter(forged)

    assert told(ana) == ["account.new_sign_in"]
    assert forged.cookies["carillon_browser"].value != cookie


def test_an_app_is_always_told_of(ana: User) -> None:
    sign_in(ana, "Carillon on Ana's phone", NOW)

    assert Message.objects.get(type="account.new_sign_in").context == {
        "device": "Carillon on Ana's phone",
        "signed_in_at": "2026-03-02T12:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("agent", "words"), [(FIREFOX, "Firefox, Linux"), (EDGE, "Edge, Windows"), (IPHONE, "Safari, iPhone"), ("curl/8", ""), ("", "")]
)
def test_a_browser_is_named_by_what_it_says(agent: str, words: str) -> None:
    assert device_of(agent) == words


def test_another_password_is_told_and_a_stronger_hash_is_not(ana: User, settings: Settings) -> None:
    hashers = "django.contrib.auth.hashers"
    settings.PASSWORD_HASHERS = [f"{hashers}.MD5PasswordHasher", f"{hashers}.PBKDF2PasswordHasher"]
    weak = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1)
    User.objects.filter(pk=ana.pk).update(password=weak)
    ana.refresh_from_db()
    assert ana.check_password(PASSWORD)
    assert (ana.password != weak, told(ana)) == (True, [])

    ana.set_password("another long password")
    ana.save()
    ana.save()

    assert told(ana) == ["account.password_changed"]


def test_another_address_is_told_to_the_one_before(ana: User) -> None:
    ana.email = "new@example.org"
    ana.save(update_fields=["email"])
    ana.email = "NEW@example.org"
    ana.save()

    assert told(ana) == ["account.email_changed"]
    delivery = Message.objects.get(type="account.email_changed").deliveries.get(channel="email")
    assert ContactPoint.objects.get(pk=delivery.contact_point_id).address == "ana@example.org"


def test_a_new_account_has_changed_nothing(db: None) -> None:
    ben = User(username="ben", email="ben@example.org")
    ben.set_password(PASSWORD)
    ben.save()

    assert told(ben) == []


@pytest.mark.parametrize("name", ["new_sign_in", "password_changed", "email_changed"])
def test_nobody_can_turn_it_off(ana: User, name: str) -> None:
    with pytest.raises(Refused, match="cannot be changed"):
        choose(ana.pk, f"account.{name}", "email", is_on=False, now=NOW)


def test_maintenance_is_told_to_everyone_once(ana: User) -> None:
    gone = make_user("gone")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    starts = (timezone.now() + timedelta(days=1)).isoformat()
    ends = (timezone.now() + timedelta(days=1, hours=2)).isoformat()
    for _again in range(2):
        call_command("announce_maintenance", starts, ends, stdout=io.StringIO())

    assert (told(ana), told(gone)) == (["account.maintenance"], [])


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("tomorrow", "2036-03-02T22:00:00Z"),
        ("2036-03-02T22:00:00", "2036-03-02T23:00:00Z"),
        ("2036-03-02T22:00:00Z", "2036-03-02T22:00:00Z"),
        ("2016-03-02T22:00:00Z", "2016-03-02T23:00:00Z"),
        ("", ""),
    ],
)
def test_times_that_make_no_sense_are_refused_in_one_line(ana: User, starts: str, ends: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("announce_maintenance", starts, ends)

    assert (refused.value.returncode, "\n" in str(refused.value)) == (2, False)
    assert not Message.objects.exists()
