"""Keeping what learners handed in, and sparing them reminders of it. Read next: date_reminders.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from channels_ace.api import Delivery, cancel_waiting
from notifications.course_dates import CourseDate, DateReminder, Submission

BATCH = 500
# What can be handed in; a course starts and ends for those too who have finished.
TO_DO = (CourseDate.Kind.ASSIGNMENT, CourseDate.Kind.ORA_STEP)


@dataclass(frozen=True)
class HandedIn:
    """A learner's work for a date; `at` is None where it was taken back."""

    user_id: int
    external_id: str
    at: datetime | None


def keep_submissions(course_key: str, works: Sequence[HandedIn], now: datetime) -> tuple[int, int]:
    """This function will keep what was handed in and forget what was taken back, and give the numbers of both. All or none."""
    kept = [work for work in works if work.at]
    gone = [work for work in works if not work.at]
    with transaction.atomic():
        Submission.objects.bulk_create(
            [Submission(course_key=course_key, external_id=w.external_id, user_id=w.user_id, submitted_at=w.at or now) for w in kept],
            update_conflicts=True,
            unique_fields=["course_key", "external_id", "user"],
            update_fields=["submitted_at"],
            batch_size=BATCH,
        )
        for start in range(0, len(gone), BATCH):
            _of(course_key, gone[start : start + BATCH]).delete()
        for start in range(0, len(kept), BATCH):
            _spare(course_key, kept[start : start + BATCH], now)
    return len(kept), len(gone)


def _of(course_key: str, works: Sequence[HandedIn]) -> QuerySet[Submission]:
    meant = Q()
    for external_id, some in groupby(sorted(works, key=lambda work: work.external_id), key=lambda work: work.external_id):
        meant |= Q(external_id=external_id, user__in=[work.user_id for work in some])
    return Submission.objects.filter(meant, course_key=course_key)


def _spare(course_key: str, works: Sequence[HandedIn], now: datetime) -> None:
    """What was said of these dates, and still waits for these learners, goes no further."""
    mine = _of(course_key, works).filter(user=OuterRef("user_id"), external_id=OuterRef("about"))
    said = DateReminder.objects.filter(message=OuterRef("message_id"), date__course_key=course_key, date__kind__in=TO_DO)
    about = Subquery(said.values("date__external_id")[:1])
    waiting = Delivery.objects.filter(user__in={work.user_id for work in works}, message__scope=course_key, state__in=Delivery.WAITING)
    cancel_waiting(waiting.alias(about=about).filter(Exists(mine)), now, reason="handed_in")
