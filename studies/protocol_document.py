"""From a document that the schema accepts to a protocol. Pure; the public way is `studies.protocol.parse`."""

from __future__ import annotations

import datetime as dt
from typing import Any

from studies.protocol_design import BurstSeries, MissedDaysNudge, PreBurstNudge, Protocol, Schedule, SessionDesign, Texts


def read_document(document: Any) -> Protocol:
    """This function will build a protocol from a document that the schema accepts, filling in what may be left out."""
    return Protocol(
        id=document["id"],
        name=document["name"],
        participant_name=document["participant_name"],
        source=tuple(document.get("source", ())),
        assumptions=tuple(document.get("assumptions", ())),
        languages=tuple(document["languages"]),
        burst_series=tuple(_read_series(series) for series in document["burst_series"]),
        schedules=tuple(_read_schedule(schedule, document["burst_series"]) for schedule in document["schedules"]),
        nudges=tuple(_read_nudge(nudge, document["burst_series"]) for nudge in document.get("nudges", ())),
    )


def _read_series(series: Any) -> BurstSeries:
    length = int(series["length_days"])
    return BurstSeries(
        id=series["id"],
        origin=series["origin"],
        count=int(series["count"]),
        interval_days=_read_period(series["interval"]) if "interval" in series else None,
        length_days=length,
        delay_days=int(series.get("delay_days", 0)),
        complete_after_days=int(series.get("complete_after_days", length)),
        extend_to_days=int(series.get("extend_to_days", length)),
    )


def _read_period(period: Any) -> int:
    if isinstance(period, str):
        return int(period[1:-1]) * (7 if period.endswith("W") else 1)
    return int(period["value"]) * (7 if period["unit"] == "week" else 1)


def _read_schedule(schedule: Any, all_series: Any) -> Schedule:
    length = next((int(series["length_days"]) for series in all_series if series["id"] == schedule["from"]), 0)
    return Schedule(
        id=schedule["id"],
        series_id=schedule["from"],
        sessions=tuple(_read_session(session, length) for session in schedule["sessions"]),
    )


def _read_session(session: Any, length_days: int) -> SessionDesign:
    days = range(1, length_days + 1) if session["days"] == "every" else map(int, session["days"])
    numbers = tuple(days)
    times = session.get("times", ["00:00"])
    per_day = times if isinstance(times[0], list) else [times] * len(numbers)
    return SessionDesign(
        id=session["id"],
        task=session["task"],
        days=numbers,
        times=tuple(tuple(_read_time(time) for time in day) for day in per_day),
        window_minutes=int(session["window_minutes"]) if "window_minutes" in session else None,
        label=dict(session["label"]),
        extra_tasks={int(extra["day"]): tuple(extra["tasks"]) for extra in session.get("extra_tasks", ())},
    )


def _read_nudge(nudge: Any, all_series: Any) -> MissedDaysNudge | PreBurstNudge:
    opens, closes = (_read_time(time) for time in nudge["window"])
    shared: dict[str, Any] = {
        "id": nudge["id"],
        "series_id": nudge.get("series", all_series[0]["id"] if len(all_series) == 1 else ""),
        "send_at": _read_time(nudge["send_at"]),
        "window_opens": opens,
        "window_closes": closes,
        "channels": tuple(nudge["channels"]),
        "excluded_data_groups": frozenset(nudge.get("excluded_data_groups", ())),
    }
    texts = nudge["texts"]
    if nudge["kind"] == "pre_burst":
        return PreBurstNudge(
            **shared,
            lead_days=int(nudge.get("lead_days", 1)),
            first_burst=int(nudge.get("first_burst", 2)),
            default=_read_texts(texts["default"]),
            by_data_group={group: _read_texts(variants) for group, variants in texts.get("by_data_group", {}).items()},
        )
    return MissedDaysNudge(
        **shared,
        counts=nudge["counts"],
        consecutive=int(nudge["consecutive"]),
        total=int(nudge["total"]),
        early_before_day=int(nudge.get("early_before_day", 0)),
        blackout_start_days=int(nudge.get("blackout_start_days", 0)),
        blackout_end_days=int(nudge.get("blackout_end_days", 0)),
        early=_read_texts(texts["early"]),
        late=_read_texts(texts["late"]),
        cumulative=_read_texts(texts["cumulative"]),
        evaluate=nudge.get("evaluate", "current"),
    )


def _read_time(time: str) -> dt.time:
    return dt.time.fromisoformat(time)


def _read_texts(texts: Any) -> Texts:
    return {language: tuple(variants) for language, variants in texts.items()}
