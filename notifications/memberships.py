"""Who is in a course and as what: the mirror of the learning platform, kept in a few statements. Read next: membership_events.py.

What a change leaves out stays as it was. An older word never wins over a newer one, in whatever order they arrive.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction

from notifications.models import CourseMembership
from notifications.notify import notify

BATCH = 1_000
KEPT = ("mode", "cohort", "team", "is_active")
LEARNER = "learner"


@dataclass(frozen=True)
class Place:
    """One person's place in a course by one role, as far as it is told: `told` holds some of KEPT."""

    user_id: int
    role: str = LEARNER
    told: dict[str, str | bool] = field(default_factory=dict)


@dataclass
class Kept:
    """What became of the places, and who joined and left as learners."""

    new: int = 0
    changed: int = 0
    same: int = 0
    joined: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


def keep_places(course_key: str, places: Sequence[Place], *, told_at: datetime) -> Kept:
    """This function will store places, each (person, role) at most once in them, all or none, and count what became of them."""
    try:
        return _keep_all(course_key, places, told_at)
    except IntegrityError:
        # Another call has made one of these rows in the same moment; now it is found.
        return _keep_all(course_key, places, told_at)


def place_everywhere(course_key: str, user_id: int, told: dict[str, str | bool], *, told_at: datetime) -> Kept:
    """This function will tell something of a person that holds for each of their roles in a course, such as a cohort."""
    roles = CourseMembership.objects.filter(course_key=course_key, user_id=user_id).values_list("role", flat=True)
    return keep_places(course_key, [Place(user_id, role, told) for role in roles or [LEARNER]], told_at=told_at)


def tell_of_enrolment(course_key: str, course_name: str, kept: Kept, *, key: str = "", now: datetime) -> None:
    """This function will tell those who joined or left a course that they did; with a key, once."""
    for change, people in (("joined", kept.joined), ("left", kept.left)):
        if people:
            notify(
                type="other.enrolled",
                audience=people,
                context={"course": course_name or course_key, "course_name": course_name, "change": change},
                scope=course_key,
                idempotency_key=f"{key}:{change}" if key else "",
                now=now,
            )


def _keep_all(course_key: str, places: Sequence[Place], told_at: datetime) -> Kept:
    kept = Kept()
    with transaction.atomic():
        for start in range(0, len(places), BATCH):
            _keep(course_key, places[start : start + BATCH], told_at, kept)
    return kept


def _keep(course_key: str, places: Sequence[Place], told_at: datetime, kept: Kept) -> None:
    stored = _stored(course_key, places)
    made, changed = [], []
    for place in places:
        found = stored.get((place.user_id, place.role))
        if found is None:
            row = CourseMembership(course_key=course_key, user_id=place.user_id, role=place.role, told_at=told_at, **place.told)
            made.append(row)
            kept.new += 1
            _note(row, False, kept)
        elif (found.told_at and found.told_at > told_at) or all(getattr(found, name) == value for name, value in place.told.items()):
            kept.same += 1
        else:
            was_active = found.is_active
            for name, value in place.told.items():
                setattr(found, name, value)
            found.told_at = told_at
            changed.append(found)
            kept.changed += 1
            _note(found, was_active, kept)
    CourseMembership.objects.bulk_create(made)
    CourseMembership.objects.bulk_update(changed, [*KEPT, "told_at"], batch_size=200)


def _stored(course_key: str, places: Iterable[Place]) -> dict[tuple[int, str], CourseMembership]:
    people = {place.user_id for place in places}
    rows = CourseMembership.objects.select_for_update().filter(course_key=course_key, user_id__in=people).order_by("pk")
    return {(row.user_id, row.role): row for row in rows}


def _note(row: CourseMembership, was_active: bool, kept: Kept) -> None:
    if row.role == LEARNER and row.is_active != was_active:
        (kept.joined if row.is_active else kept.left).append(row.user_id)
