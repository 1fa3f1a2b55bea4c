"""What a protocol document can get wrong although the schema accepts it: parts that contradict each other. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from studies.protocol_design import BurstSeries, MissedDaysNudge, PreBurstNudge, Protocol, Schedule, SessionDesign, Texts
from studies.protocol_problems import Problem, Step, write_path

# The hours in which a study may text; a study may narrow them. 47 CFR 64.1200(c)(1) allows 08:00 to 21:00 where the
# phone is, and an hour at each end is kept for carriers that are late.
TEXTS_OPEN = dt.time(9)
TEXTS_CLOSE = dt.time(20)


def find_contradictions(protocol: Protocol) -> list[Problem]:
    """This function will list what contradicts itself in a protocol, in the order of the document."""
    found = [*_check_ids(protocol)]
    for index, series in enumerate(protocol.burst_series):
        found += _check_series(series, ("burst_series", index))
    for index, schedule in enumerate(protocol.schedules):
        found += _check_schedule(schedule, protocol, ("schedules", index))
    for index, nudge in enumerate(protocol.nudges):
        found += _check_nudge(nudge, protocol, ("nudges", index))
    return found


def _problem(steps: Iterable[Step], code: str, **values: object) -> Problem:
    return Problem(write_path(steps), code, values)


def _check_ids(protocol: Protocol) -> Iterator[Problem]:
    # A stored session id begins with the session's, so it is unique in the whole protocol and not only in its schedule.
    sessions = [session.id for schedule in protocol.schedules for session in schedule.sessions]
    events = [series.event_id(number) for series in protocol.burst_series for number in series.numbers]
    for name, ids in (
        ("burst_series", [series.id for series in protocol.burst_series]),
        ("burst_series", events),
        ("schedules", [schedule.id for schedule in protocol.schedules]),
        ("schedules", sessions),
        ("nudges", [nudge.id for nudge in protocol.nudges]),
    ):
        for value, times in Counter(ids).items():
            if times > 1:
                yield _problem((name,), "duplicate_id", value=value)
                break


def _check_series(series: BurstSeries, at: tuple[Step, ...]) -> Iterator[Problem]:
    if series.extend_to_days < series.length_days:
        yield _problem((*at, "extend_to_days"), "shorter_than_burst", expected=series.length_days)
    whole = max(series.length_days, series.extend_to_days)
    if series.complete_after_days > series.length_days:
        yield _problem((*at, "complete_after_days"), "longer_than_burst", expected=series.length_days)
    if series.count > 1 and (series.interval_days or 0) < whole:
        yield _problem((*at, "interval"), "bursts_overlap", expected=whole)


def _check_schedule(schedule: Schedule, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    series = {series.id: series for series in protocol.burst_series}.get(schedule.series_id)
    if series is None:
        yield _problem((*at, "from"), "unknown_reference", value=schedule.series_id)
        return
    for index, session in enumerate(schedule.sessions):
        yield from _check_session(session, series, protocol, (*at, "sessions", index))


def _check_session(session: SessionDesign, series: BurstSeries, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    if not _is_ascending(session.days):
        yield _problem((*at, "days"), "not_ascending")
    if max(session.days) > series.length_days:
        yield _problem((*at, "days"), "longer_than_burst", expected=series.length_days)
    if len(session.times) != len(session.days):
        yield _problem((*at, "times"), "lists_per_day", expected=len(session.days))
    if not all(_is_ascending(times) for times in session.times):
        yield _problem((*at, "times"), "not_ascending")
    for day in session.extra_tasks:
        if day not in session.days:
            yield _problem((*at, "extra_tasks"), "day_without_session", value=day)
    yield from _check_languages(session.label, protocol, (*at, "label"))


def _check_nudge(nudge: MissedDaysNudge | PreBurstNudge, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    series = {series.id: series for series in protocol.burst_series}.get(nudge.series_id)
    if series is None:
        known = bool(nudge.series_id)
        code = "unknown_reference" if known else "series_needed"
        yield _problem((*at, "series"), code, value=nudge.series_id)
        return
    yield from _check_hours(nudge, at)
    if isinstance(nudge, PreBurstNudge):
        yield from _check_pre_burst(nudge, series, protocol, at)
    else:
        yield from _check_missed_days(nudge, series, protocol, at)


def _check_hours(nudge: MissedDaysNudge | PreBurstNudge, at: tuple[Step, ...]) -> Iterator[Problem]:
    if nudge.window_opens >= nudge.window_closes:
        yield _problem((*at, "window"), "window_order")
    elif not nudge.window_opens <= nudge.send_at < nudge.window_closes:
        yield _problem((*at, "send_at"), "outside_window")
    if "sms" in nudge.channels and (nudge.window_opens < TEXTS_OPEN or nudge.window_closes > TEXTS_CLOSE):
        yield _problem((*at, "window"), "outside_text_hours", expected=f"{TEXTS_OPEN:%H:%M}-{TEXTS_CLOSE:%H:%M}")


def _check_pre_burst(nudge: PreBurstNudge, series: BurstSeries, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    if nudge.first_burst > series.count:
        yield _problem((*at, "first_burst"), "beyond_series", expected=series.count)
    yield from _check_languages(nudge.default, protocol, (*at, "texts", "default"))
    for group, texts in nudge.by_data_group.items():
        yield from _check_languages(texts, protocol, (*at, "texts", "by_data_group", group))


def _check_missed_days(nudge: MissedDaysNudge, series: BurstSeries, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    schedules = list(protocol.schedules_of(series.id))
    tasks = {session.task for schedule in schedules for session in schedule.sessions}
    if nudge.counts not in tasks | {schedule.id for schedule in schedules}:
        yield _problem((*at, "counts"), "unknown_reference", value=nudge.counts)
    for name, days in (("consecutive", nudge.consecutive), ("total", nudge.total)):
        if days > series.length_days:
            yield _problem((*at, name), "longer_than_burst", expected=series.length_days)
    if nudge.blackout_start_days + nudge.blackout_end_days >= series.length_days:
        yield _problem((*at, "blackout_start_days"), "never_sent")
    for name, texts in (("early", nudge.early), ("late", nudge.late), ("cumulative", nudge.cumulative)):
        yield from _check_languages(texts, protocol, (*at, "texts", name))


def _check_languages(texts: Texts | Mapping[str, str], protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    if protocol.languages[0] not in texts:
        yield _problem(at, "language_missing", value=protocol.languages[0])
    for language in texts:
        if language not in protocol.languages:
            yield _problem((*at, language), "language_unknown", value=language)


def _is_ascending(values: Sequence[Any]) -> bool:
    return all(one < other for one, other in pairwise(values))
