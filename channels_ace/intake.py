"""What providers reported, applied: receipts to their attempts, answers to their numbers. The same for webhook and queue.

Read next: provider_events.py, receipts.py, inbound.py.
"""

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from channels_ace.contact_points import BadAddress, normal, suppress_index
from channels_ace.crypto import blind_indexes
from channels_ace.inbound import receive_text
from channels_ace.models import ContactPoint, Suppression
from channels_ace.provider_events import Answered, NotUnderstood, Reported, parse
from channels_ace.receipts import Kind, record_receipt

if TYPE_CHECKING:
    from anymail.signals import AnymailTrackingEvent

# Anymail's names for what e-mail services tell; what is read or clicked is not our business.
_ANYMAIL = {
    "queued": Kind.QUEUED,
    "sent": Kind.SENT,
    "deferred": Kind.PENDING,
    "delivered": Kind.DELIVERED,
    "complained": Kind.COMPLAINED,
    "failed": Kind.GIVEN_UP,
    "rejected": Kind.GIVEN_UP,
    "bounced": Kind.GIVEN_UP,
}
# Why a message came back, where that means that nobody is reached there.
_DEAD_ADDRESS = {"bounced", "invalid"}
_REASONS = {Kind.FAILED: Suppression.Reason.BOUNCE, Kind.COMPLAINED: Suppression.Reason.COMPLAINT}
_OUR_MESSAGE_ID = re.compile(r"<?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})@")


def take_in(text: str, now: datetime, *, sent_at: datetime | None = None) -> int:
    """This function will apply one payload of AWS, written as JSON, and say how many events it held. Raises NotUnderstood."""
    try:
        events = parse(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(str(error) if isinstance(error, NotUnderstood) else "no JSON") from None
    for event in events:
        if isinstance(event, Answered):
            receive_text(event.provider, event.event_id, event.from_number, event.to_number, event.text, now, sent_at=sent_at)
        else:
            record(event, now)
    return len(events)


def take_in_tracking(event: "AnymailTrackingEvent", esp_name: str, now: datetime) -> bool:
    """This function will apply what an e-mail service told Anymail, and say whether it was news of a message."""
    kind = _ANYMAIL.get(event.event_type)
    if kind is None:
        return False
    if event.event_type in ("bounced", "rejected") and event.reject_reason in _DEAD_ADDRESS:
        kind = Kind.FAILED
    said_at = event.timestamp or now
    record(
        Reported(
            provider=esp_name.lower().replace(" ", "_")[:32],
            event_id=(event.event_id or f"{event.message_id}:{event.event_type}:{said_at.timestamp():.0f}")[:191],
            kind=kind,
            occurred_at=said_at,
            token=_token_of(event),
            recipient=event.recipient or "",
            payload={"event": event.event_type, "reject_reason": event.reject_reason or ""},
        ),
        now,
    )
    return True


def record(event: Reported, now: datetime) -> None:
    """This function will keep and apply a report. A bounce or complaint of a message that nobody knows any more still counts."""
    record_receipt(event.provider, event.event_id, event.token, event.kind, event.occurred_at, event.payload, now)
    reason = _REASONS.get(event.kind)
    if event.token is None and reason is not None:
        _suppress_recipient(event.recipient, reason, now)


def _suppress_recipient(address: str, reason: Suppression.Reason, now: datetime) -> None:
    try:
        indexes = blind_indexes(ContactPoint.Kind.EMAIL, normal(ContactPoint.Kind.EMAIL, address))
    except BadAddress:
        return
    # Strangers are none of ours to keep, not even as an index: an account may serve several sites.
    if ContactPoint.objects.filter(kind=ContactPoint.Kind.EMAIL, index__in=indexes).exists():
        suppress_index(channel="email", index=indexes[-1], reason=reason, now=now)


def _token_of(event: "AnymailTrackingEvent") -> UUID | None:
    """Our token comes back in the metadata, or in a Message-ID that the service left as we wrote it."""
    ours = (event.metadata or {}).get("attempt") or next(iter(_OUR_MESSAGE_ID.findall(event.message_id or "")), "")
    try:
        return UUID(str(ours))
    except ValueError:
        return None
