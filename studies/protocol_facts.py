"""What a protocol means, as facts for a page to put into words. Pure: no sentence is made here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from studies.protocol_design import BurstSeries, MissedDaysNudge, PreBurstNudge, Protocol, SessionDesign, Texts


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement: `kind` chooses the sentence, `values` fill it."""

    kind: str
    values: dict[str, object]


def explain(protocol: Protocol) -> list[Fact]:
    """This function will tell what a protocol means: for each series its bursts, events and sessions, then the nudges,
    then what was assumed. Day offsets count from the local date of the origin; the last one is included.
    """
    facts = []
    for series in protocol.burst_series:
        facts += [_tell_bursts(series), _tell_events(series), *_tell_sessions(series, protocol)]
    facts += [
        _tell_pre_burst(nudge, protocol) if isinstance(nudge, PreBurstNudge) else _tell_missed_days(nudge) for nudge in protocol.nudges
    ]
    return facts + [Fact("assumption", {"text": text}) for text in protocol.assumptions]


def _tell_bursts(series: BurstSeries) -> Fact:
    offsets = [series.start_offset_days(number) for number in series.numbers]
    days = series.interval_days
    return Fact(
        "bursts",
        {
            "series": series.id,
            "origin": series.origin,
            "count": series.count,
            "interval_days": days,
            "interval_weeks": days // 7 if days and series.keeps_weekday else None,
            "keeps_weekday": series.keeps_weekday,
            "length_days": series.length_days,
            "delay_days": series.delay_days,
            "complete_after_days": series.complete_after_days,
            "extend_to_days": series.extend_to_days,
            "start_offsets": offsets,
            "last_day_offset": offsets[-1] + series.length_days - 1,
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
            yield Fact("session", {"schedule": schedule.id, **_describe_session(session, series)})
    yield Fact("sessions_total", {"series": series.id, "per_burst": total // series.count, "total": total})


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
        "extra_tasks": {day: list(tasks) for day, tasks in session.extra_tasks.items()},
        "per_burst": session.per_burst,
        "total": session.per_burst * series.count,
    }


def _tell_missed_days(nudge: MissedDaysNudge) -> Fact:
    texts = {"early": nudge.early, "late": nudge.late, "cumulative": nudge.cumulative}
    return Fact(
        "missed_days",
        {
            **_describe_sending(nudge),
            "counts": nudge.counts,
            "consecutive": nudge.consecutive,
            "total": nudge.total,
            "early_before_day": nudge.early_before_day,
            "blackout_start_days": nudge.blackout_start_days,
            "blackout_end_days": nudge.blackout_end_days,
            "texts": {name: _list_texts(variants) for name, variants in texts.items()},
        },
    )


def _tell_pre_burst(nudge: PreBurstNudge, protocol: Protocol) -> Fact:
    last = protocol.series(nudge.series_id).count
    return Fact(
        "pre_burst",
        {
            **_describe_sending(nudge),
            "lead_days": nudge.lead_days,
            "first_burst": nudge.first_burst,
            "last_burst": last,
            "texts": {"default": _list_texts(nudge.default)}
            | {f"data_group:{group}": _list_texts(variants) for group, variants in nudge.by_data_group.items()},
        },
    )


def _describe_sending(nudge: MissedDaysNudge | PreBurstNudge) -> dict[str, object]:
    return {
        "nudge": nudge.id,
        "series": nudge.series_id,
        "send_at": f"{nudge.send_at:%H:%M}",
        "window": [f"{nudge.window_opens:%H:%M}", f"{nudge.window_closes:%H:%M}"],
        "channels": list(nudge.channels),
        "excluded_data_groups": sorted(nudge.excluded_data_groups),
    }


def _list_texts(texts: Texts) -> dict[str, list[str]]:
    return {language: list(variants) for language, variants in texts.items()}
