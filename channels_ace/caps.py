"""How much one person gets, whoever sends it: the policy over the numbers in CHANNELS_ACE["CAPS"]. Read next: policies.py."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from channels_ace.channel import Outcome
from channels_ace.decision import Question, Rule, deny
from channels_ace.message_types import Hours, registered
from channels_ace.models import Attempt, Delivery

State = Delivery.State


class Capped:
    """What would be one too many within a cap's hours is not sent. What signs a person in is neither capped nor counted."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if question.type.hours is Hours.ANY:
            return
        for cap in settings.CHANNELS_ACE.get("CAPS", ()):
            if question.channel == cap["channel"] and question.type.name in cap.get("types", [question.type.name]):
                most = cap["most"]
                # The row after so many: reading stops there, however much a person has got.
                yield deny(Q(Exists(_counted(question, cap).order_by()[most - 1 : most])), "capped")


def _counted(question: Question, cap: Mapping[str, Any]) -> Any:
    """This function will give what counts against a cap: what reached the person or may have, and what is about to."""
    since = question.now - timedelta(hours=cap["hours"])
    took = Attempt.objects.filter(delivery=OuterRef("pk"), outcome__in=["", Outcome.ACCEPTED, Outcome.UNKNOWN], started_at__gt=since)
    counts = Q(Exists(took)) & ~Q(state=State.UNDELIVERABLE)
    if question.delivery:
        # Several for one person can be claimed at once; then the first of them count for the others, by claim and by key.
        mine = question.outer(question.lease)
        earlier = Q(lease_until__lt=mine) | Q(lease_until=mine, pk__lt=question.outer(question.delivery))
        counts |= Q(state=State.SENDING) & earlier
    rows = Delivery.objects.filter(counts, user_id=question.outer(question.user), channel=question.channel, changed_at__gt=since)
    if "types" in cap:
        return rows.filter(message__type__in=cap["types"])
    return rows.exclude(message__type__in=[known.name for known in registered() if known.hours is Hours.ANY])
