"""What the docs give to paste is pasted here."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db.models import Value
from django.test import override_settings

from channels_ace import message_types
from channels_ace.api import Attempt, Question, deliver, find, sentence, verdict
from channels_ace.channel import _load
from notifications import inbox
from notifications.models import InboxItem
from tests.channels_ace.saying import make_people, say
from tests.factories import NOW, make_user

ADDING = (Path(__file__).parents[2] / "docs" / "adding.md").read_text()


def blocks(language: str) -> list[str]:
    """This function will give the fenced blocks of docs/adding.md in a language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", ADDING, re.M | re.S)
    return ["\n".join(line[len(indent) :] for line in text.splitlines()) for indent, text in found]


@pytest.fixture
def own_registry() -> Iterator[None]:
    before = dict(message_types._registered)
    yield
    message_types._registered.clear()
    message_types._registered.update(before)


@pytest.mark.django_db
def test_the_first_own_notification_type_works_as_pasted(own_registry: None, tmp_path: Path, settings: Any) -> None:
    # given: steps 1 and 2 of docs/adding.md
    declare, say = blocks("python")[:2]
    (text,) = blocks("django")
    folder = tmp_path / "messages" / "library.loan_due"
    folder.mkdir(parents=True)
    (folder / "text.txt").write_text(text)
    templates = [{**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}]
    user = make_user(email="reader@example.org")

    # when: step 3, by day: at night e-mail waits
    with override_settings(TEMPLATES=templates), time_machine.travel(NOW, tick=False):
        exec(declare, {})  # noqa: S102
        exec(say, {"user": user, "loan": SimpleNamespace(pk=7)})  # noqa: S102
        item = InboxItem.objects.select_related("message").get(user=user)
        words = inbox.words(item, "en")

    # then
    assert words["title"] == "“Middlemarch” is due tomorrow."
    held = dict(item.message.deliveries.values_list("channel", "reason"))
    # It is said now, by the clock: at night e-mail waits for the morning.
    assert held.pop("email") in ("", "quiet_hours")
    assert held == {"push": "no_contact_point"}


@pytest.mark.django_db
def test_the_provider_works_as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [block for block in blocks("python") if "class PostcardChannel" in block]
    pasted: dict[str, Any] = {}
    exec(code, pasted)  # noqa: S102
    monkeypatch.setattr("channels_ace.channels.sms_aws.EndUserMessagingChannel", pasted["PostcardChannel"])
    _load.cache_clear()

    try:
        say(make_people(1))
        deliver(NOW)
    finally:
        _load.cache_clear()

    assert list(Attempt.objects.values_list("provider", "outcome")) == [("postcards", "accepted")]


@pytest.mark.django_db
def test_the_policy_works_as_pasted() -> None:
    (code,) = [block for block in blocks("python") if "class NotToClosedAccounts" in block]
    pasted: dict[str, Any] = {}
    exec(code, pasted)  # noqa: S102
    closed, open_ = make_user(), make_user()
    type(closed)._default_manager.filter(pk=closed.pk).update(is_active=False)
    question = Question(type=find("discussion.new_response"), channel="sms", contact_kinds=(), now=NOW, scope=Value(""))

    rows = get_user_model()._default_manager.annotate(verdict=verdict(list(pasted["NotToClosedAccounts"]().rules(question))))

    assert dict(rows.values_list("pk", "verdict")) == {closed.pk: 1, open_.pk: 0}
    assert sentence("account_closed") == "Their account is closed."


def test_every_file_the_docs_name_is_there() -> None:
    root = Path(__file__).parents[2]
    for document in [root / "README.md", *(root / "docs").glob("*.md"), *(root / "docs" / "adr").glob("*.md")]:
        for name in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / name).exists(), f"{document.name} leads to {name}, which is not there"


def test_every_make_target_the_readme_names_is_there() -> None:
    root = Path(__file__).parents[2]
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.M))
    named = set(re.findall(r"make ([a-z-]+)", (root / "README.md").read_text()))
    assert named <= targets
