"""What nobody but its owner may read goes in by every route and task, and is heard in no log, queue, error mail, address or poke."""

import json
import logging
import logging.config
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from celery.signals import before_task_publish
from django.conf import settings as django_settings
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from accounts.models import PhoneCode
from accounts.phone_codes import ask_for_code, digits, send_codes
from channels_ace import sns
from channels_ace.api import Delivery, deliver_all, send, tell_devices
from notifications import live
from settings.base import LOGGING, TEXTERS
from tests.channels_ace.saying import CODE, FLASH, NEWS
from tests.factories import make_contact
from tests.fakes import Doubles, receipts, sns_topic, twilio
from tests.guards.access import Row, World, named, read_matrix, routes

PHONE, DEVICE, EMAIL = "+12065550142", "canary-device-7f3a9c", "canary.person@example.org"
WORDS = "canaries sing of private matters"
CANARIES = ["2065550142", DEVICE, "canary.person", "canaries sing"]
# Every kind at once, for a field that takes any text.
ALL = f"{PHONE} {DEVICE} {EMAIL} {WORDS}"
MATRIX = read_matrix()
OURS = ("accounts.", "channels_ace.", "notifications.", "scheduling.", "studies.")
ADDRESSES = re.compile(rb'(?:href|action|src)="([^"]*)"')


