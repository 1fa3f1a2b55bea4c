"""Lines of a learning platform that must harm nobody: those of the demo, and those too big or too raw to keep in a file."""

import json
from pathlib import Path
from typing import Any

from tests.factories import COURSE

DATA = Path(__file__).parents[2] / "demo" / "data"


def bad_lines() -> list[bytes]:
    """This function will list them all; none may notify anyone."""
    return [
        *(DATA / "bad_events.jsonl").read_bytes().splitlines(),
        user_event("bad-big", context={"replier_name": "lee", "post_title": "x" * 2_000_000}),
        user_event("bad-raw-nul").replace(b"answers", b"ans\0wers"),
        user_event("bad-many", user_ids=list(range(1, 20_000))),
        b"[" * 200_000,
        b'{"id": "bad-number", "data": ' + b"9" * 5000 + b"}",
        user_event("bad-" + "long" * 100),
        user_event("bad-\u202eid"),
        user_event("bad-scope", course_key="course-v1:" + "x" * 200),
    ]


def user_event(event_id: str, **changes: Any) -> bytes:
    """This function will write an event for named users: a good one, but for the changes."""
    said: dict[str, Any] = {
        "user_ids": [101, 102],
        "notification_type": "new_response",
        "app_name": "discussion",
        "course_key": COURSE,
        "content_url": f"https://lms.example.org/courses/{COURSE}/discussion",
        "context": {"course_name": "Network Science 101", "replier_name": "lee", "post_title": "Who answers?"},
    }
    return _event(event_id, "user", {"notification_data": {**said, **changes}})


def course_event(event_id: str, **changes: Any) -> bytes:
    """This function will write an event for a part of a course: a good one, but for the changes."""
    said: dict[str, Any] = {
        "notification_type": "course_updates",
        "app_name": "updates",
        "course_key": COURSE,
        "content_url": "",
        "content_context": {"course_name": "Network Science 101", "course_update_content": "<p>News</p>"},
        "audience_filters": {},
    }
    return _event(event_id, "course", {"course_notification_data": {**said, **changes}})


def _event(event_id: str, kind: str, data: dict[str, Any]) -> bytes:
    event = {"type": f"org.openedx.learning.{kind}.notification.requested.v1", "id": event_id, "time": "2026-03-01T08:00:00Z", "data": data}
    return json.dumps(event, ensure_ascii=False).encode()
