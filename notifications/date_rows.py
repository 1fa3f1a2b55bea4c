"""Reading course dates out of CSV and iCalendar: bytes in, rows or reasons out; nothing is stored here. Read next: date_import.py."""

import csv
import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.utils.translation import gettext as _
from icalendar import Calendar, Event
from icalendar.error import BrokenCalendarProperty

from notifications.course_dates import CourseDate
from notifications.date_import import BadRow, Row
from notifications.links import allowed_link
from notifications.rest_api.strict import FIRST_YEAR, LAST_YEAR

LARGEST = 5_000_000
MOST_ROWS = 20_000
LONGEST_LINE = 4_000
DEEPEST = 4
COLUMNS = ("course_key", "external_id", "kind", "title", "when", "link", "username", "cancelled")
NEEDED = COLUMNS[:5]
_FOLD, _NEWLINE = re.compile(r"(?:\r?\n)+[ \t]"), re.compile(r"\r?\n")
_PART_NAME, _PART = re.compile(r"\s*(?:BEGIN|END)\s*[;:]", re.I), re.compile(r"(BEGIN|END):([A-Z0-9-]+)[ \t]*", re.I)
LONGEST = {"course_key": 191, "external_id": 191, "title": 200, "link": 500, "username": 150}


class Unreadable(ValueError):
    """The file as a whole cannot be read. The text says why."""


def read_dates(data: bytes, *, course_key: str = "", most_rows: int = MOST_ROWS) -> tuple[list[Row], list[BadRow]]:
    """This function will read CSV or iCalendar, whichever it is, and give what can be taken and what cannot, each with its reason.

    What names no course belongs to `course_key`. Raises Unreadable for a file that is none of them or too large.
    """
    text = _text(data)
    rows, bad = [], []
    for number, cells in _events(text, course_key, most_rows) if is_calendar(data) else _lines(text, course_key, most_rows):
        try:
            rows.append(to_row(number, cells))
        except ValueError as error:
            bad.append(BadRow(number, str(error)))
    if not rows and not bad:
        raise Unreadable(_("There is no date in it."))
    return rows, bad


def is_calendar(data: bytes) -> bool:
    """This function will tell iCalendar from CSV."""
    return data.removeprefix(BOM_UTF8).lstrip()[:15].upper() == b"BEGIN:VCALENDAR"


def to_row(number: int, cells: Mapping[str, Any]) -> Row:
    """This function will check one date by itself. Raises ValueError with the reason in words."""
    if "cells" in cells:
        raise ValueError(_("It has another number of cells than the first line: %(cells)d.") % {"cells": cells["cells"]})
    if "repeats" in cells:
        raise ValueError(_("A date that repeats is not known; write each by itself."))
    if "zone" in cells:
        raise ValueError(_("The time zone “%(zone)s” is not known: name it as in Europe/Berlin.") % cells)
    for name in NEEDED:
        if not cells.get(name):
            raise ValueError(_("“%(name)s” is missing.") % {"name": name})
    for name in ("course_key", "external_id", "title", "link", "username"):
        _check_text(name, cells.get(name) or "")
    if cells["kind"] not in CourseDate.Kind.values:
        raise ValueError(_("The kind must be one of %(kinds)s.") % {"kinds": ", ".join(CourseDate.Kind.values)})
    when = cells["when"] if isinstance(cells["when"], date) else _when(str(cells["when"]))
    if not FIRST_YEAR <= when.year <= LAST_YEAR:
        raise ValueError(_("The year must lie between %(first)d and %(last)d.") % {"first": FIRST_YEAR, "last": LAST_YEAR})
    at = when.astimezone(UTC) if isinstance(when, datetime) else None
    return Row(
        number=number,
        course_key=cells["course_key"],
        external_id=cells["external_id"],
        kind=cells["kind"],
        title=cells["title"],
        link=allowed_link(cells.get("link") or ""),
        at=at,
        on=None if at else when,
        username=cells.get("username") or "",
        is_cancelled=_flag(cells.get("cancelled") or ""),
    )


def _text(data: bytes) -> str:
    if len(data) > LARGEST:
        raise Unreadable(_("It is larger than %(most)d bytes.") % {"most": LARGEST})
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(_("It is not UTF-8, from byte %(byte)d on.") % {"byte": error.start}) from error
    if "\x00" in text:
        raise Unreadable(_("It holds a NUL."))
    if not text.strip():
        raise Unreadable(_("It is empty."))
    if max(map(len, text.splitlines())) > LONGEST_LINE:
        raise Unreadable(_("A line is longer than %(most)d characters.") % {"most": LONGEST_LINE})
    return text


