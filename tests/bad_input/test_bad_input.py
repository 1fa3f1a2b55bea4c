"""Whatever comes in: never a 500, never a partial write, and on the API problem details that say what is wrong."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse

from tests.bad_input.corpus import REQUESTS, SIZE, Call, in_places, raw, uploads, webhooks, whole_requests
from tests.bad_input.world import World, counts, make_world

API, PAGES = {**in_places("api"), **in_places("services")}, in_places("pages")


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def test_the_corpus_has_not_shrunk() -> None:
    assert SIZE >= 1_000


@pytest.mark.parametrize("place", API)
def test_the_api_refuses_every_bad_value(world: World, place: str) -> None:
    assert failures(world, API[place], problem_in) == []


@pytest.mark.parametrize("number", range(0, len(whole_requests()), 20))
def test_the_api_refuses_every_bad_request(world: World, number: int) -> None:
    assert failures(world, whole_requests()[number : number + 20], problem_in) == []


@pytest.mark.parametrize("place", PAGES)
def test_no_page_breaks_or_writes(world: World, place: str) -> None:
    assert failures(world, PAGES[place], lambda call, answer: f"{answer.status_code}" if answer.status_code >= 500 else "") == []


def test_no_upload_breaks_or_writes(world: World) -> None:
    assert failures(world, uploads(), lambda call, answer: "" if answer.status_code in (200, 400, 413) else f"{answer.status_code}") == []


def test_no_webhook_breaks_or_writes(world: World) -> None:
    assert failures(world, webhooks(), lambda call, answer: "" if 400 <= answer.status_code < 500 else f"{answer.status_code}") == []


@pytest.mark.parametrize("told", REQUESTS["commands"], ids=lambda told: told["name"])
def test_commands_refuse_in_one_line(db: None, tmp_path: Path, told: dict[str, Any]) -> None:
    file = tmp_path / "file"
    file.write_bytes(raw(told.get("file", "")))
    before = counts()

    with pytest.raises(CommandError) as refused:
        call_command(*(str(file) if word == "{file}" else word for word in told["command"]))

    assert "\n" not in str(refused.value).strip()
    assert str(refused.value)
    assert counts() == before


def failures(world: World, calls: Iterable[Call], judge: Any) -> list[str]:
    """This function will make the calls and name those that were answered wrongly or changed anything."""
    found = []
    before = counts()
    for call in calls:
        wrong = judge(call, world.send(call))
        after = counts()
        if after != before:
            wrong += f" wrote to {[table for table in after if after[table] != before[table]]}"
        before = after
        if wrong:
            found.append(f"{call.name}: {wrong}")
    return found


def problem_in(call: Call, answer: HttpResponse) -> str:
    """This function will say what is wrong with a refusal of the API; nothing is."""
    allowed = call.expect or (400, 401, 404, 409, 413)
    if answer.status_code not in allowed:
        return f"answered {answer.status_code}: {answer.content[:200]!r}"
    if answer.status_code < 400:
        return ""
    if answer.headers["Content-Type"] != "application/problem+json":
        return f"{answer.status_code} as {answer.headers['Content-Type']}"
    body = json.loads(answer.content)
    missing = {"type", "title", "status", "detail", "instance"} - body.keys()
    return f"lacks {missing}" if missing or body["status"] != answer.status_code else ""
