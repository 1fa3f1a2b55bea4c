import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.guards.access import read_matrix

# Pages that a visitor may see, by name; whoever adds one says here why.
OPEN_PAGES = {
    "login": "signing in",
    "sign-in-code": "signing in: believes nobody who has not shown a password",
    "password-reset": "says the same whether anybody has the address or not",
    "password-reset-confirm": "believes nobody without a token of ours, and signs nobody in",
    "confirm-email": "believes nobody without a token of ours, which proves no more than a mailbox",
    "sso": "leads to the provider of single sign-on, if there is one",
    "sso-return": "signing in: believes nobody without a code of the provider",
    "admin-door": "leads to signing in",
    "admin:login": "signing in",
    "logout": "leaving, which is harmless twice",
    "admin:logout": "leaving, which is harmless twice",
    "sns-webhook": "believes nobody without a signature of Amazon SNS",
    "twilio-webhook": "believes nobody without a signature by the token of our account",
    "unsubscribe": "believes nobody without a token of ours, which can only turn e-mail off",
    "calendar-feed": "the link is a secret of its own; a wrong one is not found",
    "embed-bell": "a script with words, and nothing of anybody's",
    "embedded-settings": "believes nobody without a visit that a code of a signed-in app opened",
    "open-embedded-settings": "believes nobody without a code of a signed-in app",
    "healthz": "asked by what watches the process",
    "readyz": "asked by what watches the process",
    "api-unknown": "says that nothing is there",
}
# Resources of the API that a visitor may use, by name, and by which methods.
OPEN_RESOURCES = {
    "api-signed-in-apps": {"post"},  # signing in
    "api-sign-in-codes": {"post"},  # says the same whether anybody has the number or not
    "api-renewals": {"post"},  # believes nobody without a refresh token of ours
}
# One text for every converter: a valid id, number, word and path at once.
SAMPLE = "1111111111111111"
METHODS = ("get", "post", "put", "patch", "delete", "options")


def routes(resolver: URLResolver, prefix: str = "", names: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """This function will yield (name, address) for every route, with SAMPLE in every place."""
    for entry in resolver.url_patterns:
        address = prefix + sample_of(str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from routes(entry, address, (*names, entry.namespace) if entry.namespace else names)
        elif isinstance(entry, URLPattern):
            yield ":".join([*names, entry.name or "unnamed"]), address


def sample_of(pattern: str) -> str:
    # Groups of regular expressions hold no groups of their own here; sample_of is tested below to leave nothing behind.
    text = re.sub(r"\(\?P<[^>]+>[^()]*\)", SAMPLE, pattern.removeprefix("^").removesuffix("$").removesuffix(r"\Z"))
    return re.sub(r"<[^>]+>", SAMPLE, text)


ALL = sorted(set(routes(get_resolver())))
API = [(name, address) for name, address in ALL if address.startswith("api/v1/")]
PAGES = [(name, address) for name, address in ALL if not address.startswith("api/v1/")]


def test_every_route_has_a_name_and_an_address() -> None:
    assert len(ALL) > 100
    assert [address for _, address in ALL if re.search(r"[<>()\[\]\\^$*]", address)] == []
    assert len(API) >= 11


@pytest.mark.parametrize(("name", "address"), API)
def test_the_api_refuses_visitors(db: None, name: str, address: str) -> None:
    client = Client()

    for method in set(METHODS) - OPEN_RESOURCES.get(name, set()):
        answer: Any = getattr(client, method)(f"/{address}")
        assert answer.status_code == 401, method
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(("name", "address"), [page for page in PAGES if page[0] not in OPEN_PAGES])
def test_pages_lead_visitors_to_the_sign_in(db: None, name: str, address: str) -> None:
    client = Client()

    answer: Any = client.get(f"/{address}")
    if answer.status_code == 405:
        answer = client.post(f"/{address}")

    assert answer.status_code == 302, f"{name} answers a visitor: protect it, or say in OPEN_PAGES why not"
    assert answer.headers["Location"].startswith(("/sign-in/?next=", "/admin/login/?next="))


def test_every_route_has_its_rows_in_access_txt() -> None:
    matrix = read_matrix()
    models = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    of_models = re.compile(rf"admin:({'|'.join(models)})_(changelist|add|history|delete|change)")
    known = {row.route for row in matrix.rows}
    # Django's administration does not name where it leads on.
    needed = {name for name, _ in ALL if not of_models.fullmatch(name)} - {"admin:unnamed"}

    assert needed == known, "tests/guards/access.txt says who may call a route; tests/guards/access.py makes what its address names"
    assert models == matrix.models.keys()


def test_open_pages_exist() -> None:
    assert OPEN_PAGES.keys() <= {name for name, _ in PAGES}
    assert OPEN_RESOURCES.keys() <= {name for name, _ in API}
