"""Can a study's texts reach a person at all? The router's own rules, asked about planner rows. Read next: nudges.py, monitoring.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import Combinable

from channels_ace.api import ContactPoint, Question, Rule, Suppression, find, rules
from scheduling.models import PlannerRow

NUDGE_TYPE = "studies.nudge"


def with_phone(rows: QuerySet[PlannerRow]) -> QuerySet[Any]:
    """This function will add the verified phone of each row's person, as `contact` and `contact_index`."""
    phones = ContactPoint.objects.filter(
        user_id=OuterRef("enrollment__user_id"), kind=ContactPoint.Kind.PHONE, verified_at__isnull=False, removed_at=None
    )
    return rows.annotate(contact=Subquery(phones.values("pk")[:1]), contact_index=Subquery(phones.values("index")[:1]))


def barring_rules(scope: str, now: datetime) -> list[Rule]:
    """This function will list the router's noes to a study's texts; what only has to wait is not among them."""
    question = Question(
        type=find(NUDGE_TYPE),
        channel="sms",
        contact_kinds=(ContactPoint.Kind.PHONE,),
        now=now,
        user="enrollment__user_id",
        zone="enrollment__user__carillon_recipient__time_zone",
        scope=Value(scope),
    )
    return [rule for rule in rules(question) if rule.until is None]


def opted_out_since(scope: str) -> Subquery:
    """This function will give when a row's person opted out of a study's texts, of all texts or of these; null for who has not."""
    mine = Suppression.objects.filter(
        Q(scope="") | Q(scope=scope),
        channel="sms",
        index=OuterRef("contact_index"),
        lifted_at=None,
        reason__in=[Suppression.Reason.STOP, Suppression.Reason.UNSURE],
    )
    return Subquery(mine.order_by("since").values("since")[:1])


def bar(scope: str, now: datetime) -> Combinable:
    """This function will give the reason code why no text can reach a row's person, or the empty string."""
    # Without a zone no run ever comes to them: the run is the zone's.
    whens = [When(time_zone="", then=Value("no_time_zone"))]
    whens += [When(rule.when, then=Value(rule.reason)) for rule in barring_rules(scope, now)]
    return Case(*whens, default=Value(""), output_field=CharField())