def _lines(text: str, course_key: str, most_rows: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """This function will yield the rows of CSV with the number of their line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader)]
        _check_names(names)
        for count, values in enumerate(reader, 1):
            if count > most_rows:
                raise Unreadable(_("It has more than %(most)d rows.") % {"most": most_rows})
            if any(values):
                cells: dict[str, Any] = dict(zip(names, (value.strip() for value in values), strict=False))
                cells = {"course_key": course_key} | {name: cell for name, cell in cells.items() if cell}
                yield reader.line_num, cells if len(values) == len(names) else {"cells": len(values)}
    except csv.Error as error:
        raise Unreadable(_("Line %(line)d is not CSV.") % {"line": reader.line_num}) from error


def _check_names(names: list[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise Unreadable(_("There is no column “%(name)s”; there are %(names)s.") % {"name": unknown[0][:40], "names": ", ".join(COLUMNS)})
    if len(set(names)) < len(names):
        raise Unreadable(_("A column stands twice."))


def _events(text: str, course_key: str, most_rows: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """This function will yield the events of a calendar, counted from 1."""
    try:
        events = Calendar.from_ical("\r\n".join(_checked_lines(text, most_rows))).walk("VEVENT")
    except Unreadable:
        raise
    except Exception as error:
        # The parser raises whatever a malformed value happens to meet.
        raise Unreadable(_("It is not a calendar that can be read.")) from error
    for number, event in enumerate(events, 1):
        yield number, _cells(event, course_key) if isinstance(event, Event) else {}


def _checked_lines(text: str, most_rows: int) -> Iterator[str]:
    """This function will yield a calendar's lines, unfolded and without its own descriptions of zones, and refuse what is too much.

    A zone is known by its name or not at all: a rule that repeats every second takes the parser for ever, and it keeps what one
    calendar says of a zone for all later ones of the process.
    """
    depth, inside_zone, events = 0, 0, 0
    for line in _NEWLINE.split(_FOLD.sub("", text)):
        part = _PART.fullmatch(line)
        if part is None and _PART_NAME.match(line):
            raise Unreadable(_("It is not a calendar that can be read."))
        if part is not None:
            is_begin, name = part[1].upper() == "BEGIN", part[2].upper()
            depth += 1 if is_begin else -1
            events += is_begin and name == "VEVENT"
            if is_begin and name == "VTIMEZONE":
                inside_zone = inside_zone or depth
            if not 0 <= depth <= DEEPEST:
                raise Unreadable(_("Its parts are nested too deeply or not closed."))
            if events > most_rows:
                raise Unreadable(_("It has more than %(most)d rows.") % {"most": most_rows})
        if not inside_zone:
            yield line
        elif depth < inside_zone:
            inside_zone = 0
    if depth:
        raise Unreadable(_("Its parts are nested too deeply or not closed."))


def _cells(event: Event, course_key: str) -> dict[str, Any]:
    when = event.get("DTSTART")
    try:
        found = getattr(when, "dt", None)
    except BrokenCalendarProperty:
        found = "unreadable"
    if event.get("RRULE") is not None:
        return {"repeats": True}
    if isinstance(found, datetime) and found.tzinfo is None and (zone := when.params.get("TZID")):
        return {"zone": str(zone)[:64]}
    return {
        "course_key": str(event.get("X-COURSE-KEY", "") or course_key),
        "external_id": str(event.get("UID", "")),
        "kind": str(event.get("X-KIND", "") or CourseDate.Kind.ASSIGNMENT),
        "title": str(event.get("SUMMARY", "")),
        "when": found if not isinstance(found, datetime) or found.tzinfo else "local",
        "link": str(event.get("URL", "")),
        "username": str(event.get("X-USERNAME", "")),
        "cancelled": "yes" if str(event.get("STATUS", "")).upper() == "CANCELLED" else "",
    }


def _check_text(name: str, text: str) -> None:
    if not isinstance(text, str):
        raise ValueError(_("“%(name)s” is not a text.") % {"name": name})
    longest = LONGEST[name]
    if len(text) > longest:
        raise ValueError(_("“%(name)s” is longer than %(most)d characters.") % {"name": name, "most": longest})
    if any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(_("“%(name)s” holds characters that cannot be shown.") % {"name": name})


def _when(text: str) -> date | datetime:
    try:
        if len(text) == len("2026-03-02"):
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
        if found.tzinfo:
            return found
    except ValueError:
        pass
    raise ValueError(_("Write “when” as a date (2026-03-02) or a time with its offset (2026-03-02T09:30:00+01:00)."))


def _flag(text: object) -> bool:
    if str(text).lower() not in ("", "yes", "no", "true", "false"):
        raise ValueError(_("“cancelled” is yes or no."))
    return str(text).lower() in ("yes", "true")
