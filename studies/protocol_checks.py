"""What a protocol document can get wrong although the schema accepts it: parts that contradict each other. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from studies.protocol_design import (
    ENROLLMENT,
    Attribute,
    AttributeCondition,
    BurstSeries,
    CountingNudge,
    DaysAfter,
    DesignedNudge,
    FewActivitiesNudge,
    MissedDaysNudge,
    PreBurstNudge,
    Protocol,
    RandomTimes,
    ReminderDesign,
    Rule,
    Schedule,
    SessionDesign,
    Texts,
)
from studies.protocol_problems import Problem, Step, write_path
from studies.session_reminders import TEXTS_CLOSE, TEXTS_OPEN, moment
from studies.text_rules import SAMPLE_LINK, condition_in, problems_of_longest
from studies.text_variables import TextValues, fill_in

# Each participant's sessions are worked out anew whenever they are looked at: so many in all, and no page waits for it.
MOST_SESSIONS = 50_000
# The days done are kept as the bits of one number.
MOST_NUDGED_DAYS = 62


def find_contradictions(protocol: Protocol) -> list[Problem]:
    """This function will list what contradicts itself in a protocol, in the order of the document."""
    found = [*_check_name(protocol), *_check_ids(protocol), *_check_origins(protocol), *_check_groups(protocol), *_check_size(protocol)]
    for index, series in enumerate(protocol.burst_series):
        found += _check_series(series, ("burst_series", index))
    for index, schedule in enumerate(protocol.schedules):
        found += _check_schedule(schedule, protocol, ("schedules", index))
    for index, attribute in enumerate(protocol.attributes):
        if attribute.minimum > attribute.maximum:
            found.append(_problem(("attributes", index, "maximum"), "too_small", expected=attribute.minimum))
    for index, nudge in enumerate(protocol.nudges):
        found += _check_conditions(nudge, protocol, ("nudges", index))
        found += _check_nudge(nudge, protocol, ("nudges", index))
    return found


def _problem(steps: Iterable[Step], code: str, **values: object) -> Problem:
    return Problem(write_path(steps), code, values)


def _check_name(protocol: Protocol) -> Iterator[Problem]:
    if told := condition_in(protocol.participant_name):
        yield _problem(("participant_name",), "tells_condition", value=told)


def _check_ids(protocol: Protocol) -> Iterator[Problem]:
    # A stored session id begins with the session's, so it is unique in the whole protocol and not only in its schedule.
    sessions = [session.id for schedule in protocol.schedules for session in schedule.sessions]
    events = [series.event_id(number) for series in protocol.burst_series if not series.origins for number in series.numbers]
    declared = [event.id for event in protocol.events]
    for name, ids in (
        ("events", declared),
        ("burst_series", [series.id for series in protocol.burst_series]),
        ("burst_series", events + list(dict.fromkeys(declared))),
        ("attributes", [attribute.id for attribute in protocol.attributes]),
        ("schedules", [schedule.id for schedule in protocol.schedules]),
        ("schedules", sessions),
        ("nudges", [nudge.id for nudge in protocol.nudges]),
    ):
        for value, times in Counter(ids).items():
            if times > 1:
                yield _problem((name,), "duplicate_id", value=value)
                break


def _check_origins(protocol: Protocol) -> Iterator[Problem]:
    known = set(protocol.event_ids) - {name for series in protocol.burst_series for name in series.origins}
    known |= {ENROLLMENT, *(event.id for event in protocol.events)}
    origins = {event.id: event.origin for event in protocol.events}
    for series in protocol.burst_series:
        if not series.origins:
            origins |= dict.fromkeys(map(series.event_id, series.numbers), series.origin)
    for index, event in enumerate(protocol.events):
        if event.origin and event.origin not in known:
            yield _problem(("events", index, "origin"), "unknown_reference", value=event.origin)
        elif _counts_from_itself(event.id, origins):
            yield _problem(("events", index, "origin"), "circular", value=event.id)
    for index, series in enumerate(protocol.burst_series):
        if not series.origins and series.origin not in known:
            yield _problem(("burst_series", index, "origin"), "unknown_reference", value=series.origin)
        elif not series.origins and _counts_from_itself(series.event_id(1), origins):
            yield _problem(("burst_series", index, "origin"), "circular", value=series.origin)
        for place, name in enumerate(series.origins):
            if name not in known:
                yield _problem(("burst_series", index, "origins", place), "unknown_reference", value=name)


def _counts_from_itself(event_id: str, origins: Mapping[str, str]) -> bool:
    seen = {event_id}
    step = origins.get(event_id, "")
    while step and step not in seen:
        seen.add(step)
        step = origins.get(step, "")
    return bool(step)


def _check_groups(protocol: Protocol) -> Iterator[Problem]:
    counted = Counter(group for found in protocol.randomised_groups for group in found.shares)
    for group in (group for group, times in counted.items() if times > 1):
        yield _problem(("randomised_groups",), "group_twice", value=group)


def _check_size(protocol: Protocol) -> Iterator[Problem]:
    total = sum(
        session.per_burst * series.count
        for series in protocol.burst_series
        for schedule in protocol.schedules_of(series.id)
        for session in schedule.sessions
    )
    if total > MOST_SESSIONS:
        yield _problem(("schedules",), "too_many_sessions", value=total, expected=MOST_SESSIONS)


def _check_series(series: BurstSeries, at: tuple[Step, ...]) -> Iterator[Problem]:
    if series.extend_to_days < series.length_days:
        yield _problem((*at, "extend_to_days"), "shorter_than_burst", expected=series.length_days)
    whole = max(series.length_days, series.extend_to_days)
    if series.complete_after_days > series.length_days:
        yield _problem((*at, "complete_after_days"), "longer_than_burst", expected=series.length_days)
    if series.count > 1 and not series.origins and (series.interval_days or 0) < whole:
        yield _problem((*at, "interval"), "bursts_overlap", expected=whole)
    if series.jitter_days:
        yield from _check_jitter(series, whole, at)
    elif series.within_days is not None:
        yield _problem((*at, "within_days"), "only_with_jitter")


def _check_jitter(series: BurstSeries, whole: int, at: tuple[Step, ...]) -> Iterator[Problem]:
    if series.delay_days < series.jitter_days:
        yield _problem((*at, "delay_days"), "before_origin", expected=series.jitter_days)
    if series.min_gap_days < whole:
        yield _problem((*at, "min_gap_days"), "bursts_overlap", expected=whole)
    elif any(low > high for low, high in series.start_bounds()):
        yield _problem((*at, "min_gap_days"), "no_room")


def _check_schedule(schedule: Schedule, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    series = {series.id: series for series in protocol.burst_series}.get(schedule.series_id)
    if series is None:
        yield _problem((*at, "from"), "unknown_reference", value=schedule.series_id)
        return
    for name in sorted(schedule.except_series):
        if name == series.id:
            yield _problem((*at, "except"), "own_series")
        elif name not in {other.id for other in protocol.burst_series}:
            yield _problem((*at, "except"), "unknown_reference", value=name)
    for index, session in enumerate(schedule.sessions):
        yield from _check_session(session, series, protocol, (*at, "sessions", index))
        yield from _check_reminders(session, schedule, series, protocol, (*at, "sessions", index, "reminders"))


def _check_session(session: SessionDesign, series: BurstSeries, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    if not _is_ascending(session.days):
        yield _problem((*at, "days"), "not_ascending")
    if max(session.days) > series.length_days:
        yield _problem((*at, "days"), "longer_than_burst", expected=series.length_days)
    if len(session.times) != len(session.days):
        yield _problem((*at, "times"), "lists_per_day", expected=len(session.days))
    if not all(_is_ascending(times) for times in session.times):
        yield _problem((*at, "times"), "not_ascending")
    if session.random_times is not None:
        yield from _check_random_times(session.random_times, (*at, "random_times"))
    for day in session.extra_tasks:
        if day not in session.days:
            yield _problem((*at, "extra_tasks"), "day_without_session", value=day)
    yield from _check_languages(session.label, protocol, (*at, "label"))


def _check_reminders(
    session: SessionDesign, schedule: Schedule, series: BurstSeries, protocol: Protocol, at: tuple[Step, ...]
) -> Iterator[Problem]:
    if not session.reminders:
        return
    if session.probability < 1 or schedule.except_series:
        yield _problem(at, "only_for_certain_sessions")
        return
    if not _is_ascending([reminder.after_minutes for reminder in session.reminders]):
        yield _problem(at, "not_ascending")
    is_open = session.window_minutes or 1440
    last_day = max(series.length_days, series.extend_to_days)
    for index, reminder in enumerate(session.reminders):
        moments = [
            (day, *moment(time, reminder.after_minutes)) for day, times in zip(session.days, session.times, strict=False) for time in times
        ]
        place = (*at, index, "after_minutes")
        if reminder.after_minutes >= is_open:
            yield _problem(place, "after_window", expected=is_open)
        elif any(not TEXTS_OPEN <= time < TEXTS_CLOSE for _day, _later, time in moments) or _is_never_by_day(session, reminder):
            yield _problem(place, "outside_text_hours", expected=f"{TEXTS_OPEN:%H:%M}-{TEXTS_CLOSE:%H:%M}")
        elif any(day + later > last_day for day, later, _time in moments):
            yield _problem(place, "longer_than_burst", expected=last_day)
        longest = _longest_of(series, protocol)
        yield from _check_texts(reminder.texts, longest, protocol, (*at, index, "texts"))
        for group, texts in reminder.by_data_group.items():
            yield from _check_texts(texts, longest, protocol, (*at, index, "texts_by_data_group", group))
        for channel, texts in reminder.by_channel.items():
            yield from _check_words(texts, channel, reminder.channels, longest, protocol, (*at, index, "texts_by_channel", channel))


def _is_never_by_day(session: SessionDesign, reminder: ReminderDesign) -> bool:
    """This function will tell whether no draw of a session's times brings a reminder into the hours of texts, on the session's own day."""
    if session.random_times is None:
        return False
    opens, closes = (time.hour * 60 + time.minute - reminder.after_minutes for time in (TEXTS_OPEN, TEXTS_CLOSE))
    return not any(from_minute < closes and to_minute > opens for _weekday, from_minute, to_minute in session.random_times.windows)


def _check_random_times(random: RandomTimes, at: tuple[Step, ...]) -> Iterator[Problem]:
    if any(opens + (random.count - 1) * random.min_gap_minutes >= closes for _weekday, opens, closes in random.windows):
        yield _problem((*at, "windows"), "no_room")
    for weekday, times in Counter(weekday for weekday, _opens, _closes in random.windows).items():
        if times > 1:
            yield _problem((*at, "windows"), "weekday_twice", value=weekday)


def _check_nudge(nudge: DesignedNudge, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    if nudge.days is not None:
        if nudge.days.event_id not in protocol.event_ids:
            yield _problem((*at, "event"), "unknown_reference", value=nudge.days.event_id)
    elif nudge.series_id not in {series.id for series in protocol.burst_series}:
        code = "unknown_reference" if nudge.series_id else "series_needed"
        yield _problem((*at, "series"), code, value=nudge.series_id)
        return
    yield from _check_hours(nudge, at)
    if isinstance(nudge, PreBurstNudge):
        yield from _check_pre_burst(nudge, protocol, at)
    elif isinstance(nudge, FewActivitiesNudge):
        yield from _check_few_activities(nudge, protocol, at)
    else:
        yield from _check_missed_days(nudge, protocol, at)


def _check_conditions(nudge: DesignedNudge, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    for name, conditions in (("only_attributes", nudge.only_attributes), ("excluded_attributes", nudge.excluded_attributes)):
        for index, condition in enumerate(conditions):
            yield from _check_condition(condition, protocol.attribute(condition.id), (*at, name, index))


def _check_condition(condition: AttributeCondition, attribute: Attribute | None, at: tuple[Step, ...]) -> Iterator[Problem]:
    if attribute is None:
        yield _problem((*at, "id"), "unknown_reference", value=condition.id)
        return
    for index, value in enumerate(condition.values):
        if attribute.write(value) is None:
            yield _problem((*at, "is", index), "value_not_declared", value=value)
    for name, bound in (("at_least", condition.at_least), ("at_most", condition.at_most)):
        if bound is not None and attribute.type != "integer":
            yield _problem((*at, name), "only_for_integers")
    if condition.at_least is not None and condition.at_most is not None and condition.at_least > condition.at_most:
        yield _problem((*at, "at_most"), "too_small", expected=condition.at_least)


def _check_hours(nudge: DesignedNudge, at: tuple[Step, ...]) -> Iterator[Problem]:
    if nudge.window_opens >= nudge.window_closes:
        yield _problem((*at, "window"), "window_order")
    elif not nudge.window_opens <= nudge.send_at < nudge.window_closes:
        yield _problem((*at, "send_at"), "outside_window")
    if "sms" in nudge.channels and (nudge.window_opens < TEXTS_OPEN or nudge.window_closes > TEXTS_CLOSE):
        yield _problem((*at, "window"), "outside_text_hours", expected=f"{TEXTS_OPEN:%H:%M}-{TEXTS_CLOSE:%H:%M}")


def _check_pre_burst(nudge: PreBurstNudge, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    if nudge.days is None and nudge.first_burst > protocol.series(nudge.series_id).count:
        yield _problem((*at, "first_burst"), "beyond_series", expected=protocol.series(nudge.series_id).count)
    yield from _check_default_texts(nudge, protocol, at)


def _check_default_texts(nudge: PreBurstNudge | FewActivitiesNudge, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    longest = _longest_values(nudge, protocol)
    yield from _check_texts(nudge.default, longest, protocol, (*at, "texts", "default"))
    for group, texts in nudge.by_data_group.items():
        yield from _check_texts(texts, longest, protocol, (*at, "texts", "by_data_group", group))
    for channel, kinds in nudge.by_channel.items():
        for texts in kinds.values():
            yield from _check_words(texts, channel, nudge.channels, longest, protocol, (*at, "texts_by_channel", channel))


def _check_counting(nudge: CountingNudge, days_of: Mapping[str, int], protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    schedules = list(protocol.schedules_for(nudge))
    tasks = {session.task for schedule in schedules for session in schedule.sessions}
    if nudge.counts and nudge.counts not in tasks | {schedule.id for schedule in schedules}:
        yield _problem((*at, "counts"), "unknown_reference", value=nudge.counts)
    looked_at = protocol.days_of(nudge)
    length, code = looked_at.length_days, "longer_than_days" if nudge.days else "longer_than_burst"
    for name, days in (*days_of.items(), ("complete_after_days", looked_at.complete_after_days)):
        if days > length and (name != "complete_after_days" or nudge.days):
            yield _problem((*at, name), code, expected=length)
    if looked_at.extend_to_days > MOST_NUDGED_DAYS:
        yield _problem((*at, "series"), "too_long_to_nudge", expected=MOST_NUDGED_DAYS)
    if nudge.blackout_start_days + nudge.blackout_end_days >= length:
        yield _problem((*at, "blackout_start_days"), "never_sent")


def _check_few_activities(nudge: FewActivitiesNudge, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    yield from _check_counting(nudge, {"in_days": nudge.in_days}, protocol, at)
    length = protocol.days_of(nudge).length_days
    if nudge.in_days <= length <= nudge.in_days - 1 + nudge.blackout_end_days:
        yield _problem((*at, "in_days"), "never_sent")
    most = _most_done(nudge, protocol, length)
    if nudge.days is None and nudge.fewer_than > most:
        yield _problem((*at, "fewer_than"), "more_than_asked", expected=most)
    yield from _check_default_texts(nudge, protocol, at)


def _most_done(nudge: FewActivitiesNudge, protocol: Protocol, length: int) -> int:
    """This function will tell how many activities that a rule counts any `in_days` days of a burst ask for, at most."""
    counted = [
        session
        for schedule in protocol.schedules_for(nudge)
        for session in schedule.sessions
        if nudge.counts in ("", schedule.id, session.task)
    ]
    asked = [max(sum(one.asked_on(day, weekday) for one in counted) for weekday in range(1, 8)) for day in range(1, length + 1)]
    return max(sum(asked[first : first + nudge.in_days]) for first in range(length))


def _check_missed_days(nudge: MissedDaysNudge, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    yield from _check_counting(nudge, {"consecutive": nudge.consecutive, "total": nudge.total}, protocol, at)
    longest = _longest_values(nudge, protocol)
    for group, kinds in nudge.by_data_group.items():
        for kind, texts in kinds.items():
            yield from _check_texts(texts, longest, protocol, (*at, "texts_by_data_group", group, kind))
    for channel, kinds in nudge.by_channel.items():
        for kind, texts in kinds.items():
            yield from _check_words(texts, channel, nudge.channels, longest, protocol, (*at, "texts_by_channel", channel, kind))
    for name, texts in (("early", nudge.early), ("late", nudge.late), ("cumulative", nudge.cumulative)):
        yield from _check_texts(texts, longest, protocol, (*at, "texts", name))


def _longest_values(nudge: Rule, protocol: Protocol) -> TextValues:
    ahead = nudge.lead_days if isinstance(nudge, PreBurstNudge) else 0
    return replace(_longest_of(protocol.days_of(nudge), protocol), days_until=ahead)


def _longest_of(looked_at: BurstSeries | DaysAfter, protocol: Protocol) -> TextValues:
    return TextValues(
        study=protocol.participant_name,
        link=protocol.link or SAMPLE_LINK,
        first_day=dt.date(2026, 1, 28),
        days_until=0,
        days_left=looked_at.length_days,
        done=max(looked_at.length_days, looked_at.extend_to_days),
        asked=looked_at.complete_after_days,
    )


def _check_texts(texts: Texts, longest: TextValues, protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    yield from _check_languages(texts, protocol, at)
    for language, variants in texts.items():
        for index, text in enumerate(variants):
            for code, values in problems_of_longest(text, longest, language):
                yield _problem((*at, language, index), code, **values)


def _check_words(
    texts: Texts, channel: str, channels: Collection[str], longest: TextValues, protocol: Protocol, at: tuple[Step, ...]
) -> Iterator[Problem]:
    """This function will check what a push or an e-mail says: it has no parts, and tells no more of a condition than a text."""
    if channel not in channels:
        yield _problem(at, "not_a_channel", value=channel)
    yield from _check_languages(texts, protocol, at)
    for language, variants in texts.items():
        for index, text in enumerate(variants):
            if told := condition_in(fill_in(text, longest, language)):
                yield _problem((*at, language, index), "tells_condition", value=told)


def _check_languages(texts: Texts | Mapping[str, str], protocol: Protocol, at: tuple[Step, ...]) -> Iterator[Problem]:
    if protocol.languages[0] not in texts:
        yield _problem(at, "language_missing", value=protocol.languages[0])
    for language in texts:
        if language not in protocol.languages:
            yield _problem((*at, language), "language_unknown", value=language)


def _is_ascending(values: Sequence[Any]) -> bool:
    return all(one < other for one, other in pairwise(values))
