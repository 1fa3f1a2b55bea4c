"""Why somebody was, or was not, reminded on any day: as it was kept, and else as it follows from their dates. Read next: nudges.py.

Kept is each decision about who was inside a burst (NudgeDecision). The rest is derived from how things are now, and from the study's
record where it says how they were then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from channels_ace.api import local_date, parse_zone, to_instant
from scheduling.burst_calendar import Burst
from scheduling.event_dates import event_dates
from scheduling.models import NudgeDecision, RunLedger
from scheduling.planner import bursts_of, days_after, overrides_of, protocol
from studies.api import AuditEntry, Enrollment, PreBurstNudge, Protocol, Rule, SessionReminder


@dataclass(frozen=True)
class Explained:
    """What a rule did about somebody on a day, `decided` where that was kept; `reason` is a code."""

    rule: Rule
    burst: int
    reason: str
    decided: NudgeDecision | None = None


def explain_day(enrollment: Enrollment, on: date, now: datetime) -> list[Explained]:
    """This function will say for each rule of somebody's protocol what it did about them on a local date, and why."""
    design = protocol(enrollment.version_id)
    kept = {found.rule: found for found in NudgeDecision.objects.filter(enrollment=enrollment, local_date=on)}
    overrides = overrides_of([enrollment.pk])[enrollment.pk]
    zone = _zone_on(enrollment, on)
    done = set(RunLedger.objects.filter(version_id=enrollment.version_id, time_zone=zone, local_date=on).values_list("rule", flat=True))
    found = []
    for rule in design.rules:
        burst = _burst_of(rule, design, enrollment, overrides, on)
        if rule.id in kept:
            found.append(Explained(rule, kept[rule.id].burst, kept[rule.id].reason, kept[rule.id]))
        elif burst is not None or not isinstance(rule, SessionReminder):
            reason = _why_nothing(rule, enrollment, on, zone, burst, has_run=rule.id in done, now=now)
            found.append(Explained(rule, burst.number if burst else 0, reason))
    return found


def _why_nothing(rule: Rule, enrollment: Enrollment, on: date, zone: str, burst: Burst | None, *, has_run: bool, now: datetime) -> str:
    """This function will give the reason why a rule decided nothing about somebody on a date."""
    if on < enrollment.enrolled_date:
        return "not_joined_yet"
    at = to_instant(on, max(rule.send_at, rule.window_opens), parse_zone(zone or "UTC"))
    if enrollment.withdrawn_at is not None and enrollment.withdrawn_at <= at:
        return "withdrawn"
    if burst is None:
        return "nothing_near" if isinstance(rule, PreBurstNudge) else "not_in_burst"
    if at > now:
        return "not_decided_yet"
    if at < enrollment.enrolled_at:
        return "not_joined_yet"
    if not zone:
        return "no_time_zone"
    if enrollment.consented_at is None or enrollment.consented_at > at:
        return "not_consented"
    if _was_paused(enrollment, at):
        return "paused"
    return "stood_elsewhere" if has_run else "run_missed"


def _burst_of(rule: Rule, design: Protocol, enrollment: Enrollment, overrides: Mapping[str, date | None], on: date) -> Burst | None:
    """This function will give the burst, or the days after an event, for which a rule looks at somebody on a date."""
    if rule.days is not None:
        dates = event_dates(design, enrollment.enrolled_date, overrides, seed=enrollment.public_id)
        known = days_after(dates, rule.days)
    else:
        known = [burst for burst in bursts_of(enrollment, overrides) if burst.series_id == rule.series_id]
    return next((burst for burst in known if _looks_at(rule, design, burst, (on - burst.start_date).days)), None)


def _looks_at(rule: Rule, design: Protocol, burst: Burst, day: int) -> bool:
    if isinstance(rule, SessionReminder):
        return day in rule.places
    if isinstance(rule, PreBurstNudge):
        return day == -rule.lead_days and burst.number >= rule.first_burst
    return 0 <= day < design.days_of(rule).length_days


def _zone_on(enrollment: Enrollment, on: date) -> str:
    """This function will give the zone in which somebody's calendar ran at the end of a date, as the study's record has it."""
    changes = AuditEntry.objects.filter(enrollment=enrollment, what="time_zone").order_by("pk")
    zone = enrollment.time_zone
    for change in reversed(changes):
        if local_date(change.at, parse_zone(zone or "UTC")) <= on:
            break
        zone = str(change.details.get("before", ""))
    return zone


def _was_paused(enrollment: Enrollment, at: datetime) -> bool:
    changes = AuditEntry.objects.filter(enrollment=enrollment, what__in=["paused", "resumed"], at__lte=at)
    last = changes.order_by("-at", "-pk").values_list("what", flat=True).first()
    return last == "paused"
