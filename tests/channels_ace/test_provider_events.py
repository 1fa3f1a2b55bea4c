from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from channels_ace.provider_events import Answered, NotUnderstood, Reported, parse
from channels_ace.receipts import Kind
from tests.fakes import receipts

TOKEN = "0f8f3a3e-6f43-4c58-8c0a-1f0a5a1f6f11"


def mail_event(name: str, about: dict[str, Any] | None = None, *, key: str = "", headers: Any = None, tags: Any = None) -> dict[str, Any]:
    part = {"timestamp": "2026-03-02T12:00:00.123Z", **(about or {})}
    mail: dict[str, Any] = {"messageId": "ses-1", "timestamp": "2026-03-02T11:59:00.000Z", "destination": ["ada@example.org"]}
    mail |= {"headers": headers} if headers is not None else {"headers": [{"name": "X-Carillon-Attempt", "value": TOKEN}]}
    return {"eventType": name, key or name.lower(): part, "mail": mail | ({"tags": tags} if tags else {})}


def reported(document: Any) -> Reported:
    [event] = parse(document)
    assert isinstance(event, Reported)
    return event


@pytest.mark.parametrize(
    ("name", "is_final", "kind"),
    [
        ("TEXT_QUEUED", False, Kind.QUEUED),
        ("TEXT_PENDING", False, Kind.PENDING),
        ("TEXT_SENT", False, Kind.SENT),
        ("TEXT_SUCCESSFUL", False, Kind.SENT),
        ("TEXT_SUCCESSFUL", True, Kind.DELIVERED),
        ("TEXT_DELIVERED", True, Kind.DELIVERED),
        ("TEXT_UNKNOWN", True, Kind.PENDING),
        ("TEXT_INVALID", True, Kind.FAILED),
        ("TEXT_INVALID_MESSAGE", True, Kind.FAILED),
        ("TEXT_BLOCKED", True, Kind.FAILED),
        ("TEXT_CARRIER_BLOCKED", True, Kind.FAILED),
        ("TEXT_CARRIER_UNREACHABLE", False, Kind.PENDING),
        ("TEXT_UNREACHABLE", True, Kind.FAILED),
        ("TEXT_SPAM", True, Kind.FAILED),
        ("TEXT_TTL_EXPIRED", True, Kind.FAILED),
        ("TEXT_PROTECT_BLOCKED", True, Kind.FAILED),
    ],
)
def test_every_event_of_a_text_has_a_meaning(name: str, is_final: bool, kind: Kind) -> None:
    event = reported(receipts.event(name, TOKEN, "m-1", is_final=is_final))

    assert (event.provider, event.kind, event.token, event.provider_message_id) == ("eum", kind, UUID(TOKEN), "m-1")


def test_an_event_of_a_text_keeps_its_time_and_price_and_no_number() -> None:
    event = reported({**receipts.event("TEXT_DELIVERED", TOKEN, "m-1", to="+12065550123"), "eventTimestamp": 1_772_452_800_250})

    assert event.occurred_at == datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)
    assert event.payload["totalMessagePrice"] == 0.00645
    assert "2065550" not in f"{event!r}{event.payload}"


def test_the_same_event_has_the_same_id_by_whatever_road() -> None:
    event = receipts.event("TEXT_DELIVERED", TOKEN, "m-1")
    by_event_bridge = {"source": "aws.sms-voice", "detail-type": "Text Message Delivery Status Updated", "detail": event}

    assert reported(event) == reported(by_event_bridge)
    assert reported(event).event_id != reported({**event, "eventType": "TEXT_PENDING"}).event_id


@pytest.mark.parametrize("context", [None, {}, {"attempt": "x"}, {"attempt": 7}, [], "attempt"])
def test_an_event_of_somebody_elses_text_has_no_token(context: Any) -> None:
    assert reported({**receipts.event("TEXT_DELIVERED", TOKEN, "m"), "context": context}).token is None


