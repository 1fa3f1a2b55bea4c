"""A page of an inbox as the API writes it: one statement for the rows, the words from memory. Read next: inbox.py, rest_api/inbox.py.

To make objects of twenty items takes several times as long as to read them. What a message says never changes, so its part of the
answer is written once a process for all who are told it; a reader's own rows add their times.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from django.db.models import F
from django.utils import timezone

from channels_ace.api import Message, Prepared, Together
from notifications import broadcasts, inbox
from notifications.inbox import LAST, Asked, asked_mark, came_back, of_message, others, words_of
from notifications.links import absolute
from notifications.models import InboxItem, InboxState

# Some five megabytes.
MOST_WRITTEN = 10_000
_written: dict[tuple[str, str, str], dict[tuple[str, str], "Said"]] = {}


class Line(NamedTuple):
    """An item as its row has it, with what its message is known by: ids are given again where a database goes back to an earlier state."""

    message_id: int
    public_id: str
    category: str
    seen_at: datetime | None
    read_at: datetime | None
    archived_at: datetime | None
    snoozed_until: datetime | None


class Lines(NamedTuple):
    """A page, the key to ask on with (None at the end), and the reader's mark of "all read"."""

    found: Sequence[Line]
    next_before: int | None
    read_through: int
    marked_at: datetime | None


class Said(NamedTuple):
    """What a message says in a language, as the begin of a JSON object, and from when on."""

    text: str
    send_after: datetime | None


def lines(user_id: int, now: datetime, *, before: int | None, size: int) -> Lines:
    """This function will give a page of what is here, newest first, and the key to ask on with.

    In one statement, with what was said to everyone and the mark of "all read". What came back from a snooze stands at the top of the first
    page; only whoever has such asks for it.
    """
    since = now - inbox.retention()
    query = _page(size + 1, is_first=before is None)
    asked = (user_id, now, since, before or LAST)
    (read_through, _, _, is_any_waiting, marked_at, is_any_back, _), *rows = query.rows(*asked)
    if is_any_waiting:
        broadcasts.bring_in(user_id, now, since=since)
        (read_through, _, _, _, marked_at, is_any_back, _), *rows = query.rows(*asked)
    above = _BACK.rows(user_id, now, since) if is_any_back else []
    next_before = rows[size - 1][0] if len(rows) > size else None
    return Lines([Line(*row) for row in above + rows[:size]], next_before, read_through, marked_at)


def write(page: Lines, language: str) -> str:
    """This function will write items as a JSON array, each as `shown` of rest_api/inbox.py gives it."""
    found, _, read_through, marked_at = page
    told = _written.setdefault((language, timezone.get_current_timezone_name(), absolute("/")), {})
    missing = [line for line in found if line[1:3] not in told]
    if missing:
        # Whatever their number, by one statement.
        _write_messages(missing, language, told)
    # What was deleted between the two statements is gone.
    shown = (_write(line, part, read_through, marked_at) for line in found if (part := told.get(line[1:3])))
    return f"[{','.join(shown)}]"


def said(message: Message, category: str, words: dict[str, str]) -> dict[str, Any]:
    """This function will give what an item tells whoever reads it."""
    return {
        "id": message.public_id,
        "type": message.type,
        "category": category,
        **words,
        "link": absolute(message.link) or None,
        "course": message.scope if message.scope.startswith("course-v1:") else None,
    }


def _write_messages(missing: Iterable[Line], language: str, told: dict[tuple[str, str], Said]) -> None:
    if len(told) > MOST_WRITTEN:
        told.clear()
    messages = Message.objects.in_bulk([line.message_id for line in missing])
    for line in missing:
        if message := messages.get(line.message_id):
            shown = _json(said(message, line.category, words_of(message, language)))
            told[line[1:3]] = Said(f'{shown[:-1]},"created_at":{_instant(message.created_at)}', message.send_after)


def _write(line: Line, said: Said, read_through: int, marked_at: datetime | None) -> str:
    message_id, _, _, seen_at, read_at, archived_at, snoozed_until = line
    # The mark covers what stood there: not what was hidden then.
    if read_at is None and marked_at and message_id <= read_through and not _is_after(marked_at, snoozed_until, said.send_after):
        seen_at, read_at = seen_at or marked_at, marked_at
    return (
        f'{said.text},"seen_at":{_instant(seen_at)},"read_at":{_instant(read_at)},'
        f'"archived_at":{_instant(archived_at)},"snoozed_until":{_instant(snoozed_until)}}}'
    )


def _is_after(marked_at: datetime, *times: datetime | None) -> bool:
    return any(time is not None and time > marked_at for time in times)


def _json(data: object) -> str:
    """This function will write JSON as the API's renderer does: letters as they are, but for the two that end a line in old scripts."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _instant(at: datetime | None) -> str:
    if at is None:
        return "null"
    text = at.isoformat()
    if not text.endswith("+00:00"):
        text = at.astimezone(UTC).isoformat()
    return f'"{text[:-6]}Z"'


_COLUMNS = Line._fields
_NAMED = {"public_id": of_message(F("public_id"))}


@cache
def _page(number: int, *, is_first: bool) -> Prepared:
    # Whether anything may be back: exactly which, _BACK asks.
    is_back = "CASE WHEN EXISTS({back}) THEN CURRENT_TIMESTAMP END" if is_first else "NULL"

    def build(user_id: int, now: datetime, since: datetime, before: int) -> Together:
        mark = InboxState.objects.filter(user_id=user_id)
        back = InboxItem.objects.filter(user_id=user_id, read_at=None, archived_at=None, snoozed_until__lte=now)
        parts = {"back": back.values("message_id")} if is_first else {}
        return Together(
            f"SELECT COALESCE(({{through}}), 0), '', '', CASE WHEN EXISTS({{waiting}}) THEN CURRENT_TIMESTAMP END, ({{at}}), {is_back}, "  # noqa: S608 - words of our own
            "NULL UNION ALL SELECT * FROM ({rows}) AS page",
            through=mark.values("read_through"),
            waiting=inbox.waiting(user_id, now, since),
            at=mark.values("read_at"),
            **parts,
            rows=others(user_id, now, since, *asked_mark(user_id), before, asked=Asked())
            .annotate(**_NAMED)
            .values_list(*_COLUMNS)[:number],
        )

    return Prepared(build)


_BACK = Prepared(
    lambda user_id, now, since: (
        came_back(user_id, now, since, *asked_mark(user_id), asked=Asked()).annotate(**_NAMED).values_list(*_COLUMNS)
    )
)
