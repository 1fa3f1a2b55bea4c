"""From a delivery that may go out to what the provider is handed: its words, and the address in clear. Read next: rendering.py."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db.models import F, QuerySet, TextField
from django.db.models.functions import Cast

from channels_ace.among import among
from channels_ace.badges import badges_of
from channels_ace.channel import Channel, Outgoing
from channels_ace.crypto import Unreadable, decrypt
from channels_ace.links import leads_to
from channels_ace.looks import PLAIN, looks_of
from channels_ace.message_types import MessageType
from channels_ace.models import ContactPoint, Delivery
from channels_ace.own_headers import own_headers
from channels_ace.rendering import known_language, render

logger = logging.getLogger(__name__)

State = Delivery.State
End = tuple[Delivery.State, str]


@dataclass(frozen=True, kw_only=True)
class Sending:
    """A delivery with what goes out, and what its answer will need."""

    delivery: Delivery
    outgoing: Outgoing
    address_index: str
    provider: str
    refusals: int  # by this provider, before this attempt


def prepare(
    deliveries: Sequence[Delivery], refusals: Mapping[int, int], message_type: MessageType, channel: Channel, now: datetime
) -> tuple[list[Sending], dict[End, list[Delivery]]]:
    """This function will give what can go out, and what cannot by the end it must come to; a bad one stops nobody else."""
    contacts = _contacts(deliveries)
    looks = looks_of(deliveries)
    badges = badges_of({delivery.user_id for delivery in deliveries}, now) if channel.shows_badge else {}
    words: dict[tuple[int, str, str], dict[str, str]] = {}
    fit: list[Sending] = []
    unfit: dict[End, list[Delivery]] = defaultdict(list)
    empty = {delivery.pk for delivery in message_type.fill(deliveries, now)} if message_type.fill else set()
    for delivery in deliveries:
        if delivery.pk in empty:
            unfit[State.CANCELLED, "nothing_left"].append(delivery)
            continue
        contact = contacts.get(delivery.contact_point_id)
        if contact is None:
            unfit[State.SUPPRESSED, "contact_removed"].append(delivery)
            continue
        language = known_language(contact["language"] or "")
        look = looks.get(delivery.pk, PLAIN)
        key = (delivery.message_id, language, look.key)
        try:
            if key not in words:
                with look.around():
                    words[key] = render(delivery.message, channel.name, channel.parts, language, look)
            address = decrypt(contact["stored"])
        except Unreadable:
            unfit[State.DEAD, "address_unreadable"].append(delivery)
            continue
        except Exception:
            # Which text is broken, and why, is in the log with its message.
            logger.exception("Message %s could not be rendered for %s", delivery.message.public_id, channel.name)
            unfit[State.DEAD, "not_rendered"].append(delivery)
            continue
        with look.around():
            outgoing = _outgoing(delivery, message_type, contact["kind"], address, words[key], language, now, look.sender)
        fit.append(
            Sending(
                delivery=delivery,
                # As the inbox tells it, whatever site the words lead to.
                outgoing=replace(outgoing, badge=badges.get(delivery.user_id), link=leads_to(delivery.message.link)),
                address_index=contact["index"],
                provider=channel.provider,
                refusals=refusals[delivery.pk],
            )
        )
    return fit, unfit


def _contacts(deliveries: Sequence[Delivery]) -> dict[int, dict[str, Any]]:
    points: QuerySet[Any] = ContactPoint.objects.filter(among("pk", [delivery.contact_point_id for delivery in deliveries]))
    # Read as it is stored: one address that no key opens must not fail the whole set.
    points = points.annotate(stored=Cast("address", TextField()), language=F("user__carillon_recipient__language"))
    return {point["pk"]: point for point in points.values("pk", "kind", "index", "stored", "language")}


def _outgoing(
    delivery: Delivery,
    message_type: MessageType,
    kind: str,
    address: str,
    parts: dict[str, str],
    language: str,
    now: datetime,
    sender: str,
) -> Outgoing:
    remaining = int((delivery.expires_at - now).total_seconds()) if delivery.expires_at else None
    return Outgoing(
        token=str(uuid4()),
        to=address,
        to_kind=kind,
        parts=parts,
        type=message_type.name,
        message_id=delivery.message.public_id,
        language=language,
        ttl_seconds=remaining,
        data={"message_id": delivery.message.public_id, "notification_type": message_type.name.rsplit(".", 1)[-1]},
        promotional=message_type.promotional,
        sender=sender,
        headers=own_headers(delivery.channel, message_type, delivery.user_id),
    )
