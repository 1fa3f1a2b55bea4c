"""One event of a learning platform, read from a line of JSON and checked whole before anything is done. Read next: ingest.py.

The two shapes are those of openedx-events: a notification for named users, and one for a part of a course
(UserNotificationData and CourseNotificationData). Senders are lax about types, so numbers and null are taken as text.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels_ace.api import Refused

USER_EVENT = "org.openedx.learning.user.notification.requested.v1"
COURSE_EVENT = "org.openedx.learning.course.notification.requested.v1"

LONGEST_LINE = 4 * 1024 * 1024
LONGEST_CONTEXT = 64 * 1024
LONGEST_ID = 150
LONGEST_SCOPE = 191
LONGEST_THREAD = 255
MOST_USERS = 10_000
_MOST_FILTER_VALUES = 1000
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Envelope:
    """What a line is known by: the event's id, or the hash of a line that has none, and the fingerprint of its body."""

    event_id: str
    fingerprint: str
    body: Mapping[str, Any]
    # Why the line cannot be read; empty for one that can.
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class PlatformEvent:
    """What a learning platform wants said, and to whom: `user_ids` are the platform's, None stands for the course's filters."""

    app: str
    name: str
    link: str
    course_key: str
    context: Mapping[str, str]
    sender_id: int | None
    user_ids: Sequence[int] | None = None
    filters: Mapping[str, Sequence[str]]

    @property
    def thread(self) -> str:
        """The key of the discussion thread that it is about, as mutes know it; "" where there is none."""
        thread_id = self.context.get("thread_id", "")
        key = f"thread:{self.course_key}|{thread_id}"
        return key if thread_id and len(key) <= LONGEST_THREAD else ""


def open_envelope(line: bytes) -> Envelope:
    """This function will find out which event a line is, whatever else is wrong with it."""
    nameless = hashlib.sha256(line).hexdigest()
    if len(line) > LONGEST_LINE:
        return _unreadable(nameless, "The line is longer than 4 MiB.")
    try:
        body = json.loads(line.decode())
    except UnicodeDecodeError:
        return _unreadable(nameless, "The line is not UTF-8 text.")
    except (ValueError, RecursionError):
        return _unreadable(nameless, "The line is not JSON, or was cut short.")
    if not isinstance(body, dict):
        return _unreadable(nameless, "The line is not a JSON object.")
    said = json.dumps([body.get("type"), body.get("data")], sort_keys=True)
    fingerprint = hashlib.sha256(said.encode()).hexdigest()
    event_id = body.get("id")
    if not isinstance(event_id, str) or not 0 < len(event_id) <= LONGEST_ID or not event_id.isprintable():
        return Envelope(f"line:{nameless[:32]}", fingerprint, body, f"The event has no id of 1 to {LONGEST_ID} printable characters.")
    return Envelope(event_id, fingerprint, body)


def read_event(body: Mapping[str, Any]) -> PlatformEvent:
    """This function will read what an event wants. Raises Refused with what is wrong."""
    kind = body.get("type")
    if kind not in (USER_EVENT, COURSE_EVENT):
        raise Refused("Events of this type are not taken in.")
    is_for_users = kind == USER_EVENT
    data = read_object(read_object(body, "data"), "notification_data" if is_for_users else "course_notification_data")
    context = _context(read_object(data, "context" if is_for_users else "content_context"))
    return PlatformEvent(
        app=read_text(data, "app_name"),
        name=read_text(data, "notification_type"),
        link=read_text(data, "content_url", may_be_empty=True),
        course_key=read_text(data, "course_key", longest=LONGEST_SCOPE),
        sender_id=read_platform_id(context.pop("sender_id", "")),
        context=context,
        user_ids=_user_ids(data.get("user_ids")) if is_for_users else None,
        filters={} if is_for_users else _filters(data.get("audience_filters")),
    )


def _unreadable(nameless: str, problem: str) -> Envelope:
    return Envelope(f"line:{nameless[:32]}", nameless, {}, problem)


def read_object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """This function will give an object that another holds. Raises Refused."""
    value = holder.get(name)
    if not isinstance(value, dict):
        raise Refused(f"{name} is missing or not an object.")
    return value


def read_text(holder: Mapping[str, Any], name: str, *, longest: int = 2000, may_be_empty: bool = False) -> str:
    """This function will give a text that an object holds, which every database can store. Raises Refused."""
    value = holder.get(name)
    if value is None and may_be_empty:
        return ""
    if not isinstance(value, str) or len(value) > longest or not (value or may_be_empty):
        raise Refused(f"{name} is missing, not text or longer than {longest} characters.")
    _refuse_unstorable([value])
    return value


def _context(values: Mapping[str, Any]) -> dict[str, str]:
    if any(isinstance(value, dict | list) for value in values.values()):
        raise Refused("The context holds something that is not text.")
    context = {name: "" if value is None else str(value) for name, value in values.items()}
    _refuse_unstorable([*context, *context.values()])
    if sum(len(name.encode()) + len(value.encode()) for name, value in context.items()) > LONGEST_CONTEXT:
        raise Refused("The context is larger than 64 kB.")
    return context


def _user_ids(values: object) -> list[int]:
    if not isinstance(values, list):
        raise Refused("user_ids is missing or not a list.")
    if len(values) > MOST_USERS:
        raise Refused(f"user_ids names more than {MOST_USERS} users; a course event is for so many.")
    ids = [read_platform_id(value) for value in values]
    if None in ids:
        raise Refused("user_ids holds something that is not a user's number.")
    return sorted({found for found in ids if found is not None})


def _filters(values: object) -> dict[str, list[str]]:
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(wanted, list) for wanted in values.values()):
        raise Refused("audience_filters is not an object of lists.")
    if any(isinstance(value, dict | list | bool | None) for wanted in values.values() for value in wanted):
        raise Refused("audience_filters holds something that is not text.")
    if sum(len(wanted) for wanted in values.values()) > _MOST_FILTER_VALUES:
        raise Refused(f"audience_filters holds more than {_MOST_FILTER_VALUES} values.")
    filters = {name: [str(value) for value in wanted] for name, wanted in values.items()}
    _refuse_unstorable([*filters, *(value for wanted in filters.values() for value in wanted)])
    return filters


def read_platform_id(value: object) -> int | None:
    """This function will give the number by which the platform knows a user, or None for what is none."""
    text = str(value)
    if isinstance(value, bool | float) or not text.isascii() or not text.isdecimal() or len(text) > 19:
        return None
    return int(text) if int(text) <= _LARGEST_ID else None


def _refuse_unstorable(texts: Iterable[str]) -> None:
    """NUL cannot be stored by PostgreSQL, and half a surrogate pair (JSON may hold one) by nobody."""
    for text in texts:
        if "\0" in text:
            raise Refused("A text holds a NUL character.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Refused("A text holds half a character.") from error
