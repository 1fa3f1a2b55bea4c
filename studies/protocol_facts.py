"""What a protocol means, as facts for a page to put into words. Pure: no sentence is made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from studies.protocol_design import (
    Attribute,
    AttributeCondition,
    BurstSeries,
    CountingNudge,
    DesignedNudge,
    EventDesign,
    FewActivitiesNudge,
    PreBurstNudge,
    Protocol,
    RandomTimes,
    Schedule,
    SessionDesign,
    Texts,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement: `kind` chooses the sentence, `values` fill it."""

    kind: str
    values: dict[str, object]


def explain(protocol: Protocol) -> list[Fact]:
    """This function will tell what a protocol means: for each series its bursts, events and sessions, then the nudges,
    then what was assumed. Day offsets count from the local date of the origin; the last one is included.
    """
    facts = [Fact("time_zone", {"policy": protocol.time_zone_policy})]
    facts += [Fact("arms", {"id": found.id, "shares": dict(found.shares)}) for found in protocol.randomised_groups]
    facts += [_tell_attribute(attribute) for attribute in protocol.attributes]
    facts += [_tell_event(event) for event in protocol.events]
    for series in protocol.burst_series:
        facts += [_tell_bursts(series), _tell_events(series), *_tell_sessions(series, protocol)]
    facts += [_tell_pre_burst(nudge, protocol) if isinstance(nudge, PreBurstNudge) else _tell_counting(nudge) for nudge in protocol.nudges]
    return facts + [Fact("assumption", {"text": text}) for text in protocol.assumptions]


def _tell_attribute(attribute: Attribute) -> Fact:
    bounds = [attribute.minimum, attribute.maximum] if attribute.type == "integer" else None
    return Fact("attribute", {"id": attribute.id, "type": attribute.type, "values": list(attribute.values), "bounds": bounds})


def _tell_event(event: EventDesign) -> Fact:
    period = event.period
    amounts = {"years": period.years, "months": period.months, "weeks": period.weeks, "days": period.days}
    return Fact("event", {"event_id": event.id, "origin": event.origin, "update": event.update, "period": amounts})


def _tell_bursts(series: BurstSeries) -> Fact:
    offsets = [series.start_offset_days(number) for number in series.numbers]
    days = series.interval_days
    return Fact(
        "bursts",
        {
            "series": series.id,
            "origin": series.origin,
            "origins": list(series.origins),
            "jitter_days": series.jitter_days,
            "min_gap_days": series.min_gap_days,
            "count": series.count,
            "interval_days": days,
            "interval_weeks": days // 7 if days and series.keeps_weekday else None,
            "keeps_weekday": series.keeps_weekday,
            "length_days": series.length_days,
            "delay_days": series.delay_days,
            "complete_after_days": series.complete_after_days,
            "extend_to_days": series.extend_to_days,
            "start_offsets": offsets,
            "last_day_offset": series.start_bounds()[-1][1] + series.length_days - 1,
        },
    )


def _tell_events(series: BurstSeries) -> Fact:
    events = [{"event_id": series.event_id(number), "offset_days": series.start_offset_days(number)} for number in series.numbers]
    return Fact("events", {"series": series.id, "origin": series.origin, "events": events})


