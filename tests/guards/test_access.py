"""Every route and method with every kind of caller, as access.txt says. Read next: access.py."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote as quote_key
from django.db import transaction

from tests.guards.access import METHODS, OWNED, Route, Row, World, named, read_matrix, routes
from tests.guards.test_admin import grow

MATRIX = read_matrix()
ALL = routes()
# What the administration has for each model: `[admin]` of access.txt says the rest.
PAGES = {"": "view", "add/": "add", "<path:object_id>/change/": "view", "<path:object_id>/delete/": "delete"} | {
    "<path:object_id>/history/": "view",
    "<path:object_id>/": "",
}
_OF_MODEL = re.compile(r"admin/(\w+)/(\w+)/(.*)")
MODELS = {
    route: found.groups()
    for route in ALL
    if (found := _OF_MODEL.fullmatch(route.place)) and found[3] in PAGES and f"{found[1]}_{found[2]}" in MATRIX.models
}
REFUSED = {"401", "403", "404", "405", "in"}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    # One world for all: every call is taken back. Each refusal is a line of django.request, and there are thousands of them.
    logging.disable()
    with django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def tokens_of_its_own(world: World) -> None:
    # What one test makes is taken back at its end, and the next may come in any order.
    world.tokens.clear()


def rows_of(*prefixes: str) -> list[tuple[Route, dict[str, Row]]]:
    rows: dict[str, dict[str, Row]] = {}
    for row in MATRIX.rows:
        rows.setdefault(row.route, {})[row.method] = row
    return [(route, rows.get(route.name, {})) for route in ALL if route.place.startswith(prefixes) and route not in MODELS]


@pytest.mark.timeout(900)
@pytest.mark.django_db
def test_the_api_answers_each_caller_as_the_matrix_says(world: World) -> None:
    wrong = [answer for route, rows in rows_of("api/") for answer in wrong_answers(world, route, rows)]
    assert not wrong, "\n".join(["Not as access.txt says:", *wrong])


@pytest.mark.timeout(900)
@pytest.mark.django_db
def test_pages_answer_each_caller_as_the_matrix_says(world: World) -> None:
    pages = [found for found in rows_of("") if not found[0].place.startswith("api/") and found[0].name != "admin:unnamed"]

    wrong = [answer for route, rows in pages for answer in wrong_answers(world, route, rows)]
    assert not wrong, "\n".join(["Not as access.txt says:", *wrong])


@pytest.mark.timeout(900)
@pytest.mark.django_db
def test_the_administration_answers_each_caller_as_the_matrix_says(world: World) -> None:
    grow(1)

    wrong = [answer for route in MODELS for answer in wrong_pages(world, route)]
    assert not wrong, "\n".join(["Not as access.txt says:", *wrong])


def wrong_pages(world: World, route: Route) -> Iterator[str]:
    """This function will ask a page of a model for everybody: only operators see it, and change what the model's line says."""
    label, model, place = MODELS[route]
    one = apps.get_model(label, model)._default_manager.order_by("pk").values_list("pk", flat=True)[0]
    may = MATRIX.models[f"{label}_{model}"] | {"view", ""}
    for caller in MATRIX.callers:
        # Whoever is no staff is led away before anything is read.
        for method in ("GET", "POST") if caller in ("nobody", "learner", "team", "staff", "operator") else ("GET",):
            changes = method == "POST" and place.endswith("change/")
            wanted = {"302"} if not PAGES[place] else {"200", "302"} if (PAGES[place] if not changes else "change") in may else {"403"}
            if caller == "staff" and PAGES[place]:
                wanted = {"403"}
            if caller not in ("staff", "operator"):
                wanted = {"in"}
            found = ask(world, route, method, caller, names={**world.own(caller), "object_id": quote_key(str(one))})
            if found not in wanted:
                yield f"{method} {route.name} {place} as {caller}: {found} instead of {wanted}"


def wrong_answers(world: World, route: Route, rows: dict[str, Row]) -> Iterator[str]:
    """This function will ask a route by every method, as every caller, about own objects and another's."""
    is_admin = route.place.startswith("admin/")
    # Django's administration takes any other method for a GET.
    for method in rows if is_admin else METHODS:
        row = rows.get(method)
        for caller in MATRIX.callers:
            if row is None:
                yield from wrong_refusals(world, route, method, caller)
            else:
                yield from wrong_calls(world, route, row, caller)
    for method in () if is_admin else ("HEAD", "OPTIONS"):
        for caller in MATRIX.callers:
            yield from wrong_asides(world, route, rows.get("GET"), method, caller)
    if route.place.startswith("api/"):
        yield from different_for_an_app(world, route, rows)


