"""Which days the nudge rules of a protocol look at, and what makes one of them done: each person has a planner row for each. Pure.

The first is the burst series that the study is watched by; days after events come last. Read next: planner.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from studies.protocol import BurstSeries, CountingNudge, DaysAfter, Protocol, Rule, Schedule, SessionDesign


@dataclass(frozen=True, slots=True)
class Track:
    """The bursts of a series, or days after an event; a day is done by a session of a schedule or task (`counts`).

    Where `counts` is empty, any session of the series does it, or any of the protocol on the days after an event.
    """

    series_id: str
    counts: str = ""
    days: DaysAfter | None = None

    def does_count(self, schedule: Schedule, session: SessionDesign) -> bool:
        """This method will tell whether finishing a session makes its day done."""
        is_of_it = self.days is not None or schedule.series_id == self.series_id
        return is_of_it and self.counts in ("", schedule.id, session.task)

    def looks_at(self, design: Protocol) -> BurstSeries | DaysAfter:
        """This method will give how long its days are."""
        return self.days or design.series(self.series_id)


def tracks_of(design: Protocol) -> list[Track]:
    """This function will list what a protocol's rules look at, in their order; of one without rules on bursts, its first series too."""
    of_bursts = [rule for rule in design.nudges if rule.days is None]
    found: dict[str, list[Track]] = {rule.series_id: [] for rule in of_bursts} or {design.burst_series[0].id: []}
    for rule in of_bursts:
        if isinstance(rule, CountingNudge):
            found[rule.series_id].append(Track(rule.series_id, rule.counts))
    for reminder in design.reminders:
        found.setdefault(reminder.series_id, [])
    bursts = [track for series_id, of_series in found.items() for track in of_series or [Track(series_id)]]
    return list(dict.fromkeys([*bursts, *(_of_event(rule) for rule in design.nudges if rule.days is not None)]))


def track_of(design: Protocol, rule: Rule) -> int:
    """This function will give the number of the track that a rule looks at; of one that counts nothing, the first of its series."""
    tracks = tracks_of(design)
    if rule.days is not None:
        return tracks.index(_of_event(rule))
    if isinstance(rule, CountingNudge):
        return tracks.index(Track(rule.series_id, rule.counts))
    return next(number for number, track in enumerate(tracks) if track.series_id == rule.series_id)


def does_count(design: Protocol, schedule: Schedule, session: SessionDesign) -> bool:
    """This function will tell whether finishing a session makes the day of its burst done; in a series without rules any does."""
    mine = [track for track in tracks_of(design) if track.series_id == schedule.series_id]
    return not mine or any(track.does_count(schedule, session) for track in mine)


def _of_event(rule: Rule) -> Track:
    return Track("", rule.counts if isinstance(rule, CountingNudge) else "", rule.days)
