"""The client that is made from the schema, against a server that runs."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.service_tokens import make_service_token
from clients.carillon_client import Client, Problem
from notifications.models import InboxItem
from notifications.rest_api.callers import known_scopes
from notifications.service_messages import plan_due
from tests.factories import make_user
from tools.make_client import CLIENT, read_schema, write_client

HELLO: Any = {"texts": {"title": {"en": "Hello"}}, "audience": {"usernames": ["ana"]}}


def make_client(address: str, **options: Any) -> Client:
    token = make_service_token(name="lms", scopes=known_scopes(), made_by_id=None, expires_at=None, now=timezone.now())
    return Client(address, token, **options)


def test_the_client_is_made_from_the_schema_as_it_is() -> None:
    assert CLIENT.read_text(encoding="utf-8") == write_client(read_schema()), "run `make client`"


def test_a_message_is_sent_followed_and_cancelled(transactional_db: None, live_server: Any) -> None:
    client = make_client(live_server.url)
    make_user("ana")

    asked = client.send_message(HELLO, idempotency_key="one")
    again = client.send_message(HELLO, idempotency_key="one")
    plan_due(timezone.now())
    status = client.get_message(asked["id"])

    assert asked == again
    assert (status["state"], status["progress"]["people"]) == ("planned", 1)
    assert [item["id"] for item in client.list_messages()["items"]] == [asked["id"]]
    assert client.explain_message(asked["id"], "ana")["channels"][0]["words"] == "It is in the inbox."
    assert client.cancel_message(asked["id"])["deliveries"] == 0
    assert InboxItem.objects.count() == 1


def test_what_is_refused_raises_its_problem(transactional_db: None, live_server: Any) -> None:
    client = make_client(live_server.url, language="es")

    with pytest.raises(Problem) as refused:
        client.send_message(HELLO)
    with pytest.raises(Problem) as missing:
        client.get_message("nosuch")

    assert (refused.value.status, refused.value.errors[0]["path"]) == (400, "/audience")
    assert "Aquí nadie es ana." in str(refused.value)
    assert missing.value.status == 404


def test_the_client_waits_when_it_is_asked_to(transactional_db: None, live_server: Any, settings: Any) -> None:
    settings.API_RATES = {"service": (1, 1)}
    client, hasty = make_client(live_server.url), make_client(live_server.url, tries=1)

    answers = [client.list_messages() for _ in range(3)]
    with pytest.raises(Problem) as refused:
        _answers = [hasty.list_messages() for _ in range(3)]

    assert answers == [{"items": [], "next_cursor": None}] * 3
    assert refused.value.status == 429
