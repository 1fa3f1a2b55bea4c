"""What a reminder may fill once: the slot of a burst, of an event or of a session, and when it is free again. Read next: nudges.py."""

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat

from channels_ace.api import Delivery
from scheduling.models import Nudge
from scheduling.nudge_texts import NudgeRule
from scheduling.tracks import tracks_of
from studies.api import PreBurstNudge, Protocol, SessionReminder

# Ends that reached nobody: the person may still be reminded in this burst. An unknown end is not among them.
FREEING = [Delivery.State.UNDELIVERABLE, Delivery.State.SUPPRESSED, Delivery.State.EXPIRED, Delivery.State.CANCELLED, Delivery.State.DEAD]


def slot_of(rule: NudgeRule, design: Protocol) -> str:
    """This function will name what a rule may fill once in a burst of its series: early, late, cumulative and few share one.

    That of the first series is named without it, as it always was. After an event the day from which it counts belongs to the name, too:
    an event may come again.
    """
    kind = "pre_burst" if isinstance(rule, PreBurstNudge) else "missed"
    if rule.days is not None:
        return f"{kind}:{rule.days.event_id}"
    return kind if rule.series_id == tracks_of(design)[0].series_id else f"{kind}:{rule.series_id}"


def fills(rule: NudgeRule, design: Protocol) -> Combinable:
    """This function will give the slot that a rule fills for a planner row."""
    if isinstance(rule, SessionReminder):
        return slot_of_session(rule, F("session"))
    slot = Value(slot_of(rule, design))
    return Concat(slot, Value(":"), Cast("burst_start", CharField())) if rule.days else slot


def slot_of_session(rule: SessionReminder, session: Any) -> Concat:
    """This function will name what one step may fill once for a session: `session:<its id>:01`."""
    return Concat(Value("session:"), session, Value(f":{rule.step:02d}"), output_field=CharField())


def filled_by(rule: NudgeRule, design: Protocol) -> QuerySet[Nudge]:
    """This function will give the nudges that have filled a slot of a rule's, also when its series was first, or was not, in a version."""
    if isinstance(rule, SessionReminder):
        return Nudge.objects.filter(slot=slot_of_session(rule, OuterRef("session")))
    own = slot_of(rule, design)
    if rule.days is not None:
        return Nudge.objects.filter(slot__startswith=f"{own}:").exclude(slot__contains="#")
    kind = own.split(":")[0]
    names = [kind, f"{kind}:{rule.series_id}"]
    if len(design.burst_series) == 1:
        return Nudge.objects.filter(slot__in=names)
    mine = [known.id for known in design.nudges if known.series_id == rule.series_id]
    by_them = reduce(or_, (Q(variant__startswith=f"{name}.") for name in mine))
    return Nudge.objects.filter(Q(slot=own) | (by_them & Q(slot__in=names)))


def reached_nobody() -> Q:
    """This function will tell whether a nudge's deliveries have all ended without reaching its person."""
    mine = Delivery.objects.filter(message=OuterRef("message"), user=OuterRef("enrollment__user"))
    return Q(Exists(mine.filter(state__in=FREEING))) & ~Q(Exists(mine.exclude(state__in=FREEING)))
