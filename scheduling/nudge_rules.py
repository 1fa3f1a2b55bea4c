"""A nudge rule of a protocol as one expression over planner rows: what it decides for each, and why. Read next: nudges.py.

Every day of a burst is a branch with constants in it, so the expression is plain comparisons on the index's column and
bit masks, the same on PostgreSQL and SQLite. The decision is the number of an outcome in `Ruling.outcomes`. An
independent model in Python (tests/scheduling/nudge_model.py) must agree with it for every bitmap.

Days count from 0 here; "missed" includes today, as in the system that the study comes from.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from functools import reduce
from operator import add, or_

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import MD5, Cast, Coalesce, Concat, Substr
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from channels_ace.api import parse_zone, to_instant
from scheduling.models import Completion, NudgeDecision
from scheduling.tracks import track_of, tracks_of
from studies.api import DataGroup, FewActivitiesNudge, MissedDaysNudge, PreBurstNudge, Protocol, Rule, SessionReminder
from studies.protocol import Schedule


@dataclass(frozen=True)
class Outcome:
    """What is decided for a row: a kind of nudge, or "none", with the reason code."""

    decision: str
    reason: str


@dataclass
class Ruling:
    """The expression's values and what they stand for, collected while it is built."""

    outcomes: list[Outcome] = field(default_factory=list)
    # Who is left out by chance although they are due; None: nobody.
    left_out: Q | None = None

    def nudge(self, kind: str, reason: str) -> Combinable:
        """This function will give a nudge, for those whom chance does not leave out."""
        if self.left_out is None:
            return self.value(kind, reason)
        out = When(self.left_out, then=self.value("none", "left_out_by_chance"))
        return Case(out, default=self.value(kind, reason), output_field=IntegerField())

    def value(self, decision: str, reason: str) -> Value:
        """This function will give the number that stands for an outcome."""
        outcome = Outcome(decision, reason)
        if outcome not in self.outcomes:
            self.outcomes.append(outcome)
        return Value(self.outcomes.index(outcome), output_field=IntegerField())


def concerned(rule: Rule, design: Protocol, today: date) -> Q:
    """This function will tell which planner rows a rule looks at on a local date."""
    if isinstance(rule, SessionReminder):
        return Q(burst_start__in=[today - timedelta(days=days) for days in rule.places])
    if isinstance(rule, PreBurstNudge):
        first = today + timedelta(days=rule.lead_days)
        again = Q(burst_start__gt=today, burst_start__lt=first) & _held_back_by_another(rule, today)
        return (Q(burst_start=first) | again if rule.lead_days > 1 else Q(burst_start=first)) & Q(burst__gte=rule.first_burst)
    length = design.days_of(rule).length_days
    return Q(burst_start__gt=today - timedelta(days=length), burst_start__lte=today)


def _held_back_by_another(rule: PreBurstNudge, today: date) -> Q:
    """This function will tell whether a row's text was held back on the days before by another reminder, and by nothing else."""
    before = NudgeDecision.objects.filter(local_date__gte=today - timedelta(days=rule.lead_days), local_date__lt=today, rule=rule.id)
    mine = before.filter(enrollment_id=OuterRef("enrollment_id"), burst=OuterRef("burst"))
    others = ["reminded_lately", "capped"]
    return Q(Exists(mine.filter(reason__in=others))) & ~Q(Exists(mine.exclude(reason__in=others)))


def ruling(
    rule: Rule,
    design: Protocol,
    today: date,
    starts: Collection[date],
    time_zone: str,
) -> tuple[Combinable, list[Outcome]]:
    """This function will give what a rule decides as an expression, and what its values stand for; who can be reached is not its matter.

    Only the days of `starts`, the burst starts that the rows have, become branches. `time_zone` is the rows' own.
    """
    found = Ruling(left_out=_left_out(rule, today) if rule.probability < 1 else None)
    if isinstance(rule, PreBurstNudge):
        reason = "event_is_near" if rule.days else "burst_starts_tomorrow"
        # Who was held back before had been drawn already.
        first = When(burst_start=today + timedelta(days=rule.lead_days), then=found.nudge("pre_burst", reason))
        return Case(first, default=found.value("pre_burst", reason), output_field=IntegerField()), found.outcomes
    if isinstance(rule, SessionReminder):
        return _of_session(rule, design, today, found), found.outcomes
    if isinstance(rule, FewActivitiesNudge):
        return _few_activities(rule, design, today, starts, time_zone, found), found.outcomes
    whens = list(_days(rule, design, today, starts, found))
    return Case(*whens, default=found.value("none", "not_in_burst"), output_field=IntegerField()), found.outcomes


