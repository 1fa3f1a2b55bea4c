"""The next way to a person when the one before led nowhere: never both, and never after an answer that may mean yes. Read next: nudges.py.

A nudge has one message, which says the same over each channel of its rule; it has a delivery for each way that was tried, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from channels_ace.api import Delivery, Message, plan_over
from scheduling.models import Nudge, NudgeDecision
from studies.api import ProtocolVersion

# Ends after which another way may be tried. Not among them: what may have arrived, what went stale, and what somebody called off.
FAILED = [Delivery.State.UNDELIVERABLE, Delivery.State.SUPPRESSED, Delivery.State.DEAD]


def fall_back(version: ProtocolVersion, rule: str, channels: Sequence[str], today: date, since: datetime, now: datetime) -> int:
    """This function will plan what failed since then over the rule's next channel, and say how many people that concerns.

    Raises IntegrityError when another planner is doing the same.
    """
    said = Nudge.objects.filter(nudged_at__gt=since, local_date=today, enrollment__version=version, variant__startswith=f"{rule}.")
    moved = 0
    with transaction.atomic():
        for failed, channel in pairwise(channels):
            stuck = _stuck(said.exclude(slot__contains="#"), failed, channel)
            people = list(stuck.values_list("message_id", "enrollment_id", "enrollment__user_id"))
            if people:
                _note(people, rule, today, failed, channel)
                _plan(people, channel, now)
                moved += len(people)
    return moved


def plan_first(messages: Sequence[int], channel: str, now: datetime) -> None:
    """This function will plan the nudges of messages over the channel that was found for their people."""
    said = Nudge.objects.filter(message_id__in=messages)
    _plan(list(said.values_list("message_id", "enrollment_id", "enrollment__user_id")), channel, now)


def _stuck(said: QuerySet[Nudge], failed: str, channel: str) -> QuerySet[Nudge]:
    mine = Delivery.objects.filter(message=OuterRef("message"), user=OuterRef("enrollment__user"))
    has_failed = Exists(mine.filter(channel=failed, state__in=FAILED))
    return said.filter(has_failed, ~Exists(mine.exclude(state__in=FAILED)), ~Exists(mine.filter(channel=channel)))


def _note(people: Sequence[tuple[int, int, int]], rule: str, today: date, failed: str, channel: str) -> None:
    """This function will keep the way that failed, with its reason, in the record of the decision."""
    messages = {message for message, _enrollment, _user in people}
    tried = Delivery.objects.filter(message_id__in=messages, channel=failed, user__enrollments=OuterRef("enrollment_id")).order_by("-pk")
    noted: Any = Concat("passed_over", Value(f"{failed}:"), Subquery(tried.values("reason")[:1]), Value(" "))
    decisions = NudgeDecision.objects.filter(rule=rule, local_date=today, enrollment_id__in=[enrollment for _, enrollment, _ in people])
    decisions.update(channel=channel, passed_over=noted)


def _plan(people: Sequence[tuple[int, int, int]], channel: str, now: datetime) -> None:
    users = get_user_model()._default_manager
    for message in Message.objects.filter(pk__in={message for message, _enrollment, _user in people}).order_by("pk"):
        plan_over(message, channel, users.filter(pk__in=[user for of, _enrollment, user in people if of == message.pk]), now)
