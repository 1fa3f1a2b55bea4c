"""Each row of docs/magic-addresses.md, with every double that knows it."""

import re
from pathlib import Path

import pytest
from pytest_django import Settings

from channels_ace.api import Delivery, deliver_all
from channels_ace.channel import Channel, Outcome
from channels_ace.channels.email import EmailChannel
from channels_ace.channels.push_fcm import FcmChannel
from channels_ace.channels.sms_aws import EndUserMessagingChannel, SnsChannel
from channels_ace.channels.sms_twilio import TwilioChannel
from tests.channels_ace.channels.outgoing import make_email, make_push, make_text, send_one
from tests.channels_ace.saying import NEWS, say
from tests.factories import NOW, make_user
from tests.fakes import Doubles
from tests.fakes.receipts import Receipts

PAGE = Path(__file__).parents[2] / "docs" / "magic-addresses.md"
PHONES = [EndUserMessagingChannel, SnsChannel, TwilioChannel]
ENDS = {
    "0199": (Outcome.PERMANENT, "opted_out", False, [False]),
    "0198": (Outcome.REFUSED, "", False, [False]),
    "0197": (Outcome.ACCEPTED, "", False, [True]),
    "0196": (Outcome.UNKNOWN, "", False, [True]),
}
DEVICES = {
    "dead-": (Outcome.PERMANENT, "unregistered", True, [False]),
    "foreign-": (Outcome.PERMANENT, "sender_id_mismatch", True, [False]),
    "broken-": (Outcome.PERMANENT, "invalid_argument", True, [False]),
    "unclear-": (Outcome.UNKNOWN, "", False, [True]),
}
MAILBOXES = {"bounce": (Outcome.PERMANENT, "", [False]), "unclear": (Outcome.UNKNOWN, "", [True])}


@pytest.mark.parametrize("channel", PHONES)
@pytest.mark.parametrize("ending", ENDS)
def test_phone_numbers(doubles: Doubles, channel: type[Channel], ending: str) -> None:
    outcome, code, is_dead, accepted = ENDS[ending]

    receipt = send_one(channel(), make_text(to=f"+1206555{ending}"))

    assert (receipt.outcome, receipt.address_is_dead) == (outcome, is_dead)
    assert not code or receipt.code == code
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == accepted


@pytest.mark.parametrize("beginning", DEVICES)
def test_devices(doubles: Doubles, beginning: str) -> None:
    outcome, code, is_dead, accepted = DEVICES[beginning]

    receipt = send_one(FcmChannel(), make_push(to=f"{beginning}phone-of-ada"))

    assert (receipt.outcome, receipt.address_is_dead) == (outcome, is_dead)
    assert not code or receipt.code == code
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == accepted


@pytest.mark.parametrize("service", ["smtp", "ses"])
@pytest.mark.parametrize("beginning", MAILBOXES)
def test_mailboxes(doubles: Doubles, settings: Settings, beginning: str, service: str) -> None:
    outcome, code, accepted = MAILBOXES[beginning]
    if service == "ses":
        client = {"endpoint_url": doubles.http, "region_name": "us-east-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}
        settings.EMAIL_BACKEND = "anymail.backends.amazon_ses.EmailBackend"
        settings.ANYMAIL = {"AMAZON_SES_CLIENT_PARAMS": client}

    receipt = send_one(EmailChannel(), make_email(to=f"{beginning}.ada@learn.example"))

    assert receipt.outcome is outcome
    assert not code or receipt.code == code
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == accepted


def test_what_cannot_arrive_says_so_in_its_receipts(doubles: Doubles, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(Receipts, "send", lambda _, message: told.append(message["eventType"]))
    doubles.receipts.script(to_queue=True)

    send_one(EndUserMessagingChannel(), make_text(to="+12065550197"))

    doubles.receipts.wait_until_told()
    assert told == ["TEXT_INVALID"]


@pytest.mark.django_db
def test_a_device_that_is_gone_is_removed_and_the_person_gets_the_rest(doubles: Doubles) -> None:
    person = make_user(email="ada@learn.example", device="dead-phone-of-ada")

    say([person], NEWS)
    deliver_all(NOW)

    ends = dict(Delivery.objects.values_list("channel", "state"))
    assert ends == {"email": Delivery.State.ACCEPTED, "push": Delivery.State.UNDELIVERABLE}
    assert person.carillon_contact_points.get(kind="device_token").removed_reason == "unregistered"


def test_the_page_names_what_is_tested_and_nothing_else() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| a ") and "address |" not in line]

    named = [re.findall(r"`([^`]+)`", row.split("|")[1])[0] for row in rows]

    assert named == [*ENDS, *DEVICES, *MAILBOXES]
