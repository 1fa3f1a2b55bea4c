"""A whole sign-in by a provider that answers on the wire, and what it may not talk us into."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from django.utils import timezone

from accounts.models import ProviderIdentity, User
from accounts.personal_data import erase
from accounts.tries import LIMITS
from channels_ace.api import ContactPoint, Message
from tests.accounts.test_second_factor import digits, with_app
from tests.factories import make_contact, make_user
from tests.fakes.oidc import Provider, new_key, provider, shared_key

pytestmark = pytest.mark.django_db
PROVED = {"email": "ana@example.org", "email_verified": True}


@pytest.fixture
def university(settings: Any) -> Iterator[Provider]:
    with provider() as one:
        settings.OIDC = one.settings()
        one.claims = dict(PROVED)
        yield one


def leave(client: Client, goes_to: str = "/settings/") -> str:
    """This function will go to the provider, sign in there, and give the address by which it sends one back."""
    there = client.get("/sign-in/provider/", {"next": goes_to}).headers["Location"]
    back = requests.get(there, allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(back)
    return f"{parts.path}?{parts.query}"


def come_back(client: Client, goes_to: str = "/settings/") -> str:
    return str(client.get(leave(client, goes_to)).headers["Location"])


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_whoever_proved_their_address_here_and_there_is_signed_in_and_told(client: Client, university: Provider) -> None:
    ana = make_user("ana", email="ana@example.org")
    page = client.get("/sign-in/?next=/settings/").content.decode()
    assert "Sign in with Example University" in page
    assert "/sign-in/provider/?next=/settings/" in page

    assert come_back(client) == "/settings/"

    assert client.session["_auth_user_id"] == str(ana.pk)
    identity = ProviderIdentity.objects.get()
    assert (identity.user, identity.issuer, identity.subject) == (ana, university.issuer, "u-1")
    assert Message.objects.get(type="account.provider_linked").context == {"provider": "Example University"}


def test_a_link_outlives_another_address_on_either_side(university: Provider) -> None:
    ana = make_user("ana", email="ana@example.org")
    come_back(Client())
    university.claims = {"email": "someone@else.example", "email_verified": False}
    client = Client()

    assert come_back(client) == "/settings/"
    assert client.session["_auth_user_id"] == str(ana.pk)
    assert Message.objects.filter(type="account.provider_linked").count() == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None},
        {"email": ["ana@example.org"]},
        {"email": "ana@example.org\nBcc: x@example.org"},
        {"email": "nobody@example.org"},
    ],
)
def test_an_address_that_the_provider_did_not_prove_links_nothing(client: Client, university: Provider, claims: dict[str, Any]) -> None:
    make_user("ana", email="ana@example.org")
    university.claims |= claims

    assert come_back(client) == "/sign-in/"
    assert (is_in(client), ProviderIdentity.objects.exists()) == (False, False)
    assert "There is no account here for you." in client.get("/sign-in/").content.decode()


def test_an_address_that_was_not_proved_here_links_nothing(client: Client, university: Provider) -> None:
    mallory = make_user("mallory")
    User.objects.filter(pk=mallory.pk).update(email="ana@example.org")
    make_contact(mallory, "email", "ana@example.org", verified=False)

    assert (come_back(client), is_in(client)) == ("/sign-in/", False)


def test_an_address_that_two_have_links_nothing(client: Client, university: Provider) -> None:
    make_user(email="ana@example.org")
    make_user(email="ana@example.org")

    assert (come_back(client), is_in(client)) == ("/sign-in/", False)


def test_a_disabled_account_stays_out_before_the_link_and_after(university: Provider) -> None:
    ana = make_user("ana", email="ana@example.org")
    for is_linked in (False, True):
        if is_linked:
            ProviderIdentity.objects.create(user=ana, issuer=university.issuer, subject="u-1", linked_at=timezone.now())
        User.objects.filter(pk=ana.pk).update(is_active=False)
        client = Client()
        assert (come_back(client), is_in(client)) == ("/sign-in/", False)


@pytest.mark.parametrize("makes", [False, True])
def test_a_new_account_is_made_only_where_the_site_says_so(client: Client, university: Provider, settings: Any, makes: bool) -> None:
    settings.OIDC = university.settings(makes_accounts=makes)
    university.claims |= {"given_name": "Ana\x00", "family_name": "N" * 200}

    come_back(client)

    assert is_in(client) is makes
    if makes:
        user = User.objects.get()
        assert (user.email, user.first_name, len(user.last_name), user.has_usable_password()) == ("ana@example.org", "Ana", 150, False)
        assert ContactPoint.objects.get(user=user).verified_at is not None


def test_no_account_is_made_beside_one_that_names_the_address(client: Client, university: Provider, settings: Any) -> None:
    settings.OIDC = university.settings(makes_accounts=True)
    User.objects.create_user("ana", email="Ana@example.org")

    assert (come_back(client), User.objects.count()) == ("/sign-in/", 1)


# What must not be believed.


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
)
def test_a_token_that_is_not_of_it_for_us_and_for_now_signs_nobody_in(client: Client, university: Provider, claims: dict[str, Any]) -> None:
    make_user("ana", email="ana@example.org")
    university.claims |= claims

    assert (come_back(client), is_in(client)) == ("/sign-in/", False)


def test_a_token_by_another_key_or_by_our_own_secret_signs_nobody_in(university: Provider) -> None:
    make_user("ana", email="ana@example.org")
    for algorithm, key in (("RS256", new_key()), ("HS256", shared_key())):
        university.algorithm, university.signs_by = algorithm, key
        client = Client()
        assert (come_back(client), is_in(client)) == ("/sign-in/", False)


def test_a_new_key_of_the_provider_is_fetched(university: Provider) -> None:
    make_user("ana", email="ana@example.org")
    for fetched in (1, 1):
        assert come_back(Client()) == "/settings/"
        assert university.asked.count("/keys") == fetched
    university.key = new_key()

    assert come_back(Client()) == "/settings/"
    assert university.asked.count("/keys") == 2


def test_a_return_is_good_once_and_in_the_browser_that_left(client: Client, university: Provider) -> None:
    make_user("ana", email="ana@example.org")
    back, stranger = leave(client), Client()

    assert (stranger.get(back).headers["Location"], is_in(stranger)) == ("/sign-in/", False)
    assert client.get(back).headers["Location"] == "/settings/"
    client.post("/sign-out/")
    assert (client.get(back).headers["Location"], is_in(client)) == ("/sign-in/", False)


@pytest.mark.parametrize("query", ["", "?state=x", "?code=x", "?code=x&state=y", "?error=access_denied&state=x", "?code=%00&state=%00"])
def test_a_made_up_return_leads_back(client: Client, university: Provider, query: str) -> None:
    assert client.get(f"/sign-in/provider/return/{query}").headers["Location"] == "/sign-in/"


@pytest.mark.parametrize("answer", [(400, {"error": "invalid_grant"}), (500, {}), (200, {}), (200, {"access_token": "x"})])
def test_a_provider_that_fails_is_said_so(client: Client, university: Provider, answer: tuple[int, dict[str, str]]) -> None:
    university.refuses = answer

    assert (come_back(client), is_in(client)) == ("/sign-in/", False)
    assert "That did not work." in client.get("/sign-in/").content.decode()


def test_a_provider_that_is_away_is_said_so(client: Client, university: Provider, settings: Any) -> None:
    settings.OIDC = university.settings(issuer="http://127.0.0.1:9")

    assert client.get("/sign-in/provider/").headers["Location"] == "/sign-in/"
    assert "cannot be reached just now" in client.get("/sign-in/").content.decode()


def test_nobody_is_led_to_another_site(client: Client, university: Provider) -> None:
    make_user("ana", email="ana@example.org")

    assert come_back(client, "https://evil.example/") == "/"


def test_it_is_tried_only_so_often(client: Client, university: Provider) -> None:
    for _visit in range(LIMITS["single_sign_on"]["address"][0].most):
        client.get("/sign-in/provider/")

    assert client.get("/sign-in/provider/").headers["Location"] == "/sign-in/"


def test_a_site_without_a_provider_has_no_such_pages(client: Client) -> None:
    assert client.get("/sign-in/provider/").status_code == 404
    assert client.get("/sign-in/provider/return/").status_code == 404
    assert "/sign-in/provider/" not in client.get("/sign-in/").content.decode()


# The second factor.


def test_a_second_factor_of_ours_is_asked_for_all_the_same(client: Client, university: Provider) -> None:
    ana = make_user("ana", email="ana@example.org")
    with_app(ana)

    assert (come_back(client), is_in(client)) == ("/sign-in/code/", False)
    assert client.post("/sign-in/code/", {"code": digits(ana, timezone.now())}).headers["Location"] == "/settings/"
    assert client.get("/settings/").status_code == 200


@pytest.mark.parametrize(
    ("claims", "counts"),
    [
        ({"amr": ["pwd", "mfa"]}, True),
        ({"acr": "https://refeds.org/profile/mfa"}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": [{"mfa": 1}]}, False),
        ({}, False),
    ],
)
def test_a_second_factor_of_the_provider_counts_where_the_site_says_so(
    client: Client, university: Provider, settings: Any, claims: dict[str, Any], counts: bool
) -> None:
    settings.REQUIRE_SECOND_FACTOR_OF = ["operators"]
    ana = make_user("ana", email="ana@example.org")
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    university.claims |= claims
    for accepted in ([], ["mfa", "https://refeds.org/profile/mfa"]):
        settings.OIDC = university.settings(second_factor=accepted)
        visitor = Client()
        come_back(visitor)
        is_let_in = visitor.get("/settings/").status_code == 200
        assert is_let_in is (counts and bool(accepted))


def test_a_link_goes_with_the_account(university: Provider) -> None:
    ana = make_user("ana", email="ana@example.org")
    come_back(Client())
    erase(ana, timezone.now())
    client = Client()

    assert (come_back(client), is_in(client)) == ("/sign-in/", False)


def test_what_goes_to_the_provider_holds_state_nonce_and_a_challenge(client: Client, university: Provider) -> None:
    there = urlsplit(client.get("/sign-in/provider/").headers["Location"])
    asked = parse_qs(there.query)

    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert asked["redirect_uri"] == ["http://127.0.0.1:8000/sign-in/provider/return/"]
