"""Can a study's texts reach a person at all? The router's own rules, asked about planner rows. Read next: nudges.py, monitoring.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, CharField, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import Combinable

from channels_ace.api import ContactPoint, Question, Rule, Suppression, find, rules
from scheduling.models import PlannerRow
from studies.api import Rule as NudgeRule

NUDGE_TYPE = "studies.nudge"
# The ways by which a nudge can go, and what each of them needs.
WAYS: Mapping[str, tuple[ContactPoint.Kind, ...]] = {
    "sms": (ContactPoint.Kind.PHONE,),
    "push": (ContactPoint.Kind.DEVICE_TOKEN, ContactPoint.Kind.DEVICE_FID),
    "email": (ContactPoint.Kind.EMAIL,),
}


def channels_of(rule: NudgeRule) -> list[str]:
    """This function will list the channels of a rule by which a nudge can go, in their order; a text where it names none."""
    return [channel for channel in rule.channels if channel in WAYS] or ["sms"]


def with_contacts(rows: QuerySet[PlannerRow], channels: Iterable[str]) -> QuerySet[Any]:
    """This function will add how each row's person is reached: `contact` and `contact_index` for texts, with _push and _email after.

    Of several devices it is one: whether there is any is all that is asked.
    """
    reached = with_phone(rows)
    for channel in set(channels) - {"sms"}:
        mine = ContactPoint.objects.filter(
            user_id=OuterRef("enrollment__user_id"), kind__in=WAYS[channel], verified_at__isnull=False, removed_at=None
        ).order_by("-pk")
        one = {f"contact_{channel}": Subquery(mine.values("pk")[:1]), f"contact_index_{channel}": Subquery(mine.values("index")[:1])}
        reached = reached.annotate(**one)
    return reached


def with_phone(rows: QuerySet[PlannerRow]) -> QuerySet[Any]:
    """This function will add the verified phone of each row's person, who has no second one, as `contact` and `contact_index`."""
    way = "enrollment__user__carillon_contact_points"
    verified = {f"{way}__kind": ContactPoint.Kind.PHONE, f"{way}__verified_at__isnull": False, f"{way}__removed_at": None}
    joined: QuerySet[Any] = rows.annotate(phone=FilteredRelation(way, condition=Q(**verified)))
    reached: QuerySet[Any] = joined.annotate(contact=F("phone__id"), contact_index=F("phone__index"))
    return reached


def question_of(scope: str, now: datetime, channel: str = "sms") -> Question:
    """This function will ask about what a study says over a channel to planner rows with their contacts."""
    after = "" if channel == "sms" else f"_{channel}"
    return Question(
        type=find(NUDGE_TYPE),
        channel=channel,
        contact_kinds=WAYS[channel],
        contact_point=f"contact{after}",
        address=f"contact_index{after}",
        now=now,
        user="enrollment__user_id",
        zone="enrollment__user__carillon_recipient__time_zone",
        scope=Value(scope),
        joined={"enrollment": "enrollment"},
    )


def barring_rules(scope: str, now: datetime, channel: str = "sms") -> list[Rule]:
    """This function will list the router's noes to what a study says over a channel; what only has to wait is not among them."""
    return [rule for rule in rules(question_of(scope, now, channel)) if rule.until is None]


def why_not(noes: Iterable[tuple[Any, str]], before: str = "") -> Combinable:
    """This function will give the reason code of the first no that holds for a row, or the empty string."""
    return Case(*(When(when, then=Value(f"{before}{reason}")) for when, reason in noes), default=Value(""), output_field=CharField())


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


def bar(scope: str, now: datetime, ways: Mapping[tuple[str, ...], Collection[int]]) -> Combinable:
    """This function will give the reason code why nothing can reach a row's person, or the empty string.

    `ways` are the channels that may be tried in the versions of a study. Who can be reached by one of them is not barred; of who cannot it
    is the first one's reason.
    """
    # Without a zone no run ever comes to them: the run is the zone's.
    whens: list[When] = [When(time_zone="", then=Value("no_time_zone"))]
    for channels, versions in ways.items():
        noes = {channel: [(rule.when, rule.reason) for rule in barring_rules(scope, now, channel)] for channel in channels}
        first, *others = channels
        is_open = Q(pk__in=[])
        for channel in others:
            is_open |= ~reduce(or_, (Q(when) for when, _reason in noes[channel]), Q(pk__in=[]))
        mine = Q() if len(ways) == 1 else Q(version_id__in=sorted(versions))
        if others:
            whens.append(When(mine & is_open, then=Value("")))
        whens += [When(mine & Q(when), then=Value(reason)) for when, reason in noes[first]]
    return Case(*whens, default=Value(""), output_field=CharField())
