"""Does the product notice when it falls silent? What should have been decided and said yesterday, against what was. Read next: nudges.py.

Studies have lost weeks of data because a planner had stopped and nothing said so. Everything here is asked of rows that exist anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from channels_ace.api import Delivery, local_now, parse_zone, to_instant
from scheduling.drawn_times import drawn_minute
from scheduling.models import Nudge, NudgeDecision, Place, PlannerRow, RunLedger
from scheduling.nudge_rules import concerned, session_of
from scheduling.nudge_texts import NudgeRule
from scheduling.planner import protocol, tracks
from scheduling.tracks import track_of
from studies.api import Enrollment, ProtocolVersion, SessionReminder, Study

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Gap:
    """Something that should have happened: `kind` is missed_run, undecided, unsent or not_moved_on; `people` are concerned.

    Without a rule: who stands in a burst that was over before (rolling.py).
    """

    kind: str
    study: str
    rule: str
    time_zone: str
    local_date: date
    people: int


def find_gaps(now: datetime) -> list[Gap]:
    """This function will list what is missing of each zone's last whole local day; nothing is the good answer."""
    found: list[Gap] = []
    places = Place.objects.filter(version__study__state=Study.State.LIVE).select_related("version__study")
    for place in places.order_by("version_id", "time_zone"):
        yesterday = local_now(now, parse_zone(place.time_zone)).date() - DAY
        for rule in protocol(place.version_id).rules:
            found += _of_run(place.version, rule, place.time_zone, yesterday)
        found += _not_moved_on(place, yesterday)
    return [*found, *_unsent(now)]


def _of_run(version: ProtocolVersion, rule: NudgeRule, time_zone: str, on: date) -> Iterator[Gap]:
    random = rule.random_times if isinstance(rule, SessionReminder) else None
    if random is not None and random.window(on.isoweekday()) is None:
        return
    at = to_instant(on, max(rule.send_at, rule.window_opens), parse_zone(time_zone))
    due = _due(version, rule, time_zone, on, at)
    ledger = RunLedger.objects.filter(version=version, rule=rule.id, time_zone=time_zone, local_date=on).first()
    kind = "missed_run" if ledger is None else "undecided"
    if ledger is not None:
        decided = NudgeDecision.objects.filter(enrollment_id=OuterRef("enrollment_id"), rule=rule.id, local_date=on)
        due = due.filter(~Exists(decided))
        if isinstance(rule, SessionReminder) and random is not None:
            due = _drawn_by_day(rule, due, on)
    people = due.count()
    if people:
        yield Gap(kind, version.study.public_id, rule.id, time_zone, on, people)


def _drawn_by_day(rule: SessionReminder, due: QuerySet[Any], on: date) -> QuerySet[Any]:
    """This function will leave those whose session by chance opened so that its reminder fell into the rule's hours."""
    starts = set(due.order_by().values_list("burst_start", flat=True).distinct())
    if not starts:
        return due
    opens, closes = (at.hour * 60 + at.minute - rule.after_minutes for at in (rule.window_opens, rule.window_closes))
    drawn = due.annotate(session=session_of(rule, on, starts)).annotate(opens=drawn_minute(on))
    by_day: QuerySet[Any] = drawn.filter(opens__gte=max(0, opens), opens__lt=closes)
    return by_day


def _due(version: ProtocolVersion, rule: NudgeRule, time_zone: str, on: date, at: datetime) -> QuerySet[PlannerRow]:
    """This function will give the people whom a run should have looked at: those who were there already, and have been since."""
    there = Enrollment.objects.filter(pk=OuterRef("enrollment_id"), enrolled_at__lt=at, state=Enrollment.State.ACTIVE, consented_at__lt=at)
    # Who came from another zone, or came back from a pause, was not there when it ran.
    moved = Q(enrollment__audit__what__in=["time_zone", "resumed", "event_moved"], enrollment__audit__at__gte=at - DAY)
    design = protocol(version.pk)
    rows = PlannerRow.objects.filter(version=version, track=track_of(design, rule), time_zone=time_zone, is_eligible=True)
    changed = PlannerRow.objects.filter(moved, pk=OuterRef("pk"))
    return rows.filter(concerned(rule, design, on), Exists(there), ~Exists(changed))


def _not_moved_on(place: Place, on: date) -> Iterator[Gap]:
    design, people = protocol(place.version_id), 0
    for number, track in enumerate(tracks(place.version_id)):
        rows = PlannerRow.objects.filter(version_id=place.version_id, track=number, time_zone=place.time_zone, is_eligible=True)
        people += rows.filter(burst_start__lte=on - track.looks_at(design).extend_to_days * DAY).count()
    if people:
        yield Gap("not_moved_on", place.version.study.public_id, "", place.time_zone, on, people)


def _unsent(now: datetime) -> Iterator[Gap]:
    """This function will find nudges that were noted, and of which the router knows nothing."""
    known = Delivery.objects.filter(message=OuterRef("message"), user=OuterRef("enrollment__user"))
    lost = Nudge.objects.filter(nudged_at__gte=now - 2 * DAY, nudged_at__lt=now).filter(~Exists(known)).select_related("enrollment__study")
    for nudge in lost.order_by("pk")[:100]:
        enrollment = nudge.enrollment
        yield Gap("unsent", enrollment.study.public_id, nudge.variant.split(".")[0], enrollment.time_zone, nudge.local_date, 1)
