"""What is due in the demo's course, and one learner's own later date. Read next: world.py."""

from datetime import UTC, date, datetime, time, timedelta

from demo.people import COURSE
from notifications.api import DateRow, import_dates

LINK = f"https://lms.example.org/courses/{COURSE}/course"
# By external id: days from today, kind, title, whose own.
DATES = (
    ("course-starts", -42, "course_starts", "Network Science 101", ""),
    ("lab3", 3, "assignment", "Lab 3", ""),
    ("lab3", 5, "assignment", "Lab 3", "learner"),
    ("essay-peers", 9, "ora_step", "Essay: small worlds", ""),
    ("upgrade", 12, "upgrade", "Network Science 101", ""),
    ("lab4", 17, "assignment", "Lab 4", ""),
    ("course-ends", 40, "course_ends", "Network Science 101", ""),
    ("certificates", 54, "certificate", "Network Science 101", ""),
)


def make_dates(today: date, now: datetime) -> None:
    """This function will store the dates of the course; stored again they move with today."""
    rows = [
        DateRow(
            number=number,
            course_key=COURSE,
            external_id=external_id,
            kind=kind,
            title=title,
            link=LINK,
            at=datetime.combine(today + timedelta(days=days), time(22), tzinfo=UTC),
            username=username,
        )
        for number, (external_id, days, kind, title, username) in enumerate(DATES)
    ]
    import_dates(rows, now)
