"""Where things stand on the line of study days: geometry for templates/studies/_burst_timeline.html. Pure but for the words.

x and widths are days from enrollment. Read next: burst_calendar.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_ace.api import parse_zone
from scheduling.burst_calendar import Burst, bursts
from studies.api import CountingNudge, PreBurstNudge, Protocol

_DAY = timedelta(days=1)
_NOON = time(12)
_LABEL = gettext_lazy("Burst %(number)d: %(first)s to %(last)s")


@dataclass(frozen=True)
class Mark:
    """A text on the line: its local date, whether it comes before a burst or reminds, and its words."""

    on: date
    kind: str
    label: str


def draw(
    design: Protocol,
    enrolled_date: date,
    zone: ZoneInfo,
    *,
    known: Sequence[Burst],
    today: date | None = None,
    texts: Sequence[Mark] = (),
) -> dict[str, Any]:
    """This function will lay one person's bursts, sessions, texts and clock changes on a line from their enrollment on."""
    end = max((burst.end_date for burst in known), default=enrolled_date + 28 * _DAY)
    width = (end - enrolled_date).days
    # Room for the date under the last burst.
    width += max(2, width // 16)

    def x(day: date) -> int:
        return (day - enrolled_date).days

    return {
        "width_days": width,
        "months": list(_months(enrolled_date, width)),
        "bursts": [_bar(burst, x(burst.start_date), today) for burst in known],
        "ticks": sorted({x(day) for day in _session_days(design, known)}),
        "texts": [{"x": x(mark.on), "kind": mark.kind, "label": mark.label} for mark in texts if 0 <= x(mark.on) <= width],
        "blackouts": [{"x": x(first), "width": days} for first, days in _blackouts(design, known)],
        "clock_changes": list(_clock_changes(enrolled_date, width, zone)),
        "today_x": x(today) if today is not None and 0 <= x(today) <= width else None,
    }


def draw_example(design: Protocol, enrolled_date: date, zone: str) -> dict[str, Any]:
    """This function will draw a protocol for somebody who enrolls on a date in a zone, with the texts that all are sent."""
    known = bursts(design, enrolled_date, seed="example")
    return draw(design, enrolled_date, parse_zone(zone), known=known, texts=list(_planned_texts(design, known)))


def write_day(day: date) -> str:
    """This function will write a date with its weekday and year, shortly."""
    return date_format(day, "D j M Y")


def _bar(burst: Burst, x: int, today: date | None) -> dict[str, Any]:
    label = _LABEL % {"number": burst.number, "first": write_day(burst.start_date), "last": write_day(burst.last_date)}
    is_current = today is not None and burst.start_date <= today < burst.end_date
    return {
        "number": burst.number,
        "x": x,
        "width": (burst.end_date - burst.start_date).days,
        "start_date": burst.start_date,
        "label": label,
        "is_current": is_current,
        "is_past": today is not None and burst.end_date <= today,
    }


def _months(enrolled_date: date, width: int) -> Iterator[Mapping[str, Any]]:
    month = (enrolled_date.replace(day=1) + 32 * _DAY).replace(day=1)
    while (month - enrolled_date).days < width - 1:
        label = date_format(month, "M ’y") if month.month == 1 else date_format(month, "M")
        yield {"x": (month - enrolled_date).days, "label": label}
        month = (month + 32 * _DAY).replace(day=1)


def _session_days(design: Protocol, known: Iterable[Burst]) -> Iterator[date]:
    for burst in known:
        for schedule in design.schedules_of(burst.series_id):
            for session in schedule.sessions:
                # Sessions of every day would be a bar of their own: where some days have more to do, those are what differs.
                for day in session.extra_tasks or session.days:
                    yield burst.start_date + (day - 1) * _DAY


def _blackouts(design: Protocol, known: Iterable[Burst]) -> Iterator[tuple[date, int]]:
    rules = {rule.series_id: rule for rule in design.nudges if isinstance(rule, CountingNudge)}
    for burst in known:
        rule = rules.get(burst.series_id)
        if rule is not None and rule.blackout_start_days:
            yield burst.start_date, rule.blackout_start_days
        if rule is not None and rule.blackout_end_days:
            yield burst.end_date - rule.blackout_end_days * _DAY, rule.blackout_end_days


def _clock_changes(enrolled_date: date, width: int, zone: ZoneInfo) -> Iterator[Mapping[str, Any]]:
    before = datetime.combine(enrolled_date, _NOON, zone).utcoffset()
    for x in range(1, width):
        day = enrolled_date + x * _DAY
        offset = datetime.combine(day, _NOON, zone).utcoffset()
        if offset != before:
            yield {"x": x, "label": _("Clocks change on %(day)s") % {"day": write_day(day)}}
        before = offset


def _planned_texts(design: Protocol, known: Iterable[Burst]) -> Iterator[Mark]:
    rules = {rule.series_id: rule for rule in design.nudges if isinstance(rule, PreBurstNudge)}
    for burst in known:
        rule = rules.get(burst.series_id)
        if rule is not None and burst.number >= rule.first_burst:
            on = burst.start_date - rule.lead_days * _DAY
            yield Mark(on, "pre_burst", _("Text before burst %(number)d, on %(day)s") % {"number": burst.number, "day": write_day(on)})