def session_of(rule: SessionReminder, today: date, starts: Collection[date]) -> Combinable:
    """This function will give the id of the session that a reminder is about, for a planner row whose burst began on one of `starts`."""
    places = [When(burst_start=start, then=Value(rule.places[(today - start).days])) for start in sorted(starts)]
    place = Case(*places, default=Value(""), output_field=CharField())
    return Concat(Value(f"{rule.session_id}:"), Cast("burst", CharField()), Value(":"), place, output_field=CharField())


def done_with_session(of: QuerySet[Completion]) -> QuerySet[Completion]:
    """This function will give what leaves nothing to be reminded of: finished, or declined."""
    return of.filter(Q(finished_at__isnull=False) | Q(declined=True))


def _of_session(rule: SessionReminder, design: Protocol, today: date, found: Ruling) -> Case:
    """This function will decide for rows that know their session (session_of)."""
    mine = Completion.objects.filter(enrollment_id=OuterRef("enrollment_id"), session_id=OuterRef("session"))
    series = design.series(rule.series_id)
    # On the days added, only those have it who have not done enough so far.
    added = Q(burst_start__lte=today - timedelta(days=series.length_days + rule.days_later))
    whens = [
        When(Exists(done_with_session(mine)), then=found.value("none", "session_done")),
        When(added & Q(done_count__gte=series.complete_after_days), then=found.value("none", "burst_completed")),
    ]
    return Case(*whens, default=found.nudge("session", "session_open"), output_field=IntegerField())


def _left_out(rule: Rule, today: date) -> Q:
    """This function will leave people out by a draw of their own for each rule and day: the same in every run, and in both databases.

    The first eight digits of an MD5 are evenly spread, and digits of equal length compare as text as they do as numbers.
    """
    drawn = Substr(MD5(Concat("enrollment__public_id", Value(f":{rule.id}:{today}"))), 1, 8)
    return Q(GreaterThanOrEqual(drawn, Value(f"{int(rule.probability * 16**8):08x}")))


def _few_activities(
    rule: FewActivitiesNudge, design: Protocol, today: date, starts: Collection[date], time_zone: str, found: Ruling
) -> Case:
    """This function will decide by what people finished on the last days, which begin at their own midnights."""
    looked_at = design.days_of(rule)

    def on(is_such_a_day: Callable[[int], bool]) -> Q:
        return Q(burst_start__in=[start for start in sorted(starts) if is_such_a_day((today - start).days)])

    def done_in(days: int) -> Combinable:
        return finished_since(rule, design, Value(to_instant(today - timedelta(days=days - 1), time.min, parse_zone(time_zone))))

    whens = [
        When(on(lambda day: day < rule.blackout_start_days), then=found.value("none", "blackout_start")),
        When(on(lambda day: day >= looked_at.length_days - rule.blackout_end_days), then=found.value("none", "blackout_end")),
        When(on(lambda day: day + 1 < rule.in_days), then=found.value("none", "too_soon")),
    ]
    if rule.days is None:
        asked = Case(
            *(When(burst_start=start, then=_asked_on(today, (today - start).days + 1, rule, design)) for start in sorted(starts)),
            default=Value(0),
            output_field=IntegerField(),
        )
        did_today = Q(GreaterThan(asked, 0)) & Q(GreaterThanOrEqual(done_in(1), asked))
        whens.append(When(did_today, then=found.value("none", "did_todays_activity")))
    whens += [
        When(done_count__gte=looked_at.complete_after_days, then=found.value("none", "burst_completed")),
        When(Q(LessThan(done_in(rule.in_days), rule.fewer_than)), then=found.nudge("few", "few_activities")),
    ]
    return Case(*whens, default=found.value("none", "enough_activities"), output_field=IntegerField())


def finished_since(rule: FewActivitiesNudge, design: Protocol, since: Combinable) -> Combinable:
    """This function will count what of a rule's activities a row's person finished since an instant."""
    mine = Completion.objects.filter(enrollment_id=OuterRef("enrollment_id"), finished_at__gte=since)
    own = (Q(session_id__startswith=f"{session.id}:") for schedule in _counted(rule, design) for session in schedule.sessions)
    counted = mine.filter(reduce(or_, own, Q(pk__in=[]))).order_by().values("enrollment_id").annotate(number=Count("pk"))
    return Coalesce(Subquery(counted.values("number")), 0)


