import socket
from typing import Any

import pytest
from pytest_django import Settings

from channels_ace.channel import Outcome
from channels_ace.channels.sms_twilio import TwilioChannel
from tests.channels_ace.channels.outgoing import PHONE, make_text, send_one
from tests.fakes import Doubles, twilio
from tests.fakes.faults import UNCLEAR
from tests.fakes.ledger import digest_of

CALLBACK = "https://carillon.example.org/webhooks/twilio/"


@pytest.fixture(autouse=True)
def settings_of_twilio(doubles: Doubles, settings: Settings) -> None:
    configure(settings, doubles)


def configure(settings: Settings, doubles: Doubles, **changes: Any) -> None:
    options = twilio.settings_for(doubles.http, callback_url=CALLBACK, timeout_seconds=1)
    settings.CHANNELS_ACE_PROVIDERS = {"TWILIO": {**options, **changes}}


def test_an_accepted_text_is_in_the_ledger_under_its_attempt(doubles: Doubles) -> None:
    text = make_text()

    receipt = send_one(TwilioChannel(), text)

    (entry,) = doubles.ledger.entries()
    assert (receipt.outcome, receipt.parts, receipt.provider_message_id[:2]) == (Outcome.ACCEPTED, 1, "SM")
    assert (entry["provider"], entry["token"], entry["accepted"]) == ("twilio", text.token, True)
    assert (entry["to_digest"], entry["body"]) == (digest_of(PHONE), "Your burst starts today.")
    assert entry["extra"]["sender"] == twilio.SENDER


@pytest.mark.parametrize("fault", sorted({*UNCLEAR, "error_500", "error_503"}))
def test_an_answer_that_may_mean_accepted_is_unknown_after_exactly_one_request(doubles: Doubles, fault: str) -> None:
    doubles.faults.script("twilio", fault, times=5)

    receipt = send_one(TwilioChannel(), make_text())

    assert receipt.outcome is Outcome.UNKNOWN
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [fault in UNCLEAR]


def test_a_throttled_text_is_refused_for_as_long_as_twilio_says(doubles: Doubles) -> None:
    doubles.faults.script("twilio", "throttle_until", times=5, seconds=7)

    receipt = send_one(TwilioChannel(), make_text())

    assert (receipt.outcome, receipt.code, receipt.retry_after_seconds) == (Outcome.REFUSED, "twilio_20429", 7)
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [False]


@pytest.mark.parametrize(
    ("to", "outcome", "code"),
    [
        ("+12065550199", Outcome.PERMANENT, "opted_out"),
        ("+12065550198", Outcome.REFUSED, "twilio_20429"),
        ("nonsense", Outcome.PERMANENT, "invalid_number"),
    ],
)
def test_what_is_refused_is_told_apart_and_the_number_is_named_nowhere(doubles: Doubles, to: str, outcome: Outcome, code: str) -> None:
    receipt = send_one(TwilioChannel(), make_text(to=to))

    assert (receipt.outcome, receipt.code) == (outcome, code)
    assert to not in receipt.detail


@pytest.mark.parametrize("missing", ["account_sid", "auth_token", "sender"])
def test_without_an_account_nothing_is_asked_for(doubles: Doubles, settings: Settings, missing: str) -> None:
    configure(settings, doubles, **{missing: ""})

    receipt = send_one(TwilioChannel(), make_text())

    assert (receipt.outcome, receipt.code, doubles.ledger.entries()) == (Outcome.REFUSED, "not_configured", [])


def test_a_wrong_account_is_our_mistake_and_not_the_end_of_the_text(doubles: Doubles, settings: Settings) -> None:
    configure(settings, doubles, auth_token="an-old-one")

    receipt = send_one(TwilioChannel(), make_text())

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "twilio_20003")


def test_a_server_that_is_not_there_has_accepted_nothing(doubles: Doubles, settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        configure(settings, doubles, base_url=f"http://127.0.0.1:{closed.getsockname()[1]}")

        receipt = send_one(TwilioChannel(), make_text())

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "no_connection")


@pytest.mark.parametrize(("text", "code"), [("   ", "text_empty"), ("a" * 1601, "text_too_long")])
def test_a_text_that_twilio_does_not_take_is_not_asked_for(doubles: Doubles, text: str, code: str) -> None:
    receipt = send_one(TwilioChannel(), make_text(parts={"text": text}))

    assert (receipt.outcome, receipt.code, receipt.parts) == (Outcome.PERMANENT, code, 0)
    assert doubles.ledger.entries() == []


@pytest.mark.parametrize(("wanted", "sent"), [(None, None), (0, "1"), (3600, "3600"), (999_999, "36000")])
def test_how_long_a_text_is_worth_something_stays_within_what_twilio_takes(doubles: Doubles, wanted: int | None, sent: str | None) -> None:
    send_one(TwilioChannel(), make_text(ttl_seconds=wanted))

    (entry,) = doubles.ledger.entries()
    assert entry["extra"]["validity_seconds"] == sent


def test_a_messaging_service_may_be_the_sender(doubles: Doubles, settings: Settings) -> None:
    configure(settings, doubles, sender="MG" + "1" * 32)

    send_one(TwilioChannel(), make_text())

    (entry,) = doubles.ledger.entries()
    assert entry["extra"]["sender"] == "MG" + "1" * 32


def test_nothing_is_sent_that_the_caller_did_not_ask_for(doubles: Doubles) -> None:
    next(iter(TwilioChannel().send([make_text(), make_text()])))

    assert len(doubles.ledger.entries()) == 1