class Heard(logging.Handler):
    """What was said where somebody else may read it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[tuple[str, str]] = []
        self.canaries = list(CANARIES)

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((f"log of {record.name}", self.format(record)))

    def note(self, where: str, text: object) -> None:
        self.said.append((where, str(text)))

    def leaks(self) -> list[str]:
        """This function will list where a canary was heard, each place once."""
        found: dict[tuple[str, str], str] = {}
        for where, text in self.said:
            for canary in self.canaries:
                at = text.find(canary)
                if at >= 0:
                    found.setdefault((where, canary), text[max(at - 120, 0) : at + 40])
        return [f"{where}: {canary} in …{text}" for (where, canary), text in found.items()]


@pytest.fixture
def heard(db: None, settings: Settings) -> Iterator[Heard]:
    ears = Heard()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logging_settings: dict[str, Any] = LOGGING
    levels = {logger: (logger.level, logger.handlers[:]) for logger in map(logging.getLogger, logging_settings["loggers"])}
    # As in production, with the most talkative level that it may be given.
    logging.config.dictConfig({**logging_settings, "root": {**logging_settings["root"], "level": "DEBUG"}})
    # What the handler of the settings would write, at every level.
    ears.setFormatter(root.handlers[0].formatter)
    root.handlers = [ears]
    settings.ADMINS = [("operator@example.org", "operator@example.org")]
    for handler in logging.getLogger("django").handlers:
        handler.email_backend = "django.core.mail.backends.locmem.EmailBackend"  # type: ignore[attr-defined]
        handler.include_html = True  # type: ignore[attr-defined]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POKE": "channels_ace.tasks.poke"}
    before_task_publish.connect(ears_of_queue := _listen(ears), weak=False)
    with _pokes(settings, ears):
        yield ears
    before_task_publish.disconnect(ears_of_queue)
    root.handlers, root.level = before
    for logger, (level, handlers) in levels.items():
        logger.level, logger.handlers = level, handlers
    with current_app.connection_for_write() as broker:
        for lane in (*django_settings.LANES, "ticks", "webhooks"):
            broker.default_channel.queue_purge(lane)  # type: ignore[attr-defined]


def _listen(ears: Heard) -> Callable[..., None]:
    def listen(sender: str = "", body: Any = None, headers: Any = None, **more: Any) -> None:
        ears.note(f"queue: {sender}", f"{body} {headers}")

    return listen


@contextmanager
def _pokes(settings: Settings, ears: Heard) -> Iterator[None]:
    """This function will listen to the pokes of open pages, where there is a Redis to carry them."""
    if not settings.CELERY_BROKER_URL.startswith("redis://"):
        yield
        return
    settings.LIVE_REDIS_URL = settings.CELERY_BROKER_URL
    live._redis.cache_clear()
    with Redis.from_url(settings.LIVE_REDIS_URL) as redis, redis.pubsub() as listener:
        listener.psubscribe("*")
        yield
        while (poke := listener.get_message(timeout=0.2)) is not None:
            ears.note("poke", poke)
    live._redis.cache_clear()
    assert any(where == "poke" for where, _ in ears.said)


@pytest.fixture
def world(heard: Heard, doubles: Doubles) -> World:
    world = World()
    world.people["learner"].email = EMAIL
    world.people["learner"].save()
    for kind, address in (("phone", PHONE), ("device_token", DEVICE), ("email", EMAIL)):
        make_contact(world.people["learner"], kind, address)
    return world


def calls(world: World) -> Iterator[tuple[Client, Row, str, Any]]:
    """This function will give every row with the bodies that it should be asked with: (client, row, address, body)."""
    places = {route.name: route for route in routes()}
    for row in (row for row in MATRIX.rows if not row.route.endswith("logout")):
        may = [name for name in ("learner", "owner", "scoped", "operator", "nobody") if MATRIX.answers[row.kind, "own"][name] == "ok"]
        for caller in may[:1]:
            names = {**world.own(caller), "token": world.own(caller)["unsubscribe"]}
            address = places[row.route].address(names)
            right = json.loads(named(row.body or "{}", names))
            for body in [right, *({**right, name: canary} for name in right or ["any"] for canary in (PHONE, ALL))]:
                yield world.client(caller, row.scope), row, address, body


def ask(client: Client, row: Row, address: str, body: Any) -> Any:
    if row.route.startswith(("api-", "schema")):
        headers = {"idempotency-key": str(abs(hash((row.route, str(body)))))}
        return client.generic(row.method, address, json.dumps(body), "application/json", headers=headers)
    return client.get(address) if row.method == "GET" else client.post(address, body)


@pytest.mark.timeout(900)
def test_no_route_tells_what_it_was_told(world: World, heard: Heard, django_capture_on_commit_callbacks: Any) -> None:
    for client, row, address, body in calls(world):
        with django_capture_on_commit_callbacks(execute=True):
            answer = ask(client, row, address, body)
        assert answer.status_code < 500, (row, body)
        heard.note(f"address after {row.method} {row.route}", answer.headers.get("Location", ""))
        if not answer.streaming:
            heard.note(f"address on {row.route}", ADDRESSES.findall(answer.content))

    assert len([where for where, _ in heard.said if where.startswith("log of")]) > 100
    assert any(where.startswith("queue") for where, _ in heard.said)
    assert heard.leaks() == []


@pytest.mark.timeout(900)
def test_no_error_mail_tells_what_a_broken_route_was_told(world: World, heard: Heard) -> None:
    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE")) and "session" not in sql:
            raise DatabaseError("This database writes nothing.")
        return execute(sql, params, many, context)

    broken = 0
    for client, row, address, body in calls(world):
        if row.method == "GET":
            continue
        with connection.execute_wrapper(fail), transaction.atomic():
            broken += ask(client, row, address, body).status_code == 500
            transaction.set_rollback(True)
    for letter in mail.outbox:
        heard.note("error mail", f"{letter.subject} {letter.body}" + str(letter.message()))

    assert broken > 60
    assert len(mail.outbox) >= broken
    assert heard.leaks() == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("provider", ["eum", "sns", "twilio"])
def test_no_task_tells_what_it_carries(
    world: World, heard: Heard, doubles: Doubles, settings: Settings, provider: str, django_capture_on_commit_callbacks: Any
) -> None:
    settings.CHANNELS_ACE = {
        **settings.CHANNELS_ACE,
        "CHANNELS": [
            "notifications.inbox.InboxChannel",
            "channels_ace.channels.email.EmailChannel",
            "channels_ace.channels.push_fcm.FcmChannel",
            TEXTERS[provider],
        ],
    }
    settings.CHANNELS_ACE_PROVIDERS = {**settings.CHANNELS_ACE_PROVIDERS, "TWILIO": twilio.settings_for(doubles.http, timeout_seconds=1)}
    learner, now = world.people["learner"].pk, timezone.now()
    faults = ["", "reset_after_accept", "error_500", "throttle"]
    for number, fault in enumerate(faults):
        if fault:
            for name in (provider, "fcm"):
                doubles.faults.script(name, fault, times=2)
        with django_capture_on_commit_callbacks(execute=True):
            for kind in (CODE, NEWS, FLASH):
                send(type=kind.name, audience=[learner], context={"title": WORDS}, idempotency_key=f"{kind.name}{number}", now=now)
        deliver_all(now)
    code = ask_for_code(PhoneCode.Use.SIGN_IN, PHONE, now, address="192.0.2.1")
    heard.canaries.append(digits(code.seed))
    send_codes(now)
    deliver_all(now)
    answer_by_text(provider)
    # At any hour, where a push with a sound waits for the morning; and before devices are forgotten.
    tell_devices(learner, now - timedelta(minutes=1))
    current_app.tasks["channels_ace.tasks.tell_devices"].apply()
    for name in sorted(name for name in current_app.tasks if name.startswith(OURS)):
        current_app.tasks[name].apply(args=("urgent",) if name.endswith("deliver_lane") else ())

    assert {entry["provider"] for entry in doubles.ledger.entries()} >= {provider, "fcm", "smtp"}
    assert Delivery.objects.filter(channel="sms", state=Delivery.State.ACCEPTED).exists()
    assert heard.leaks() == []


def answer_by_text(provider: str) -> None:
    """This function will have the learner's phone answer with words of its owner's own."""
    if provider == "twilio":
        fields = {"AccountSid": twilio.ACCOUNT, "MessageSid": "SM9", "From": PHONE, "To": twilio.SENDER, "Body": WORDS}
        url = f"{django_settings.SITE_URL}/webhooks/twilio/"
        assert Client().post("/webhooks/twilio/", fields, headers={"X-Twilio-Signature": twilio.signature(url, fields)}).status_code < 500
    else:
        sns._certificate.cache_clear()
        envelope = sns_topic.notification(receipts.inbound(PHONE, WORDS))
        assert Client().post("/webhooks/sns/", json.dumps(envelope), content_type="text/plain").status_code == 200
        sns._certificate.cache_clear()


def test_a_canary_would_be_heard(heard: Heard, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("anything").debug("Calling 1%s now", CANARIES[0])

    assert len(heard.leaks()) == 1