def _counted(rule: FewActivitiesNudge, design: Protocol) -> Sequence[Schedule]:
    """This function will give the schedules that a rule counts, of each no more sessions than it counts."""
    track = tracks_of(design)[track_of(design, rule)]
    schedules = design.schedules_for(rule)
    return [replace(one, sessions=tuple(session for session in one.sessions if track.does_count(one, session))) for one in schedules]


def _asked_on(today: date, day: int, rule: FewActivitiesNudge, design: Protocol) -> Combinable:
    """This function will tell how many activities a day of the burst asks of a row's person, who may have schedules of an arm."""
    asked: list[Combinable] = [Value(0)]
    for schedule in _counted(rule, design):
        number = Value(sum(session.asked_on(day, today.isoweekday()) for session in schedule.sessions))
        mine = DataGroup.objects.filter(enrollment_id=OuterRef("enrollment_id"))
        is_theirs = ~Q(Exists(mine.filter(name__in=schedule.excluded_data_groups)))
        if schedule.only_data_groups:
            is_theirs &= Q(Exists(mine.filter(name__in=schedule.only_data_groups)))
        is_for_all = not (schedule.only_data_groups or schedule.excluded_data_groups)
        asked.append(number if is_for_all else Case(When(is_theirs, then=number), default=Value(0)))
    return ExpressionWrapper(reduce(add, asked), output_field=IntegerField())


def _days(rule: MissedDaysNudge, design: Protocol, today: date, starts: Collection[date], found: Ruling) -> Iterable[When]:
    looked_at = design.days_of(rule)
    for day in sorted((today - start).days for start in starts):
        is_this_day = Q(burst_start=today - timedelta(days=day))
        if day < rule.blackout_start_days:
            yield When(is_this_day, then=found.value("none", "blackout_start"))
        elif day >= looked_at.length_days - rule.blackout_end_days:
            yield When(is_this_day, then=found.value("none", "blackout_end"))
        else:
            yield When(is_this_day, then=_on(day, rule, looked_at.complete_after_days, found))


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
    cumulative = found.nudge("cumulative", "cumulative_missed_threshold")
    if day + 1 >= rule.consecutive:
        # The run of missed days up to today began after the last day done: on day `begun`, which is how many binary digits `done` has,
        # and it reached its threshold on day begun + consecutive - 1. Had the total been reached by then, the total decides.
        is_long = ~_done_in(day - rule.consecutive + 1, day)
        early = _begun_by(day, rule.early_before_day - rule.consecutive)
        whens += [
            When(is_long & _begun_from(day, rule.total - rule.consecutive), then=cumulative),
            When(is_long & early, then=found.nudge("early", "consecutive_missed_threshold_early")),
            When(is_long, then=found.nudge("late", "consecutive_missed_threshold_late")),
        ]
    whens.append(When(missed_needed, then=cumulative))
    return Case(*whens, default=found.value("none", "thresholds_not_met"), output_field=IntegerField())


def _begun_by(day: int, last: int) -> Q:
    """This function will tell whether the run up to a day began on day `last` or before."""
    return Q(LessThan(_done_by(day), 1 << last)) if last >= 0 else Q(pk__in=[])


def _begun_from(day: int, further: int) -> Q:
    """This function will tell whether the run up to a day began so many days after as many days as are done, or later."""
    if further <= 0:
        # It always began on the day after the last day done, or later.
        return Q()
    # Shifted right, so that nothing overflows: as many days as are done, and `further` less one, leave something.
    shifted = Func(_done_by(day), F("done_count") + (further - 1), template="(%(expressions)s)", arg_joiner=" >> ")
    return Q(GreaterThan(ExpressionWrapper(shifted, output_field=BigIntegerField()), 0))


def _done_by(day: int) -> Combinable:
    return ExpressionWrapper(F("done").bitand((1 << (day + 1)) - 1), output_field=BigIntegerField())


def _first_crossing(today: int, rule: MissedDaysNudge, complete_after: int, found: Ruling) -> Iterable[When]:
    """This function will yield what was reached first, day by day since the burst began: as Sage Bridge looked at it.

    Its worker (BridgeWorkerPlatform 690b4f2) let the first threshold win, even over having completed the burst since.
    """
    for day in range(today + 1):
        missed = ~_done_in(day, day)
        if day + 1 >= rule.total:
            few = Q(LessThanOrEqual(_done_through(day), day + 1 - rule.total))
            yield When(missed & few, then=found.nudge("cumulative", "cumulative_missed_threshold"))
        if day + 1 >= rule.consecutive:
            kind = "early" if day < rule.early_before_day else "late"
            run = missed & ~_done_in(day - rule.consecutive + 1, day)
            yield When(run, then=found.nudge(kind, f"consecutive_missed_threshold_{kind}"))
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
