import base64
import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.client import HTTPException
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Delivery, Refused
from notifications import public_address
from notifications.models import ServiceMessage, Webhook, WebhookPost
from notifications.public_address import NotPublic, find_public, post
from notifications.service_messages import cancel_message, plan_due
from notifications.webhook_events import MOST_PEOPLE, tell_changes
from notifications.webhook_posts import WAITS, forget_posts, post_due, replay
from notifications.webhooks import EVENTS, end_webhook, make_webhook, replace_secret
from tests.factories import make_user
from tests.fakes.receiver import Receiver, receiver
from tests.notifications.rest_api.test_messages import Service, texts

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/webhooks/"


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def service() -> Service:
    return Service("messages:send", "messages:read", "webhooks:manage")


def a_webhook(hook: Receiver, *, service: str = "lms", events: tuple[str, ...] = EVENTS) -> Webhook:
    return make_webhook(service=service, url=hook.url, events=events, now=timezone.now())


def say(service: Service, *names: str) -> ServiceMessage:
    """This function will have a message planned for people of these names, as it was half a minute ago."""
    for name in names:
        make_user(name)
    service.send(texts=texts(), audience={"usernames": list(names)}, channels=["inbox", "push"])
    plan_due(timezone.now() - timedelta(seconds=30))
    return ServiceMessage.objects.latest("pk")


def a_post(hook: Receiver) -> WebhookPost:
    now = timezone.now()
    return WebhookPost.objects.create(
        webhook=a_webhook(hook), event_id="evt_1", event="message.planned", payload={"a": 1}, happened_at=now, next_at=now
    )


