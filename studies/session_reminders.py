"""Reminders of sessions as rules: what a chain means on the days of a burst. Pure. Read next: protocol_design.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from studies.protocol_design import BurstSeries, ReminderDesign, Schedule, SessionDesign, SessionReminder

# The hours in which a study may text; a study may narrow them. 47 CFR 64.1200(c)(1) allows 08:00 to 21:00 where the
# phone is, and an hour at each end is kept for carriers that are late.
TEXTS_OPEN = dt.time(9)
TEXTS_CLOSE = dt.time(20)
_MINUTES_A_DAY = 1440


def reminders_of(schedules: Iterable[Schedule], all_series: Iterable[BurstSeries]) -> Iterator[SessionReminder]:
    """This function will list the reminders of all sessions, a rule for each step and time of day; where times are by chance, for each step
    and place among the sessions of a day."""
    series = {one.id: one for one in all_series}
    for schedule in schedules:
        for session in schedule.sessions:
            if session.reminders and schedule.series_id in series:
                for name, opens_at, days in _openings(session, series[schedule.series_id]):
                    for step, reminder in enumerate(session.reminders, start=1):
                        yield _rule(schedule, session, f"{step}:{name}", opens_at, days, step, reminder)


def _openings(session: SessionDesign, series: BurstSeries) -> Iterator[tuple[str, dt.time, Mapping[int, int]]]:
    """This function will yield what may be reminded of at one time, or by one draw: its name, its (earliest) time, and the days on which
    it opens with its place among the sessions of each."""
    if session.random_times is None:
        for opens_at, days in _days_by_time(session, series).items():
            yield f"{opens_at:%H%M}", opens_at, days
        return
    _later, earliest = moment(dt.time.min, session.random_times.bounds[0])
    every_day = len(session.days) == series.length_days
    numbers = range(1, series.extend_to_days + 1) if every_day else session.days
    for place in range(session.random_times.count):
        yield str(place + 1), earliest, dict.fromkeys(numbers, place)


def _days_by_time(session: SessionDesign, series: BurstSeries) -> Mapping[dt.time, dict[int, int]]:
    """This function will give, for each time of day, the days on which the session opens then, with its place in that day's list."""
    lists = dict(zip(session.days, session.times, strict=False))
    if len(session.days) == series.length_days and session.times:
        # What is done every day is also done on the days added, as on the last.
        lists |= dict.fromkeys(range(series.length_days + 1, series.extend_to_days + 1), session.times[-1])
    found: dict[dt.time, dict[int, int]] = {}
    for day, times in lists.items():
        for place, time in enumerate(times):
            found.setdefault(time, {})[day] = place
    return found


def _rule(
    schedule: Schedule, session: SessionDesign, name: str, opens_at: dt.time, days: Mapping[int, int], step: int, reminder: ReminderDesign
) -> SessionReminder:
    days_later, send_at = moment(opens_at, reminder.after_minutes)
    return SessionReminder(
        id=f"session:{session.id}:{name}",
        series_id=schedule.series_id,
        send_at=send_at,
        window_opens=TEXTS_OPEN,
        window_closes=TEXTS_CLOSE if session.random_times else _closes(opens_at, session.window_minutes, days_later),
        channels=reminder.channels,
        excluded_data_groups=schedule.excluded_data_groups,
        only_data_groups=schedule.only_data_groups,
        session_id=session.id,
        step=step,
        opens_at=opens_at,
        window_minutes=session.window_minutes,
        days_later=days_later,
        places={day - 1 + days_later: f"{day:02d}:{place}" for day, place in days.items()},
        default=reminder.texts,
        by_data_group=reminder.by_data_group,
        by_channel={channel: {"session": texts} for channel, texts in reminder.by_channel.items()},
        after_minutes=reminder.after_minutes,
        random_times=session.random_times,
    )


def moment(opens_at: dt.time, after_minutes: int) -> tuple[int, dt.time]:
    """This function will give the days and the time of day, on the participant's clock, so long after a session's time."""
    days, minutes = divmod(opens_at.hour * 60 + opens_at.minute + after_minutes, _MINUTES_A_DAY)
    return days, dt.time(minutes // 60, minutes % 60)


def _closes(opens_at: dt.time, window_minutes: int | None, days_later: int) -> dt.time:
    """This function will give until when a reminder may be sent that day: while the session is open, and texts may be sent."""
    days, closes_at = moment(opens_at, window_minutes) if window_minutes is not None else (1, dt.time.min)
    return min(closes_at, TEXTS_CLOSE) if days == days_later else TEXTS_CLOSE
