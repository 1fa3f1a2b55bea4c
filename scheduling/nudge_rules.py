"""A nudge rule of a protocol as one expression over planner rows: what it decides for each, and why. Read next: nudges.py.

Every day of a burst is a branch with constants in it, so the expression is plain comparisons on the index's column and
bit masks, the same on PostgreSQL and SQLite. The decision is the number of an outcome in `Ruling.outcomes`. An
independent model in Python (tests/scheduling/nudge_model.py) must agree with it for every bitmap.

Days count from 0 here; "missed" includes today, as in the system that the study comes from.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Case, ExpressionWrapper, F, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThanOrEqual

from channels_ace.api import Rule
from studies.api import MissedDaysNudge, PreBurstNudge, Protocol


@dataclass(frozen=True)
class Outcome:
    """What is decided for a row: a kind of nudge, or "none", with the reason code."""

    decision: str
    reason: str


@dataclass
class Ruling:
    """The expression's values and what they stand for, collected while it is built."""

    outcomes: list[Outcome] = field(default_factory=list)

    def value(self, decision: str, reason: str) -> Value:
        """This function will give the number that stands for an outcome."""
        outcome = Outcome(decision, reason)
        if outcome not in self.outcomes:
            self.outcomes.append(outcome)
        return Value(self.outcomes.index(outcome), output_field=IntegerField())


def concerned(rule: MissedDaysNudge | PreBurstNudge, design: Protocol, today: date) -> Q:
    """This function will tell which planner rows a rule looks at on a local date."""
    if isinstance(rule, PreBurstNudge):
        return Q(burst_start=today + timedelta(days=rule.lead_days), burst__gte=rule.first_burst)
    length = design.series(rule.series_id).length_days
    return Q(burst_start__gt=today - timedelta(days=length), burst_start__lte=today)


def ruling(
    rule: MissedDaysNudge | PreBurstNudge,
    design: Protocol,
    today: date,
    starts: Collection[date],
    *,
    barred: Iterable[tuple[Any, str]],
    reachable: Iterable[Rule],
) -> tuple[Combinable, list[Outcome]]:
    """This function will give the decision of a rule as an expression, and what its values stand for.

    Only the days of `starts`, the burst starts that the rows have, become branches.
    `barred` are conditions with reasons that come first (left out by group, already reminded); `reachable` are the
    router's own rules for the channel, of which the noes count here and the laters do not.
    """
    found = Ruling()
    whens = [When(condition, then=found.value("none", reason)) for condition, reason in barred]
    whens += [When(known.when, then=found.value("none", known.reason)) for known in reachable if known.until is None]
    if isinstance(rule, PreBurstNudge):
        return Case(*whens, default=found.value("pre_burst", "burst_starts_tomorrow")), found.outcomes
    whens += list(_days(rule, design, today, starts, found))
    return Case(*whens, default=found.value("none", "not_in_burst"), output_field=IntegerField()), found.outcomes


def _days(rule: MissedDaysNudge, design: Protocol, today: date, starts: Collection[date], found: Ruling) -> Iterable[When]:
    series = design.series(rule.series_id)
    for day in sorted((today - start).days for start in starts):
        is_this_day = Q(burst_start=today - timedelta(days=day))
        if day < rule.blackout_start_days:
            yield When(is_this_day, then=found.value("none", "blackout_start"))
        elif day >= series.length_days - rule.blackout_end_days:
            yield When(is_this_day, then=found.value("none", "blackout_end"))
        else:
            yield When(is_this_day, then=_on(day, rule, series.complete_after_days, found))


def _on(day: int, rule: MissedDaysNudge, complete_after: int, found: Ruling) -> Case:
    """This function will decide for people on one day of their burst."""
    today = When(_done_in(day, day), then=found.value("none", "did_todays_activity"))
    if rule.evaluate == "bridge":
        whens = [today, *_first_crossing(day, rule, complete_after, found)]
        return Case(*whens, default=found.value("none", "thresholds_not_met"), output_field=IntegerField())
    whens = [
        today,
        When(done_count__gte=complete_after, then=found.value("none", "burst_completed")),
    ]
    missed_needed = Q(done_count__lte=day + 1 - rule.total)
    # A run of missed days up to today, from day `first` on. It reached its threshold on `crossing`; had the total been
    # reached by then, the total decides, and what the person did before that day tells how many were missed by then.
    for first in range(day - rule.consecutive + 1, -1, -1):
        crossing = first + rule.consecutive - 1
        is_this_run = ~_done_in(first, day) & (_done_in(first - 1, first - 1) if first else Q())
        total_first = Q(done_count__lte=crossing + 1 - rule.total)
        kind = "early" if crossing < rule.early_before_day else "late"
        whens.append(When(is_this_run & total_first, then=found.value("cumulative", "cumulative_missed_threshold")))
        whens.append(When(is_this_run, then=found.value(kind, f"consecutive_missed_threshold_{kind}")))
    whens.append(When(missed_needed, then=found.value("cumulative", "cumulative_missed_threshold")))
    return Case(*whens, default=found.value("none", "thresholds_not_met"), output_field=IntegerField())


def _first_crossing(today: int, rule: MissedDaysNudge, complete_after: int, found: Ruling) -> Iterable[When]:
    """This function will yield what was reached first, day by day since the burst began: as Sage Bridge looked at it.

    Its worker (BridgeWorkerPlatform 690b4f2) let the first threshold win, even over having completed the burst since.
    """
    for day in range(today + 1):
        missed = ~_done_in(day, day)
        if day + 1 >= rule.total:
            few = Q(LessThanOrEqual(_done_through(day), day + 1 - rule.total))
            yield When(missed & few, then=found.value("cumulative", "cumulative_missed_threshold"))
        if day + 1 >= rule.consecutive:
            kind = "early" if day < rule.early_before_day else "late"
            run = missed & ~_done_in(day - rule.consecutive + 1, day)
            yield When(run, then=found.value(kind, f"consecutive_missed_threshold_{kind}"))
        enough = Q(GreaterThanOrEqual(_done_through(day), complete_after))
        yield When(_done_in(day, day) & enough, then=found.value("none", "burst_completed"))


def _done_through(last: int) -> Combinable:
    """This function will count the days done up to one, bit by bit: SQLite counts no bits."""
    total: Combinable = F("done").bitand(1)
    for day in range(1, last + 1):
        total += F("done").bitrightshift(day).bitand(1)
    return ExpressionWrapper(total, output_field=IntegerField())


def _done_in(first: int, last: int) -> Q:
    """This function will tell whether any of the days was done."""
    mask = sum(1 << day for day in range(first, last + 1))
    return Q(GreaterThan(F("done").bitand(mask), 0))