def wrong_calls(world: World, route: Route, row: Row, caller: str) -> Iterator[str]:
    own = world.own(caller)
    for whose, names in (("own", own), ("another", world.another)):
        expected = MATRIX.answers.get((row.kind, whose), {}).get(caller)
        if expected is not None and (whose == "own" or owned_in(route, row)):
            yield from judged(world, route, row, caller, {**own, **{name: names[name] for name in OWNED}}, expected, whose)
    parts = [name for name in route.names if name in OWNED]
    if len(parts) > 1 and MATRIX.answers[row.kind, "own"][caller] == "ok":
        for part in parts:
            yield from judged(world, route, row, caller, {**own, part: world.another[part]}, "404", f"another's {part}")


def owned_in(route: Route, row: Row) -> set[str]:
    """This function will name what belongs to somebody in a call."""
    return OWNED & {*route.names, *re.findall(r"\{(\w+)\}", row.query + row.body)}


def judged(world: World, route: Route, row: Row, caller: str, names: dict[str, str], expected: str, whose: str) -> Iterator[str]:
    wanted = str(row.status) if expected == "ok" else expected
    found = ask(world, route, row.method, caller, row=row, names=names)
    if found != wanted:
        yield f"{row.method} {route.name} ({whose}) as {caller}: {found} instead of {wanted}"
    if expected != "ok" and row.method != "GET" and (whose == "own" or not owned_in(route, row) - {*route.names}):
        found = ask(world, route, row.method, caller, row=Row(row.route, row.method, row.kind, 0, row.scope), names=names)
        if found != wanted:
            yield f"{row.method} {route.name} ({whose}) as {caller}, with no body: {found} instead of {wanted}"


def wrong_refusals(world: World, route: Route, method: str, caller: str) -> Iterator[str]:
    found = ask(world, route, method, caller)
    allowed = {"401"} if is_unknown(route, caller) else REFUSED
    if found not in allowed:
        yield f"{method} {route.name} as {caller}: {found}, and no row says so"


def wrong_asides(world: World, route: Route, get: Row | None, method: str, caller: str) -> Iterator[str]:
    found = ask(world, route, method, caller, row=get)
    if method == "HEAD" and get is not None:
        expected = MATRIX.answers[get.kind, "own"][caller]
        if found != (str(get.status) if expected == "ok" else expected):
            yield f"HEAD {route.name} as {caller}: {found}"
    elif found not in REFUSED and not (method == "OPTIONS" and found == "200" and not is_unknown(route, caller)):
        yield f"{method} {route.name} as {caller}: {found}"


def is_unknown(route: Route, caller: str) -> bool:
    return route.place.startswith("api/v1") and caller in ("nobody", "disabled")


def different_for_an_app(world: World, route: Route, rows: dict[str, Row]) -> Iterator[str]:
    """This function will ask as the learner's app: it may do what its person may, but for pages."""
    for row in rows.values():
        if route.place.startswith("api/v1"):
            for whose, names in (("own", world.own("learner")), ("another", world.another)):
                # An app may what its person may, and what is for apps alone.
                expected = "ok" if row.kind == "app_only" else MATRIX.answers.get((row.kind, whose), {}).get("learner")
                if expected is not None and (whose == "own" or owned_in(route, row)):
                    wanted = str(row.status) if expected == "ok" else expected
                    found = ask(world, route, row.method, "app", row=row, names={**world.own("learner"), **names})
                    if found != wanted:
                        yield f"{row.method} {route.name} ({whose}) as an app: {found} instead of {wanted}"


def ask(world: World, route: Route, method: str, caller: str, *, row: Row | None = None, names: dict[str, str] | None = None) -> str:
    """This function will make one call, take back what it changed, and give its status, or "in" for a way to sign in."""
    names = dict(names or world.own(caller))
    names["token"] = names["feed"] if route.name == "calendar-feed" else names["unsubscribe"]
    body, query = (row.body, row.query) if row is not None else ("", "")
    address = route.address(names) + named(query, {name: quote(value, safe="") for name, value in names.items()})
    headers = {"idempotency-key": "k"} if body else {}
    is_api = route.place.startswith("api/v1")
    if is_api:
        content, kind = named(body, names).encode(), "application/json"
    else:
        content, kind = urlencode(json.loads(named(body, names) or "{}")).encode(), "application/x-www-form-urlencoded"
    client = world.client(caller, row.scope if row is not None else "")
    with transaction.atomic():
        answer: Any = client.generic(method, address, content if method not in ("GET", "HEAD") else b"", kind, headers=headers)
        transaction.set_rollback(True)
    location = answer.headers.get("Location", "")
    is_in = answer.status_code == 302 and re.match(r"/(sign-in|admin/login)/\?next=", location)
    return "in" if is_in else str(answer.status_code)