def test_an_answer_is_read_and_its_number_and_words_are_in_no_log() -> None:
    [answer] = parse(receipts.inbound("+12065550123", "STOP please", event_id="in-1"))

    assert answer == Answered(provider="eum", event_id="in-1", from_number="+12065550123", to_number="+12065550100", text="STOP please")
    assert "0123" not in repr(answer)
    assert "STOP" not in repr(answer)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (mail_event("Send"), Kind.ACCEPTED),
        (mail_event("Delivery"), Kind.DELIVERED),
        (mail_event("DeliveryDelay", {"delayType": "MailboxFull"}, key="deliveryDelay"), Kind.PENDING),
        (mail_event("Complaint", {"complainedRecipients": [{"emailAddress": "ada@example.org"}]}), Kind.COMPLAINED),
        (mail_event("Bounce", {"bounceType": "Permanent"}), Kind.FAILED),
        (mail_event("Bounce", {"bounceType": "Transient"}), Kind.GIVEN_UP),
        (mail_event("Bounce", {"bounceType": "Undetermined"}), Kind.GIVEN_UP),
        (mail_event("Reject", {"reason": "Bad content"}), Kind.GIVEN_UP),
        (mail_event("Rendering Failure", key="failure"), Kind.GIVEN_UP),
    ],
)
def test_every_event_of_a_mail_has_a_meaning(event: dict[str, Any], kind: Kind) -> None:
    found = reported(event)

    assert (found.provider, found.kind, found.token) == ("amazon_ses", kind, UUID(TOKEN))
    assert found.occurred_at == datetime(2026, 3, 2, 12, 0, 0, 123_000, tzinfo=UTC)
    assert "ada@example.org" not in str(found.payload)


def test_the_older_form_of_mail_events_is_read_too() -> None:
    event = mail_event("Delivery")
    event["notificationType"] = event.pop("eventType")

    assert reported(event).kind is Kind.DELIVERED


def test_a_bounce_says_whom_it_is_about_and_why() -> None:
    said = {"emailAddress": "ada@example.org", "diagnosticCode": "smtp; 550 5.1.1 <ada@example.org>: user unknown"}
    found = reported(mail_event("Bounce", {"bounceType": "Permanent", "bouncedRecipients": [said], "feedbackId": "f-1"}, headers=[]))

    assert (found.token, found.recipient, found.event_id) == (None, "ada@example.org", "ses-1:Bounce:f-1")
    assert found.payload["diagnostic"] == "smtp; 550 5.1.1 <[address]>: user unknown"


def test_a_tag_names_the_attempt_where_headers_are_left_out() -> None:
    token = uuid4()
    assert reported(mail_event("Delivery", headers=[], tags={"attempt": [str(token)]})).token == token


@pytest.mark.parametrize("name", ["Open", "Click", "Subscription"])
def test_what_people_read_is_none_of_our_business(name: str) -> None:
    assert parse(mail_event(name)) == []


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {},
        {"eventType": "VOICE_COMPLETED"},
        {"eventType": "TEXT_SENT"},
        {"eventType": 7, "mail": {}},
        {**receipts.event("TEXT_SENT", TOKEN, "m"), "eventTimestamp": "now"},
        {**receipts.event("TEXT_SENT", TOKEN, "m"), "eventTimestamp": -1},
        {**receipts.event("TEXT_SENT", TOKEN, "m"), "eventTimestamp": 10**30},
        {**receipts.event("TEXT_SENT", TOKEN, ""), "messageId": None},
        {"inboundMessageId": ""},
        {"inboundMessageId": "1", "originationNumber": None},
        mail_event("Delivery", {"timestamp": "soon"}),
        mail_event("Delivery", {"timestamp": "2026-03-02T12:00:00"}),
        mail_event("Surprise"),
        {"eventType": "Delivery", "mail": []},
        {"eventType": "Delivery", "mail": {"messageId": 1, "timestamp": "2026-03-02T12:00:00Z"}},
    ],
)
def test_what_is_no_event_is_said_to_be_none(document: Any) -> None:
    with pytest.raises(NotUnderstood):
        parse(document)
