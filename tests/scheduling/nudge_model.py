"""The missed-days rule a second time, as a person would tell it: a walk over the days. It shares no code with the query."""

from collections.abc import Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    length: int = 14
    consecutive: int = 3
    total: int = 4
    early_before: int = 5
    blackout_start: int = 3
    blackout_end: int = 1
    enough: int = 10


def decide(day: int, done: Set[int], rule: Rule) -> tuple[str, str]:
    """This function will decide for one person on a day (from 0), given the days they did. Recovered runs are forgotten."""
    if day < rule.blackout_start:
        return "none", "blackout_start"
    if day >= rule.length - rule.blackout_end:
        return "none", "blackout_end"
    if day in done:
        return "none", "did_todays_activity"
    if len(done) >= rule.enough:
        return "none", "burst_completed"
    run_began = day
    while run_began > 0 and run_began - 1 not in done:
        run_began -= 1
    missed = 0
    for at in range(day + 1):
        missed += at not in done
        if missed >= rule.total:
            return "cumulative", "cumulative_missed_threshold"
        if at >= run_began and at - run_began + 1 >= rule.consecutive:
            kind = "early" if at < rule.early_before else "late"
            return kind, f"consecutive_missed_threshold_{kind}"
    return "none", "thresholds_not_met"


def decide_as_bridge(day: int, done: Set[int], rule: Rule) -> tuple[str, str]:
    """This function will decide as Sage Bridge did: what was crossed first since the burst began wins, recovered from or not."""
    if day < rule.blackout_start or day >= rule.length - rule.blackout_end:
        return "none", "blackout_start" if day < rule.blackout_start else "blackout_end"
    if day in done:
        return "none", "did_todays_activity"
    missed = run = finished = 0
    for at in range(day + 1):
        if at in done:
            run, finished = 0, finished + 1
            if finished >= rule.enough:
                return "none", "burst_completed"
            continue
        missed, run = missed + 1, run + 1
        if missed >= rule.total:
            return "cumulative", "cumulative_missed_threshold"
        if run >= rule.consecutive:
            kind = "early" if at < rule.early_before else "late"
            return kind, f"consecutive_missed_threshold_{kind}"
    return "none", "thresholds_not_met"


def decide_few(day: int, done: dict[int, int], *, a_day: int, fewer_than: int, in_days: int, last_day: int, enough: int) -> tuple[str, str]:
    """This function will decide for one person on a day (from 0), given how many activities they finished on each day."""
    if day > last_day:
        return "none", "blackout_end"
    if day + 1 < in_days:
        return "none", "too_soon"
    if done.get(day, 0) == a_day:
        return "none", "did_todays_activity"
    if len([at for at, number in done.items() if number]) >= enough:
        return "none", "burst_completed"
    found = 0
    for back in range(in_days):
        found += done.get(day - back, 0)
    return ("few", "few_activities") if found < fewer_than else ("none", "enough_activities")
