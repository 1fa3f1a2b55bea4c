"""From a document that the schema accepts to a protocol. Pure; the public way is `studies.protocol.parse`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from studies.protocol_design import (
    ENROLLMENT,
    Attribute,
    AttributeCondition,
    BurstSeries,
    DaysAfter,
    DesignedNudge,
    EventDesign,
    FewActivitiesNudge,
    MissedDaysNudge,
    Period,
    PreBurstNudge,
    Protocol,
    RandomisedGroups,
    RandomTimes,
    ReminderDesign,
    Schedule,
    SessionDesign,
    Texts,
)
from studies.session_reminders import reminders_of


def read_document(document: Any) -> Protocol:
    """This function will build a protocol from a document that the schema accepts, filling in what may be left out."""
    burst_series = tuple(_read_series(series) for series in document["burst_series"])
    schedules = tuple(_read_schedule(schedule, document["burst_series"]) for schedule in document["schedules"])
    return Protocol(
        id=document["id"],
        name=document["name"],
        participant_name=document["participant_name"],
        link=document.get("link", ""),
        source=tuple(document.get("source", ())),
        assumptions=tuple(document.get("assumptions", ())),
        languages=tuple(document["languages"]),
        burst_series=burst_series,
        schedules=schedules,
        reminders=tuple(reminders_of(schedules, burst_series)),
        nudges=tuple(_read_nudge(nudge, document["burst_series"]) for nudge in document.get("nudges", ())),
        events=tuple(_read_event(event) for event in document.get("events", ())),
        randomised_groups=tuple(
            # In the order of their names: databases keep the order of a document's names or do not.
            RandomisedGroups(found["id"], {group: int(share) for group, share in sorted(found["groups"].items())})
            for found in document.get("randomised_groups", ())
        ),
        attributes=tuple(_read_attribute(attribute) for attribute in document.get("attributes", ())),
        time_zone_policy=document.get("time_zone_policy", "follow"),
    )


def _read_attribute(attribute: Any) -> Attribute:
    bounds = {name: int(attribute[name]) for name in ("minimum", "maximum") if name in attribute}
    return Attribute(attribute["id"], attribute["type"], tuple(attribute.get("values", ())), **bounds)


def _read_conditions(conditions: Any) -> tuple[AttributeCondition, ...]:
    return tuple(
        AttributeCondition(
            found["id"],
            tuple(int(value) if isinstance(value, float) else value for value in found.get("is", ())),
            int(found["at_least"]) if "at_least" in found else None,
            int(found["at_most"]) if "at_most" in found else None,
        )
        for found in conditions
    )


def _read_event(event: Any) -> EventDesign:
    parts = {unit: int(amount) for amount, unit in re.findall(r"(-?\d+)([YMWD])", event.get("period", ""))}
    period = Period(years=parts.get("Y", 0), months=parts.get("M", 0), weeks=parts.get("W", 0), days=parts.get("D", 0))
    return EventDesign(event["id"], event.get("origin", ""), period, event.get("update", "mutable"))


def _read_series(series: Any) -> BurstSeries:
    length = int(series["length_days"])
    return BurstSeries(
        id=series["id"],
        origin=series.get("origin", ENROLLMENT),
        count=int(series["count"]) if "count" in series else len(series["origins"]),
        interval_days=_read_period(series["interval"]) if "interval" in series else None,
        length_days=length,
        delay_days=int(series.get("delay_days", 0)),
        complete_after_days=int(series.get("complete_after_days", length)),
        extend_to_days=int(series.get("extend_to_days", length)),
        origins=tuple(series.get("origins", ())),
        update=series.get("update", "mutable"),
        jitter_days=int(series.get("jitter_days", 0)),
        min_gap_days=int(series.get("min_gap_days", max(length, int(series.get("extend_to_days", 0))))),
        within_days=int(series["within_days"]) if "within_days" in series else None,
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
        except_series=frozenset(schedule.get("except", ())),
        only_data_groups=frozenset(schedule.get("only_data_groups", ())),
        excluded_data_groups=frozenset(schedule.get("excluded_data_groups", ())),
    )


def _read_session(session: Any, length_days: int) -> SessionDesign:
    days = range(1, length_days + 1) if session["days"] == "every" else map(int, session["days"])
    numbers = tuple(days)
    times = session.get("times", [] if "random_times" in session else ["00:00"])
    per_day = times if times and isinstance(times[0], list) else [times] * len(numbers)
    return SessionDesign(
        id=session["id"],
        task=session["task"],
        days=numbers,
        times=tuple(tuple(_read_time(time) for time in day) for day in per_day),
        window_minutes=int(session["window_minutes"]) if "window_minutes" in session else None,
        label=dict(session["label"]),
        extra_tasks={int(extra["day"]): tuple(extra["tasks"]) for extra in session.get("extra_tasks", ())},
        random_times=_read_random_times(session["random_times"]) if "random_times" in session else None,
        probability=float(session.get("probability", 1)),
        grace_minutes=int(session["grace_minutes"]) if "grace_minutes" in session else None,
        reminders=tuple(_read_reminder(reminder) for reminder in session.get("reminders", ())),
    )


def _read_reminder(reminder: Any) -> ReminderDesign:
    by_data_group = {group: _read_texts(texts) for group, texts in reminder.get("texts_by_data_group", {}).items()}
    by_channel = {channel: _read_texts(texts) for channel, texts in reminder.get("texts_by_channel", {}).items()}
    return ReminderDesign(
        int(reminder["after_minutes"]), tuple(reminder["channels"]), _read_texts(reminder["texts"]), by_data_group, by_channel
    )


def _read_random_times(random: Any) -> RandomTimes:
    windows = [
        (int(weekday), _read_minutes(window["from"]), _read_minutes(window["to"]))
        for window in random["windows"]
        for weekday in window.get("weekdays", range(1, 8))
    ]
    return RandomTimes(int(random["count"]), int(random.get("min_gap_minutes", 0)), tuple(windows))


def _read_minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


def _read_nudge(nudge: Any, all_series: Any) -> DesignedNudge:
    opens, closes = (_read_time(time) for time in nudge["window"])
    shared: dict[str, Any] = {
        "id": nudge["id"],
        "series_id": "" if "event" in nudge else nudge.get("series", all_series[0]["id"] if len(all_series) == 1 else ""),
        "days": _read_days(nudge) if "event" in nudge else None,
        "send_at": _read_time(nudge["send_at"]),
        "window_opens": opens,
        "window_closes": closes,
        "channels": tuple(nudge["channels"]),
        "excluded_data_groups": frozenset(nudge.get("excluded_data_groups", ())),
        "only_data_groups": frozenset(nudge.get("only_data_groups", ())),
        "only_attributes": _read_conditions(nudge.get("only_attributes", ())),
        "excluded_attributes": _read_conditions(nudge.get("excluded_attributes", ())),
        "probability": float(nudge.get("probability", 1)),
    }
    texts, by_channel = nudge["texts"], nudge.get("texts_by_channel", {})
    if nudge["kind"] == "pre_burst":
        return PreBurstNudge(
            **shared,
            by_channel={channel: {"pre_burst": _read_texts(variants)} for channel, variants in by_channel.items()},
            lead_days=int(nudge.get("lead_days", 1)),
            first_burst=int(nudge.get("first_burst", 1 if "event" in nudge else 2)),
            default=_read_texts(texts["default"]),
            by_data_group={group: _read_texts(variants) for group, variants in texts.get("by_data_group", {}).items()},
        )
    shared |= {
        "counts": nudge.get("counts", ""),
        "blackout_start_days": int(nudge.get("blackout_start_days", 0)),
        "blackout_end_days": int(nudge.get("blackout_end_days", 0)),
    }
    if nudge["kind"] == "few_activities":
        return FewActivitiesNudge(
            **shared,
            fewer_than=int(nudge["fewer_than"]),
            in_days=int(nudge["in_days"]),
            by_channel={channel: {"few": _read_texts(variants)} for channel, variants in by_channel.items()},
            default=_read_texts(texts["default"]),
            by_data_group={group: _read_texts(variants) for group, variants in texts.get("by_data_group", {}).items()},
        )
    return MissedDaysNudge(
        **shared,
        by_channel={channel: {kind: _read_texts(variants) for kind, variants in kinds.items()} for channel, kinds in by_channel.items()},
        consecutive=int(nudge["consecutive"]),
        total=int(nudge["total"]),
        early_before_day=int(nudge.get("early_before_day", 0)),
        early=_read_texts(texts["early"]),
        late=_read_texts(texts["late"]),
        cumulative=_read_texts(texts["cumulative"]),
        evaluate=nudge.get("evaluate", "current"),
        by_data_group={
            group: {kind: _read_texts(variants) for kind, variants in kinds.items()}
            for group, kinds in nudge.get("texts_by_data_group", {}).items()
        },
    )


def _read_days(nudge: Any) -> DaysAfter:
    length = int(nudge.get("length_days", 1))
    return DaysAfter(nudge["event"], int(nudge.get("delay_days", 0)), length, int(nudge.get("complete_after_days", length)))


def _read_time(time: str) -> dt.time:
    return dt.time.fromisoformat(time)


def _read_texts(texts: Any) -> Texts:
    return {language: tuple(variants) for language, variants in texts.items()}
