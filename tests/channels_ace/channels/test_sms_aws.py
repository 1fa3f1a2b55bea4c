import socket
from typing import Any

import pytest
from pytest_django import Settings

from channels_ace.channel import Channel, Outcome
from channels_ace.channels.sms_aws import EndUserMessagingChannel, SnsChannel
from tests.channels_ace.channels.outgoing import PHONE, make_text, send_one
from tests.fakes import Doubles
from tests.fakes.faults import UNCLEAR
from tests.fakes.ledger import digest_of

BOTH = pytest.mark.parametrize("channel", [EndUserMessagingChannel(), SnsChannel()], ids=["eum", "sns"])


@BOTH
def test_an_accepted_text_is_in_the_ledger_under_its_attempt(doubles: Doubles, channel: Channel) -> None:
    text = make_text()

    receipt = send_one(channel, text)

    (entry,) = doubles.ledger.entries()
    assert (receipt.outcome, receipt.parts, bool(receipt.provider_message_id)) == (Outcome.ACCEPTED, 1, True)
    assert (entry["provider"], entry["token"], entry["accepted"]) == (channel.provider, text.token, True)
    assert (entry["to_digest"], entry["body"], entry["type"]) == (digest_of(PHONE), "Your burst starts today.", "transactional")


@BOTH
@pytest.mark.parametrize("fault", sorted({*UNCLEAR, "error_500", "error_503"}))
def test_an_answer_that_may_mean_accepted_is_unknown_after_exactly_one_request(doubles: Doubles, channel: Channel, fault: str) -> None:
    doubles.faults.script(channel.provider, fault, times=5)

    receipt = send_one(channel, make_text())

    assert receipt.outcome is Outcome.UNKNOWN
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [fault in UNCLEAR]


@BOTH
def test_a_throttled_text_is_refused_after_exactly_one_request(doubles: Doubles, channel: Channel) -> None:
    doubles.faults.script(channel.provider, "throttle", times=5)

    receipt = send_one(channel, make_text())

    assert (receipt.outcome, receipt.code.startswith("thrott")) == (Outcome.REFUSED, True)
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [False]


@BOTH
def test_a_number_that_said_stop_is_permanent_and_named_nowhere(doubles: Doubles, channel: Channel) -> None:
    receipt = send_one(channel, make_text(to="+12065550199"))

    assert (receipt.outcome, receipt.code, receipt.address_is_dead) == (Outcome.PERMANENT, "opted_out", False)
    assert "opted out" in receipt.detail
    assert "0199" not in receipt.detail


@BOTH
def test_one_bad_number_does_not_stop_the_others(doubles: Doubles, channel: Channel) -> None:
    batch = [make_text(to="nonsense"), make_text(to="+12065550198"), make_text()]

    outcomes = [receipt.outcome for _, receipt in channel.send(batch)]

    assert outcomes == [Outcome.PERMANENT, Outcome.REFUSED, Outcome.ACCEPTED]


@BOTH
def test_a_server_that_is_not_there_has_accepted_nothing(doubles: Doubles, channel: Channel, settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        settings.CHANNELS_ACE_PROVIDERS = {"AWS": {**settings.CHANNELS_ACE_PROVIDERS["AWS"], "endpoint_url": url}}

        receipt = send_one(channel, make_text())

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "no_connection")


@BOTH
def test_a_channel_without_a_usable_address_of_the_provider_refuses(doubles: Doubles, channel: Channel, settings: Settings) -> None:
    settings.CHANNELS_ACE_PROVIDERS = {"AWS": {**settings.CHANNELS_ACE_PROVIDERS["AWS"], "endpoint_url": "not a url"}}

    receipt = send_one(channel, make_text())

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "not_configured")


@BOTH
@pytest.mark.parametrize(("text", "code"), [("   ", "text_empty"), ("a" * 1601, "text_too_long")])
def test_a_text_that_no_provider_takes_is_not_asked_for(doubles: Doubles, channel: Channel, text: str, code: str) -> None:
    receipt = send_one(channel, make_text(parts={"text": text}))

    assert (receipt.outcome, receipt.code, receipt.parts) == (Outcome.PERMANENT, code, 0)
    assert doubles.ledger.entries() == []


@BOTH
def test_nothing_is_sent_that_the_caller_did_not_ask_for(doubles: Doubles, channel: Channel) -> None:
    sending = channel.send([make_text(), make_text()])

    next(iter(sending))

    assert len(doubles.ledger.entries()) == 1


def test_typography_is_made_plain_and_the_parts_are_counted(doubles: Doubles) -> None:
    receipt = send_one(EndUserMessagingChannel(), make_text(parts={"text": "“It’s time” – " + "a" * 150}))

    (entry,) = doubles.ledger.entries()
    assert entry["body"] == '"It\'s time" - ' + "a" * 150
    assert receipt.parts == 2


@pytest.mark.parametrize(("wanted", "sent"), [(None, None), (1, 5), (3600, 3600), (999_999, 259_200)])
def test_time_to_live_stays_within_what_aws_takes(doubles: Doubles, wanted: int | None, sent: int | None) -> None:
    send_one(EndUserMessagingChannel(), make_text(ttl_seconds=wanted))

    (entry,) = doubles.ledger.entries()
    assert entry["extra"]["ttl_seconds"] == sent


def test_sender_configuration_set_and_kind_of_text_are_told_to_end_user_messaging(doubles: Doubles, settings: Settings) -> None:
    configure_sender(settings, origination_identity="+18885550100", configuration_set="studies")

    send_one(EndUserMessagingChannel(), make_text(promotional=True))

    (entry,) = doubles.ledger.entries()
    assert entry["type"] == "promotional"
    assert entry["extra"] == {"ttl_seconds": 3600, "origination_identity": "+18885550100", "configuration_set": "studies"}


@pytest.mark.parametrize(("sender", "name"), [("+18885550100", "AWS.MM.SMS.OriginationNumber"), ("Carillon", "AWS.SNS.SMS.SenderID")])
def test_sns_is_told_the_sender_under_the_name_for_its_kind(doubles: Doubles, settings: Settings, sender: str, name: str) -> None:
    configure_sender(settings, origination_identity=sender)

    send_one(SnsChannel(), make_text(promotional=True))

    (entry,) = doubles.ledger.entries()
    assert entry["extra"]["attributes"] == {"AWS.SNS.SMS.SMSType": "Promotional", name: sender}


def configure_sender(settings: Settings, **changes: Any) -> None:
    settings.CHANNELS_ACE_PROVIDERS = {"AWS": {**settings.CHANNELS_ACE_PROVIDERS["AWS"], **changes}}