def signature(secret: str, headers: dict[str, str], body: bytes) -> str:
    """The signature as a receiver computes it, by the words of Standard Webhooks."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_what_became_of_a_message_is_posted_and_signed(service: Service, hook: Receiver) -> None:
    webhook = a_webhook(hook)
    asked = say(service, "ana", "ben")

    tell_changes(timezone.now())
    while post_due(timezone.now()):
        pass

    planned, deliveries = hook.bodies()
    assert (planned["type"], planned["data"]["message_id"], planned["data"]["people"]) == ("message.planned", asked.public_id, 2)
    assert deliveries["type"] == "deliveries.changed"
    assert [(one["username"], one["channel"], one["state"], one["reason"]) for one in deliveries["data"]["deliveries"]] == [
        ("ana", "push", "suppressed", "no_contact_point"),
        ("ben", "push", "suppressed", "no_contact_point"),
    ]
    for headers, body in hook.came:
        assert headers["webhook-signature"] == signature(webhook.secret, headers, body)
        assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    assert set(WebhookPost.objects.values_list("state", "answer")) == {("taken", "204")}


def test_nothing_is_told_twice_and_every_further_change_is(service: Service, hook: Receiver) -> None:
    a_webhook(hook)
    asked = say(service, "ana")
    tell_changes(timezone.now())

    again = tell_changes(timezone.now())
    Delivery.objects.update(state="undeliverable", changed_at=timezone.now() - timedelta(seconds=15))
    changed = tell_changes(timezone.now())
    cancel_message(asked, timezone.now())
    cancelled = tell_changes(timezone.now())

    assert (again, changed, cancelled) == (0, 1, 1)


def test_a_service_is_told_of_its_own_messages_and_wanted_events_only(service: Service, hook: Receiver) -> None:
    a_webhook(hook, service="calendar")
    wanted = a_webhook(hook, events=("message.planned",))
    say(service, "ana")

    tell_changes(timezone.now())

    assert list(WebhookPost.objects.values_list("webhook", "event")) == [(wanted.pk, "message.planned")]


def test_of_a_large_message_it_is_told_that_it_is_planned_and_no_single_delivery(service: Service, hook: Receiver) -> None:
    a_webhook(hook)
    say(service, "ana")
    ServiceMessage.objects.update(people=MOST_PEOPLE + 1)

    assert [tell_changes(timezone.now()), tell_changes(timezone.now())] == [1, 0]

    assert list(WebhookPost.objects.values_list("event", flat=True)) == ["message.planned"]


def test_telling_takes_as_many_statements_for_many_deliveries(service: Service, hook: Receiver, django_assert_max_num_queries: Any) -> None:
    a_webhook(hook)
    say(service, *(f"p{number}" for number in range(60)))

    with django_assert_max_num_queries(9):
        tell_changes(timezone.now())


def test_a_failure_is_posted_again_with_growing_waits_for_a_day(hook: Receiver) -> None:
    one, now = a_post(hook), timezone.now()
    hook.answers = [(500, {})]
    first = now

    for wait in WAITS:
        assert post_due(now) == 1
        one.refresh_from_db()
        assert (one.state, one.next_at) == ("waiting", now + wait)
        assert post_due(one.next_at - timedelta(seconds=1)) == 0
        now = one.next_at
    post_due(now)
    one.refresh_from_db()

    assert (one.state, one.answer, one.attempts) == ("given_up", "500", len(WAITS) + 1)
    assert timedelta(hours=23) < now - first < timedelta(hours=24)
    assert len({headers["webhook-id"] for headers, _body in hook.came}) == 1


def test_a_receiver_may_ask_for_more_time(hook: Receiver) -> None:
    one, now = a_post(hook), timezone.now()
    hook.answers = [(503, {"Retry-After": "120"})]

    post_due(now)

    one.refresh_from_db()
    assert one.next_at == now + timedelta(seconds=120)


def test_gone_ends_the_webhook(hook: Receiver) -> None:
    one = a_post(hook)
    hook.answers = [(410, {})]

    post_due(timezone.now())

    webhook = Webhook.objects.get()
    one.refresh_from_db()
    assert (one.state, webhook.ended_because) == ("given_up", "The receiver answered 410 Gone.")


def test_a_redirect_is_not_followed(hook: Receiver) -> None:
    with receiver() as elsewhere:
        one = a_post(hook)
        hook.answers = [(302, {"Location": elsewhere.url})]

        post_due(timezone.now())

        one.refresh_from_db()
        assert (one.state, one.answer, elsewhere.came) == ("waiting", "302", [])


def test_nobody_there_is_a_failure_like_others(hook: Receiver) -> None:
    one = a_post(hook)
    Webhook.objects.update(url="http://127.0.0.1:9/")

    post_due(timezone.now())

    one.refresh_from_db()
    assert (one.state, one.answer) == ("waiting", "ConnectionRefusedError")


def test_one_receiver_is_asked_one_thing_at_a_time(hook: Receiver) -> None:
    one = a_post(hook)
    WebhookPost.objects.create(
        webhook=one.webhook, event_id="evt_2", event="message.planned", payload={}, happened_at=one.happened_at, next_at=one.next_at
    )

    assert [post_due(timezone.now()) for _ in range(3)] == [1, 1, 0]


def test_the_lease_of_a_lost_worker_ends(hook: Receiver) -> None:
    one, now = a_post(hook), timezone.now()
    WebhookPost.objects.update(lease_until=now + timedelta(seconds=60))

    assert post_due(now) == 0
    assert post_due(now + timedelta(seconds=61)) == 1
    one.refresh_from_db()
    assert one.state == "taken"


def test_while_a_secret_is_replaced_both_sign(hook: Receiver) -> None:
    one = a_post(hook)
    old = one.webhook.secret
    new = replace_secret(one.webhook, timezone.now())

    post_due(timezone.now())
    WebhookPost.objects.update(state="waiting")
    post_due(timezone.now() + timedelta(hours=25))

    (headers, body), (later, later_body) = hook.came
    assert headers["webhook-signature"] == f"{signature(new, headers, body)} {signature(old, headers, body)}"
    assert later["webhook-signature"] == signature(new, later, later_body)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "::7f00:1",
        "fec0::1",
        "64:ff9b:1::a9fe:a9fe",
        "5f00::1",
    ],
)
def test_no_private_address_is_connected_to(settings: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answers = [(socket.AF_INET, 1, 6, "", ("93.184.215.14", 443)), (family, 1, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: answers)

    with pytest.raises(NotPublic):
        find_public("hooks.example.org", 443)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:7f00:1]", "169.254.169.254"])
def test_no_way_of_writing_a_private_address_leads_there(settings: Any, host: str) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = False

    with pytest.raises(NotPublic):
        post(f"https://{host}/", b"{}", {})


def test_public_addresses_of_both_sorts_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [("", 1, 6, "", (address, 443)) for address in ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "93.184.215.14")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: found)

    assert find_public("hooks.example.org", 443) == ("93.184.215.14", 443)


@pytest.mark.parametrize("told", [b"HTTP/1.1 2", b"HTTP/1.1 204 No Content\r\nx: ", b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n"])
def test_a_receiver_that_answers_byte_by_byte_holds_up_nobody(settings: Any, monkeypatch: pytest.MonkeyPatch, told: bytes) -> None:
    monkeypatch.setattr(public_address, "SECONDS_IN_ALL", 0.5)
    began = time.monotonic()
    with dripping(told) as url, pytest.raises((OSError, HTTPException)):
        post(url, b"{}", {})
    assert time.monotonic() - began < 5


def test_nothing_is_posted_again_to_a_webhook_that_has_ended(hook: Receiver) -> None:
    one = a_post(hook)
    post_due(timezone.now())
    end_webhook(one.webhook, "Ended by its service.", timezone.now())

    assert replay(one, timezone.now()) is False
    assert post_due(timezone.now()) == 0
    assert len(hook.came) == 1


@contextmanager
def dripping(told: bytes) -> Iterator[str]:
    """A receiver that says this, and then one letter after the other for as long as somebody listens."""

    def drip() -> None:
        with suppress(OSError):
            caller, _address = listener.accept()
            with caller:
                caller.sendall(told)
                while not over.wait(0.05):
                    caller.sendall(b"x")

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()
    thread.join(5)


def test_a_name_that_means_a_private_address_later_is_refused_then(hook: Receiver, settings: Any) -> None:
    one = a_post(hook)
    settings.WEBHOOKS_TO_LOOPBACK = False

    post_due(timezone.now())

    one.refresh_from_db()
    assert (one.state, one.answer, hook.came) == ("waiting", "NotPublic", [])


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "https://user:secret@hooks.example.org/",
        "https://hooks.example.org:22/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org/#part",
        "https:///path",
        "https://[::1",
        "hooks.example.org",
        "javascript:alert(1)",
        "https://hooks.example.org/\u00e9",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\nHost: evil",
        "https://hooks.example.org\\@evil.example/",
        "https://hooks.example.org/" + "a" * 500,
        "",
    ],
)
def test_an_address_to_which_nothing_may_be_posted_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        make_webhook(service="lms", url=url, events=EVENTS, now=timezone.now())


def test_a_service_makes_follows_and_ends_its_webhooks(service: Service, hook: Receiver) -> None:
    body = {"url": hook.url, "events": ["message.planned"]}
    headers = {"idempotency-key": "h1"}

    made = service.client.post(ADDRESS, body, content_type="application/json", headers=headers)
    again = service.client.post(ADDRESS, body, content_type="application/json", headers=headers)
    address = made.headers["Location"]
    say(service, "ana")
    tell_changes(timezone.now())
    post_due(timezone.now())
    (told,) = service.get(f"{address}posts/?state=taken").json()["items"]
    replayed = service.client.post(f"{address}posts/{told['id']}/replay/", {}, content_type="application/json")
    post_due(timezone.now() + timedelta(seconds=1))
    secret = service.client.post(f"{address}secrets/", {}, content_type="application/json").json()["secret"]

    assert (made.status_code, made.json()) == (201, again.json())
    assert made.json()["secret"].startswith("whsec_")
    assert "secret" not in service.get(address).json()
    assert secret != made.json()["secret"]
    assert replayed.status_code == 202
    assert hook.came[0][0]["webhook-id"] == hook.came[1][0]["webhook-id"]
    assert service.client.delete(address).status_code == 204
    assert service.get(address).status_code == 404
    assert service.get(ADDRESS).json() == {"webhooks": []}


def test_another_services_webhook_is_not_there(service: Service, hook: Receiver) -> None:
    webhook = a_webhook(hook, service="calendar")
    address = f"{ADDRESS}{webhook.public_id}/"

    assert service.get(address).status_code == 404
    assert service.get(f"{address}posts/").status_code == 404
    assert service.client.delete(address).status_code == 404
    assert Service("messages:send").get(ADDRESS).status_code == 403


def test_a_service_has_ten_webhooks_at_most(service: Service, hook: Receiver) -> None:
    for _ in range(10):
        a_webhook(hook)

    answer = service.client.post(ADDRESS, {"url": hook.url, "events": ["message.planned"]}, content_type="application/json")

    assert (answer.status_code, Webhook.objects.count()) == (400, 10)


def test_secrets_lie_encrypted(hook: Receiver, django_db_blocker: Any) -> None:
    from django.db import connection

    webhook = a_webhook(hook)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM carillon_notifications_webhook")
        stored = cursor.fetchone()[0]

    assert webhook.secret.startswith("whsec_")
    assert webhook.secret not in stored


def test_an_operator_makes_replaces_replays_and_ends(hook: Receiver) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    webhooks, posts = (reverse(f"admin:carillon_notifications_{name}_changelist") for name in ("webhook", "webhookpost"))

    made = client.post(f"{webhooks}add/", {"service": "lms", "url": hook.url, "events": ["message.planned"]}, follow=True)
    webhook = Webhook.objects.get()
    now = timezone.now()
    one = WebhookPost.objects.create(
        webhook=webhook, event_id="e", event="message.planned", payload={}, happened_at=now, next_at=now, state="given_up"
    )
    client.post(webhooks, {"action": "replace", "_selected_action": [str(webhook.pk)]})
    client.post(posts, {"action": "replay", "_selected_action": [str(one.pk)]})
    one.refresh_from_db()
    client.post(webhooks, {"action": "end", "_selected_action": [str(webhook.pk)]})
    page = client.get(webhooks).content.decode()

    assert webhook.secret in str(next(iter(made.context["messages"])))
    assert one.state == "waiting"
    assert webhook.secret not in page
    webhook.refresh_from_db()
    assert webhook.old_secret
    assert webhook.ended_because == "Ended by an operator."


def test_old_posts_are_deleted(hook: Receiver) -> None:
    a_post(hook)
    post_due(timezone.now())

    assert forget_posts(timezone.now() + timedelta(days=29)) == 0
    assert forget_posts(timezone.now() + timedelta(days=31)) == 1
