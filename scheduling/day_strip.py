"""The days of a burst as a strip of squares: from the planner's bitmap, or from sessions. Read next: participant_views.py."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from scheduling.adherence import SessionState

_WORDS = {
    "done": pgettext_lazy("state of a study day", "done"),
    "partial": pgettext_lazy("state of a study day", "partly done"),
    "missed": pgettext_lazy("state of a study day", "missed"),
    "excused": pgettext_lazy("state of a study day", "excused"),
    "future": pgettext_lazy("state of a study day", "to come"),
}
_SESSIONS = {
    SessionState.COMPLETED: "done",
    SessionState.STARTED: "partial",
    SessionState.ABANDONED: "partial",
    SessionState.EXPIRED: "missed",
    SessionState.UNSTARTED: "future",
    SessionState.NOT_YET_AVAILABLE: "future",
    SessionState.DECLINED: "excused",
    SessionState.NOT_APPLICABLE: "excused",
}


def strip_of(row: Any, length: int) -> list[dict[str, Any]]:
    """This function will give the current burst of a planner row that has its `day`: nothing is read, and nothing outside a burst."""
    if row.day is None:
        return []
    states = ["done" if row.done >> day & 1 else "missed" if day < row.day else "future" for day in range(length)]
    return [square(day + 1, row.burst_start + timedelta(days=day), state, is_today=day == row.day) for day, state in enumerate(states)]


def square(number: int, on: date, state: str, *, is_today: bool) -> dict[str, Any]:
    """This function will give one square, with the words that its colour stands for."""
    values = {"number": number, "date": date_format(on, "j F"), "state": _WORDS[state]}
    return {"state": state, "label": _("Day %(number)d, %(date)s: %(state)s") % values, "is_today": is_today}


def state_of_session(state: SessionState) -> str:
    """This function will give the square's state that shows a session's."""
    return _SESSIONS[state]


def state_of_day(states: Collection[SessionState]) -> str:
    """This function will sum up the sessions of a day: done when all are, missed when one is and nothing can be done any more."""
    shown = {_SESSIONS[state] for state in states}
    if shown == {"done"}:
        return "done"
    if shown & {"done", "partial"}:
        return "partial"
    return next((state for state in ("future", "missed") if state in shown), "excused")
