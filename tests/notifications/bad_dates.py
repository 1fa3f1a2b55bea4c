"""Files of course dates that must be refused, each for one thing that is wrong with it."""

HEAD = "course_key,external_id,kind,title,when,link,username,cancelled"


def line(**cells: str) -> bytes:
    """This function will write a file of one date, right but for the cells that are given."""
    right = {"course_key": "course-v1:X", "external_id": "a1", "kind": "assignment", "title": "Lab", "when": "2026-07-01T12:00:00+02:00"}
    return f"{HEAD}\n{','.join((right | cells).get(name, '') for name in HEAD.split(','))}\n".encode()


def event(*lines: str) -> bytes:
    """This function will write a calendar of one event."""
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


FILES = [
    b"",
    b"   \n\n",
    b"\xff\xfe\x00",
    b"caf\xe9",
    HEAD.encode(),
    b"\x00" + line(),
    b"title;when\nLab;2026-07-01\n",
    b"course_key,course_key\nx,y\n",
    b'course_key,title\n"open,Lab\n',
    b"x" * 4_001,
    b"BEGIN:VCALENDAR\nEND:VCALENDAR\n",
    b"BEGIN:VCALENDAR\n",
    b"BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR\n",
    b"BEGIN:VCALENDAR\n" * 9 + b"END:VCALENDAR\n" * 9,
]
ROWS = [
    event("DTSTART:never", "UID:1", "SUMMARY:Lab"),
    line(course_key=""),
    line(external_id=""),
    line(title=""),
    line(when=""),
    line(kind="party"),
    line(kind="Assignment"),
    line(when="2026-07-01T12:00:00"),
    line(when="2026-02-30"),
    line(when="01/07/2026"),
    line(when="2026-13-01T00:00:00Z"),
    line(when="0001-01-01"),
    line(when="9999-12-31T23:59:59-12:00"),
    line(title="x" * 201),
    line(course_key="x" * 192),
    line(external_id="x" * 192),
    line(link="javascript:alert(1)"),
    line(link="https://evil.example/"),
    line(link="//evil.example/"),
    line(username="nobody"),
    line(cancelled="perhaps"),
    line(title="bell\x07"),
    line() + line().split(b"\n", 1)[1],
    f"{HEAD}\nonly,three,cells\n".encode(),
    event("UID:1", "SUMMARY:Lab"),
    event("DTSTART:20260701T120000", "UID:1", "SUMMARY:Lab"),
    event("DTSTART:20260701T120000Z", "SUMMARY:Lab"),
    event("DTSTART:20260701T120000Z", "UID:1"),
    event("DTSTART:20260701T120000Z", "UID:1", "SUMMARY:Lab", "RRULE:FREQ=DAILY;COUNT=1000000"),
    event("DTSTART:20260701T120000Z", "UID:1", "SUMMARY:Lab", "X-KIND:party"),
]