def _tell_sessions(series: BurstSeries, protocol: Protocol) -> Iterator[Fact]:
    total = 0
    for schedule in protocol.schedules_of(series.id):
        for session in schedule.sessions:
            total += session.per_burst * series.count
            yield Fact("session", {**_describe_schedule(schedule), **_describe_session(session, series)})
    is_at_most = any(
        schedule.except_series or schedule.only_data_groups or schedule.excluded_data_groups or session.may_be_fewer
        for schedule in protocol.schedules_of(series.id)
        for session in schedule.sessions
    )
    yield Fact("sessions_total", {"series": series.id, "per_burst": total // series.count, "total": total, "is_at_most": is_at_most})


def _describe_schedule(schedule: Schedule) -> dict[str, object]:
    return {
        "schedule": schedule.id,
        "except": sorted(schedule.except_series),
        "only_data_groups": sorted(schedule.only_data_groups),
        "excluded_data_groups": sorted(schedule.excluded_data_groups),
    }


def _describe_session(session: SessionDesign, series: BurstSeries) -> dict[str, object]:
    is_same_every_day = len(set(session.times)) == 1
    return {
        "session": session.id,
        "task": session.task,
        "label": dict(session.label),
        "is_every_day": len(session.days) == series.length_days,
        "days": list(session.days),
        "is_all_day": session.is_all_day,
        "times": [f"{time:%H:%M}" for time in session.times[0]] if is_same_every_day else None,
        "times_by_day": {day: [f"{time:%H:%M}" for time in times] for day, times in zip(session.days, session.times, strict=True)},
        "window_minutes": session.window_minutes,
        "random_times": _describe_random_times(session.random_times) if session.random_times else None,
        "probability": session.probability,
        "grace_minutes": session.grace_minutes,
        "reminders": [reminder.after_minutes for reminder in session.reminders],
        "extra_tasks": {day: list(tasks) for day, tasks in session.extra_tasks.items()},
        "per_burst": session.per_burst,
        "total": session.per_burst * series.count,
    }


def _describe_random_times(random: RandomTimes) -> dict[str, object]:
    hours: dict[tuple[int, int], list[int]] = {}
    for weekday, opens, closes in sorted(random.windows):
        hours.setdefault((opens, closes), []).append(weekday)
    windows = [{"weekdays": days, "hours": [f"{at // 60:02}:{at % 60:02}" for at in window]} for window, days in hours.items()]
    return {"count": random.count, "min_gap_minutes": random.min_gap_minutes, "windows": windows}


def _tell_counting(nudge: CountingNudge) -> Fact:
    told: dict[str, object] = {
        **_describe_sending(nudge),
        "counts": nudge.counts,
        "blackout_start_days": nudge.blackout_start_days,
        "blackout_end_days": nudge.blackout_end_days,
        "groups_with_texts": sorted(nudge.by_data_group),
    }
    if isinstance(nudge, FewActivitiesNudge):
        texts = _list_default_texts(nudge.default, nudge.by_data_group)
        return Fact("few_activities", told | {"fewer_than": nudge.fewer_than, "in_days": nudge.in_days, "texts": texts})
    texts = {name: _list_texts(getattr(nudge, name)) for name in ("early", "late", "cumulative")}
    days = {"consecutive": nudge.consecutive, "total": nudge.total, "early_before_day": nudge.early_before_day}
    return Fact("missed_days", told | days | {"texts": texts})


def _tell_pre_burst(nudge: PreBurstNudge, protocol: Protocol) -> Fact:
    last = protocol.series(nudge.series_id).count if nudge.days is None else 1
    return Fact(
        "pre_burst",
        {
            **_describe_sending(nudge),
            "lead_days": nudge.lead_days,
            "first_burst": nudge.first_burst,
            "last_burst": last,
            "texts": _list_default_texts(nudge.default, nudge.by_data_group),
            "groups_with_texts": sorted(nudge.by_data_group),
        },
    )


def _describe_sending(nudge: DesignedNudge) -> dict[str, object]:
    return {
        "nudge": nudge.id,
        "series": nudge.series_id,
        "event": nudge.days.event_id if nudge.days else "",
        "delay_days": nudge.days.delay_days if nudge.days else 0,
        "length_days": nudge.days.length_days if nudge.days else None,
        "send_at": f"{nudge.send_at:%H:%M}",
        "window": [f"{nudge.window_opens:%H:%M}", f"{nudge.window_closes:%H:%M}"],
        "channels": list(nudge.channels),
        "excluded_data_groups": sorted(nudge.excluded_data_groups),
        "only_data_groups": sorted(nudge.only_data_groups),
        "only_attributes": [_describe_condition(condition) for condition in nudge.only_attributes],
        "excluded_attributes": [_describe_condition(condition) for condition in nudge.excluded_attributes],
        "probability": nudge.probability,
    }


def _describe_condition(condition: AttributeCondition) -> dict[str, object]:
    return {"id": condition.id, "values": list(condition.values), "at_least": condition.at_least, "at_most": condition.at_most}


def _list_default_texts(default: Texts, by_data_group: Mapping[str, Texts]) -> dict[str, dict[str, list[str]]]:
    return {"default": _list_texts(default)} | {f"data_group:{group}": _list_texts(texts) for group, texts in by_data_group.items()}


def _list_texts(texts: Texts) -> dict[str, list[str]]:
    return {language: list(variants) for language, variants in texts.items()}
