"""The times of sessions by chance, written down for the day on which somebody may be reminded of them. Read next: nudges.py.

A person's times are drawn from their own seed (burst_calendar.py), which no database repeats; a run asks for rows, and finds these
(docs/adr/0016).
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from scheduling.burst_calendar import random_times
from scheduling.models import DrawnTime
from studies.api import SessionReminder, Study

CHUNK = 1_000
# The self-check looks at yesterday's.
KEPT_FOR = timedelta(days=3)


def write_drawn_times(rule: SessionReminder, rows: QuerySet[Any], today: date) -> int:
    """This function will write when the sessions of a rule open today, for those of its rows for whom that is not written, and say for
    how many people.

    Rows have their `session` (nudge_rules.session_of). All times of a day are drawn together, so they are written together.
    """
    if rule.random_times is None:
        return 0
    missing = rows.filter(~Exists(_of_row(today))).order_by()
    people = list(missing.values_list("enrollment_id", "enrollment__public_id", "burst", "burst_start"))
    for start in range(0, len(people), CHUNK):
        drawn = []
        for enrollment_id, seed, burst, burst_start in people[start : start + CHUNK]:
            day = (today - burst_start).days + 1
            for place, at in enumerate(random_times(rule.random_times, today, seed, rule.session_id, burst, day)):
                session_id, minute = f"{rule.session_id}:{burst}:{day:02d}:{place}", at.hour * 60 + at.minute
                drawn.append(DrawnTime(enrollment_id=enrollment_id, session_id=session_id, local_date=today, minute=minute))
        DrawnTime.objects.bulk_create(drawn, ignore_conflicts=True)
    return len(people)


def drawn_minute(today: date) -> Subquery:
    """This function will give the minute of the day at which a row's `session` opens; null while it is not written."""
    return Subquery(_of_row(today).values("minute")[:1])


def draw_anew(study: Study) -> int:
    """This function will forget the times of a study that has another design now, and say how many: the next run writes them."""
    return DrawnTime.objects.filter(enrollment__study=study).delete()[0]


def forget(now: datetime) -> int:
    """This function will forget times that no reminder is about any more, and say how many."""
    return DrawnTime.objects.filter(local_date__lt=(now - KEPT_FOR).date()).delete()[0]


def _of_row(today: date) -> QuerySet[DrawnTime]:
    return DrawnTime.objects.filter(enrollment_id=OuterRef("enrollment_id"), local_date=today, session_id=OuterRef("session"))
