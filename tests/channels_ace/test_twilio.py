"""What Twilio posts is believed for its signature alone; what is forged changes nothing."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from channels_ace.api import Attempt, Delivery, deliver_all
from channels_ace.models import InboundText, ProviderEvent, Suppression
from channels_ace.twilio import signature
from tests.channels_ace.saying import CODE, make_people, say
from tests.factories import NOW, make_user
from tests.fakes import Doubles, twilio

pytestmark = pytest.mark.django_db
CALLBACK = "https://carillon.example.org/webhooks/twilio/"
State = Delivery.State


@pytest.fixture(autouse=True)
def settings_of_twilio(doubles: Doubles, settings: Settings) -> None:
    options = twilio.settings_for(doubles.http, callback_url=CALLBACK, timeout_seconds=1)
    settings.CHANNELS_ACE_PROVIDERS = {"TWILIO": options}
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": ["channels_ace.channels.sms_twilio.TwilioChannel"]}


def post(fields: dict[str, str], *, query: str = "", signed: str | None = None, **more: Any) -> int:
    form = {"AccountSid": twilio.ACCOUNT, **fields}
    url = f"{CALLBACK}?{query}" if query else CALLBACK
    headers = {"X-Twilio-Signature": twilio.signature(url, form) if signed is None else signed}
    path = f"/webhooks/twilio/?{query}" if query else "/webhooks/twilio/"
    sent = {"data": urlencode(form), "content_type": "application/x-www-form-urlencoded", **more}
    answer = Client().post(path, headers=headers, **sent)
    assert answer.status_code != 200 or b"<Response></Response>" in answer.content
    return answer.status_code


def status_of(attempt: Attempt, status: str, sid: str = "SM1") -> tuple[dict[str, str], str]:
    return {"MessageSid": sid, "MessageStatus": status}, f"attempt={attempt.token}"


def test_the_signature_is_the_one_of_twilios_own_example() -> None:
    fields = {"CallSid": "CA1234567890ABCDE", "From": "+12349013030", "To": "+18005551212", "Caller": "+12349013030", "Digits": "1234"}

    assert signature("https://mycompany.com/myapp.php?foo=1&bar=2", fields, "12345") == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


def test_receipts_move_a_delivery_up_in_any_order_and_once_each(doubles: Doubles) -> None:
    say(make_people(1))
    deliver_all(NOW)
    attempt = Attempt.objects.get()

    for status in ("delivered", "sent", "queued", "delivered", "read"):
        fields, query = status_of(attempt, status)
        assert post(fields, query=query) == 200

    assert Delivery.objects.get().state == State.DELIVERED
    assert ProviderEvent.objects.filter(provider="twilio").count() == 3


def test_a_receipt_proves_what_an_answer_did_not_say(doubles: Doubles) -> None:
    doubles.faults.script("twilio", "reset_after_accept")
    say(make_people(1))
    deliver_all(NOW)
    assert Delivery.objects.get().state == State.UNKNOWN

    fields, query = status_of(Attempt.objects.get(), "sent")
    post(fields, query=query)

    assert Delivery.objects.get().state == State.ACCEPTED


def test_a_text_that_did_not_arrive_is_undeliverable(doubles: Doubles) -> None:
    say(make_people(1))
    deliver_all(NOW)

    fields, query = status_of(Attempt.objects.get(), "undelivered")
    post({**fields, "ErrorCode": "30005"}, query=query)

    assert Delivery.objects.get().state == State.UNDELIVERABLE
    assert ProviderEvent.objects.get().payload == {"event": "undelivered", "error_code": "30005"}


def test_stop_is_kept_once_and_holds_for_the_next_text(doubles: Doubles) -> None:
    (person,) = make_people(1)
    fields = {"MessageSid": "SM7", "From": "+12065551000", "To": twilio.SENDER, "Body": "Stop please"}

    assert post(fields) == 200
    assert post(fields) == 200

    assert (InboundText.objects.get().intent, Suppression.objects.get().reason) == ("stop", "stop")
    say([person])
    assert Delivery.objects.get().reason == "suppressed_stop"
    # Signing in goes on.
    say([person], CODE, channels=["sms"])
    deliver_all(NOW)
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [True]


@pytest.mark.parametrize("body", ["\0stop\0", "ALTO", "🛑 stop"])
def test_strange_letters_do_not_break_it(body: str) -> None:
    make_people(1)

    assert post({"MessageSid": "SM8", "From": "+12065551000", "To": twilio.SENDER, "Body": body}) == 200

    assert InboundText.objects.get().intent == "stop"


GOOD = {"MessageSid": "SM9", "From": "+12065551000", "To": twilio.SENDER, "Body": "STOP"}
SIGNED = {"AccountSid": twilio.ACCOUNT, **GOOD}
FORGED: dict[str, dict[str, Any]] = {
    "no signature": {"signed": ""},
    "nonsense": {"signed": "nonsense"},
    "letters that no header has": {"signed": "\xfc" * 28},
    "another account's token": {"signed": twilio.signature(CALLBACK, SIGNED, "stolen-elsewhere")},
    "of another address": {"signed": twilio.signature("https://carillon.example.org/webhooks/sns/", SIGNED)},
    "without TLS": {"signed": twilio.signature(CALLBACK.replace("https", "http"), SIGNED)},
    "of other words": {"signed": twilio.signature(CALLBACK, {**SIGNED, "Body": "START"})},
    "of fewer fields": {"signed": twilio.signature(CALLBACK, {"AccountSid": twilio.ACCOUNT})},
    "with a query that was not signed": {"signed": twilio.signature(CALLBACK, SIGNED), "query": f"attempt={uuid4()}"},
    "a field twice": {"signed": twilio.signature(CALLBACK, SIGNED), "data": urlencode([*SIGNED.items(), ("Body", "START")])},
    "as JSON": {"signed": twilio.signature(CALLBACK, SIGNED), "data": b'{"Body": "STOP"}', "content_type": "application/json"},
    "too large": {"data": urlencode({**SIGNED, "Body": "a" * 70_000})},
    "too many fields": {"data": "&".join(f"f{number}=1" for number in range(2_000))},
    "no UTF-8": {"data": b"\xff\xfe=\xff"},
    "nothing": {"signed": twilio.signature(CALLBACK, {}), "data": b""},
}


@pytest.mark.parametrize("case", FORGED)
def test_what_is_forged_is_refused_and_leaves_nothing(case: str) -> None:
    assert post(GOOD, **FORGED[case]) == 403

    assert not InboundText.objects.exists()
    assert not ProviderEvent.objects.exists()


def test_another_account_is_refused_even_if_it_has_our_token(settings: Settings) -> None:
    assert post({**GOOD, "AccountSid": "AC" + "9" * 32}) == 403


@pytest.mark.parametrize("option", ["auth_token", "callback_url"])
def test_nobody_is_believed_before_twilio_is_set_up(settings: Settings, option: str) -> None:
    settings.CHANNELS_ACE_PROVIDERS = {"TWILIO": {**settings.CHANNELS_ACE_PROVIDERS["TWILIO"], option: ""}}
    url, token = ("", twilio.AUTH_TOKEN) if option == "callback_url" else (CALLBACK, "")

    assert post(GOOD, signed=twilio.signature(url, SIGNED, token)) == 403


def test_a_receipt_of_a_stranger_is_parked() -> None:
    assert post({"MessageSid": "SM1", "MessageStatus": "delivered"}, query=f"attempt={uuid4()}") == 200
    assert post({"MessageSid": "SM2", "MessageStatus": "delivered"}, query="attempt=none") == 200

    assert ProviderEvent.objects.filter(applied_at=None).count() == 2


def test_only_posting_is_answered() -> None:
    assert Client().get("/webhooks/twilio/").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_the_double_tells_what_became_of_a_text_as_twilio_does(doubles: Doubles, settings: Settings, live_server: Any) -> None:
    options = twilio.settings_for(doubles.http, callback_url=f"{live_server.url}/webhooks/twilio/", timeout_seconds=5)
    settings.CHANNELS_ACE_PROVIDERS = {"TWILIO": options}
    doubles.receipts.script(calls_back=True)
    one, other = make_people(1), [make_user(phone="+12065550197")]
    say(one + other)

    deliver_all(NOW)

    doubles.receipts.wait_until_told()
    assert dict(Delivery.objects.values_list("user_id", "state")) == {one[0].pk: State.DELIVERED, other[0].pk: State.UNDELIVERABLE}
