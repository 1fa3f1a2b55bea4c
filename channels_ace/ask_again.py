"""The policies asked again about deliveries that wait, or that a digest stands for. Read next: decision.py, gather.py."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, Subquery

from channels_ace.channel import carriers
from channels_ace.decision import Question, rules, verdict
from channels_ace.message_types import UnknownType, find
from channels_ace.models import ContactPoint, Delivery


@dataclass(frozen=True)
class Answer:
    """Yes (no state), a no with its state, or a later; each with its reason."""

    state: str = ""
    reason: str = ""
    until: datetime | None = None


def ask_again(deliveries: Iterable[Delivery], now: datetime) -> dict[int, Answer]:
    """This function will ask every policy about each delivery, in one statement for each type and channel.

    What no app knows any more gets a yes: whoever claims it sets it aside.
    """
    groups: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery.message.type, delivery.channel].append(delivery)
    answers: dict[int, Answer] = {}
    for (type_name, channel), group in groups.items():
        answers |= _ask(group, type_name, channel, now)
    return answers


def _ask(deliveries: Sequence[Delivery], type_name: str, channel_name: str, now: datetime) -> dict[int, Answer]:
    channel = carriers().get(channel_name)
    try:
        message_type = find(type_name)
    except UnknownType:
        channel = None
    if channel is None:
        return {one.pk: Answer() for one in deliveries}
    question = Question(
        type=message_type,
        channel=channel_name,
        contact_kinds=channel.contact_kinds,
        now=now,
        user="user_id",
        zone="user__carillon_recipient__time_zone",
        scope=OuterRef("own_scope"),
        thread=OuterRef("own_thread"),
        expiry="own_expiry",
        delivery="pk",
    )
    asked = rules(question)
    # Whoever is not among the rows has left.
    answers = {one.pk: Answer(Delivery.State.SUPPRESSED, "no_contact_point") for one in deliveries}
    for row in _rows(deliveries, channel.contact_kinds).annotate(verdict=verdict(asked)).only("pk"):
        rule = asked[row.verdict - 1] if row.verdict else None
        if row.cancelled is not None:
            answers[row.pk] = Answer(Delivery.State.CANCELLED, "cancelled")
        else:
            answers[row.pk] = Answer(rule.state, rule.reason, rule.until) if rule else Answer()
    return answers


def _rows(deliveries: Sequence[Delivery], kinds: tuple[str, ...]) -> Any:
    contact = ContactPoint.objects.filter(
        pk=OuterRef("contact_point_id"), user_id=OuterRef("user_id"), kind__in=kinds, verified_at__isnull=False, removed_at=None
    )
    return Delivery.objects.filter(pk__in=[one.pk for one in deliveries]).annotate(
        own_expiry=F("expires_at"),
        own_scope=F("message__scope"),
        own_thread=F("message__thread"),
        contact=Subquery(contact.values("pk")),
        contact_index=Subquery(contact.values("index")),
        cancelled=F("message__cancelled_at"),
    )
