"""What providers say happened, read into one form: a payload in, a list out; no clock, no database. Read next: intake.py.

Addresses stay out of what is kept. Event names and fields: "Event types for SMS, MMS, and voice", "Two-way SMS payload" (End User
Messaging), "Contents of event data that Amazon SES publishes to Amazon SNS".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from channels_ace.channel import without_addresses
from channels_ace.receipts import Kind


class NotUnderstood(ValueError):
    """No provider that we know writes like this. Its text holds nothing of the payload."""


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What became of one attempt. `token` is ours where the provider repeats it, else its own id must do."""

    provider: str
    event_id: str
    kind: Kind
    occurred_at: datetime
    token: UUID | None
    provider_message_id: str = ""
    recipient: str = field(default="", repr=False)  # only where it is needed: a bounce or complaint
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A text that somebody sent to one of our numbers."""

    provider: str
    event_id: str
    from_number: str = field(repr=False)
    to_number: str
    text: str = field(repr=False)


# Where a final event says so; carriers use the first two as they like.
_TEXT_ARRIVED = {"TEXT_DELIVERED", "TEXT_SUCCESSFUL"}
_TEXT_ON_ITS_WAY = {
    "TEXT_QUEUED": Kind.QUEUED,
    "TEXT_PENDING": Kind.PENDING,
    "TEXT_SENT": Kind.SENT,
    # After 72 hours without word from the carrier; it proves that AWS took the text, and no more.
    "TEXT_UNKNOWN": Kind.PENDING,
}
_MAIL = {
    "Send": Kind.ACCEPTED,
    "Delivery": Kind.DELIVERED,
    "DeliveryDelay": Kind.PENDING,
    "Complaint": Kind.COMPLAINED,
    "Reject": Kind.GIVEN_UP,
    "Rendering Failure": Kind.GIVEN_UP,
}
_MAIL_WITHOUT_NEWS = {"Open", "Click", "Subscription"}


def parse(document: Any) -> list[Reported | Answered]:
    """This function will read one payload of AWS, whichever of its services wrote it. Raises NotUnderstood."""
    if not isinstance(document, dict):
        raise NotUnderstood("no object")
    if document.get("source") == "aws.sms-voice" and isinstance(document.get("detail"), dict):
        # The same event by way of EventBridge.
        document = document["detail"]
    if str(document.get("eventType", "")).startswith("TEXT_"):
        return [_parse_text_event(document)]
    if "inboundMessageId" in document:
        return [_parse_answer(document)]
    kind = document.get("eventType") or document.get("notificationType")
    if isinstance(document.get("mail"), dict) and isinstance(kind, str):
        return [] if kind in _MAIL_WITHOUT_NEWS else [_parse_mail_event(document, kind)]
    raise NotUnderstood("no event that we know")


def _parse_text_event(event: Mapping[str, Any]) -> Reported:
    name, message_id, milliseconds = _text(event, "eventType"), _text(event, "messageId"), event.get("eventTimestamp")
    if not isinstance(milliseconds, int) or not 0 <= milliseconds < 10**14:
        raise NotUnderstood("no time")
    context = event.get("context")
    kept = ("eventType", "messageStatus", "isFinal", "totalMessageParts", "totalMessagePrice", "totalCarrierFee", "isoCountryCode")
    return Reported(
        provider="eum",
        # It has no id of its own. The same event by two roads (webhook and queue) must have the same one.
        event_id=f"{message_id}:{name}:{milliseconds}"[:191],
        kind=_kind_of_text(name, is_final=event.get("isFinal")),
        occurred_at=datetime.fromtimestamp(milliseconds / 1000, tz=UTC),
        token=_token(context.get("attempt") if isinstance(context, dict) else None),
        provider_message_id=message_id,
        payload={
            **{key: event[key] for key in kept if isinstance(event.get(key), (str, int, float, bool))},
            "description": without_addresses(event.get("messageStatusDescription", "")),
        },
    )


def _kind_of_text(name: str, *, is_final: object) -> Kind:
    if name in _TEXT_ARRIVED:
        return Kind.SENT if name == "TEXT_SUCCESSFUL" and is_final is not True else Kind.DELIVERED
    if name in _TEXT_ON_ITS_WAY:
        return _TEXT_ON_ITS_WAY[name]
    return Kind.PENDING if is_final is False else Kind.FAILED


def _parse_answer(answer: Mapping[str, Any]) -> Answered:
    return Answered(
        provider="eum",
        event_id=_text(answer, "inboundMessageId")[:191],
        from_number=_text(answer, "originationNumber"),
        to_number=_text(answer, "destinationNumber"),
        text=str(answer.get("messageBody", "")),
    )


def _parse_mail_event(event: Mapping[str, Any], name: str) -> Reported:
    mail: Mapping[str, Any] = event["mail"]
    part = event.get({"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}.get(name, name.lower()))
    about: Mapping[str, Any] = part if isinstance(part, dict) else {}
    kind, recipients = _MAIL.get(name), about.get("bouncedRecipients") or about.get("complainedRecipients")
    if name == "Bounce":
        # A full mailbox or a refused text says nothing about the address.
        kind = Kind.FAILED if about.get("bounceType") == "Permanent" else Kind.GIVEN_UP
    if kind is None:
        raise NotUnderstood("no mail event that we know")
    said_at = about.get("timestamp") or mail.get("timestamp")
    first = recipients[0] if isinstance(recipients, list) and recipients and isinstance(recipients[0], dict) else {}
    message_id = _text(mail, "messageId")
    kept = ("bounceType", "bounceSubType", "complaintFeedbackType", "reason", "delayType", "smtpResponse", "errorMessage")
    return Reported(
        provider="amazon_ses",
        event_id=f"{message_id}:{name}:{about.get('feedbackId') or said_at}"[:191],
        kind=kind,
        occurred_at=_instant(said_at),
        token=_token_of_mail(mail),
        provider_message_id=message_id,
        recipient=str(first.get("emailAddress", "")) if kind in (Kind.FAILED, Kind.COMPLAINED) else "",
        payload={
            "event": name,
            **{key: without_addresses(about[key]) for key in kept if isinstance(about.get(key), str)},
            **({"diagnostic": without_addresses(first["diagnosticCode"])} if first.get("diagnosticCode") else {}),
        },
    )


def _token_of_mail(mail: Mapping[str, Any]) -> UUID | None:
    """Our header comes back where the topic includes headers, our tag where a configuration set publishes."""
    headers = mail.get("headers")
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, dict) and str(header.get("name", "")).lower() == "x-carillon-attempt":
            return _token(header.get("value"))
    tags = mail.get("tags")
    found = tags.get("attempt") if isinstance(tags, dict) else None
    return _token(found[0] if isinstance(found, list) and found else found)


def _token(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _instant(text: object) -> datetime:
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        raise NotUnderstood("no time") from None
    if instant.tzinfo is None:
        raise NotUnderstood("no time")
    return instant


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise NotUnderstood(f"no {name}")
    return value
