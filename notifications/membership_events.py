"""What a learning platform tells of its members: joined, left, a role, a cohort, a team, a certificate. Read next: memberships.py.

The shapes are those of openedx-events (EnrollmentData, CourseAccessRoleData, CohortData, CertificateData at 11.2). It has no event for
teams, so that one is ours: {"team": {"user": {"id": 101}, "course_key": "...", "name": "..."}}, with an empty name for nobody's team.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channels_ace.api import Refused
from notifications.memberships import Place, keep_places, place_everywhere, tell_of_enrolment
from notifications.models import PlatformUser
from notifications.notify import notify
from notifications.platform_event import LONGEST_SCOPE, read_object, read_platform_id, read_text

LONGEST = {"role": 32, "mode": 32, "cohort": 32, "team": 64}


@dataclass(frozen=True)
class Told:
    """One event about one person in one course: what it is about, and when that was so."""

    event_id: str
    platform_id: int
    course_key: str
    course_name: str
    about: Mapping[str, Any]
    told_at: datetime


def is_about_member(body: Mapping[str, Any]) -> bool:
    """This function will tell whether an event is about a member of a course."""
    kind = body.get("type")
    return isinstance(kind, str) and kind in _EVENTS


def take_in_member(body: Mapping[str, Any], event_id: str, now: datetime) -> str:
    """This function will keep what an event tells, and say why it came to nothing, or "". Raises Refused for what cannot be read."""
    holder, keep = _EVENTS[str(body["type"])]
    about = read_object(read_object(body, "data"), holder)
    told = _told(about, event_id, _time(body))
    member = PlatformUser.objects.filter(platform_id=told.platform_id).first()
    if member is None:
        return "The user it names is not known here."
    keep(told, member.user_id, now)
    return ""


def _enrolment(told: Told, user_id: int, now: datetime) -> None:
    is_active = _flag(told.about, "is_active")
    place = Place(user_id, told={"mode": _name(told.about, "mode"), "is_active": is_active})
    kept = keep_places(told.course_key, [place], told_at=told.told_at)
    tell_of_enrolment(told.course_key, told.course_name, kept, key=f"platform:{told.event_id}", now=now)


def _role_added(told: Told, user_id: int, now: datetime) -> None:
    keep_places(told.course_key, [Place(user_id, _name(told.about, "role"), {"is_active": True})], told_at=told.told_at)


def _role_removed(told: Told, user_id: int, now: datetime) -> None:
    keep_places(told.course_key, [Place(user_id, _name(told.about, "role"), {"is_active": False})], told_at=told.told_at)


def _cohort(told: Told, user_id: int, now: datetime) -> None:
    place_everywhere(told.course_key, user_id, {"cohort": _name(told.about, "name", "cohort")}, told_at=told.told_at)


def _team(told: Told, user_id: int, now: datetime) -> None:
    place_everywhere(told.course_key, user_id, {"team": _name(told.about, "name", "team")}, told_at=told.told_at)


def _certificate(told: Told, user_id: int, now: datetime) -> None:
    notify(
        type="other.certificate_earned",
        audience=[user_id],
        context={"course": told.course_name or told.course_key, "course_name": told.course_name},
        scope=told.course_key,
        # A certificate that is made anew is the same news.
        idempotency_key=f"certificate:{told.course_key}:{user_id}",
        now=now,
    )


_EVENTS: dict[str, tuple[str, Callable[[Told, int, datetime], None]]] = {
    "org.openedx.learning.course.enrollment.created.v1": ("enrollment", _enrolment),
    "org.openedx.learning.course.enrollment.changed.v1": ("enrollment", _enrolment),
    "org.openedx.learning.course.unenrollment.completed.v1": ("enrollment", _enrolment),
    "org.openedx.learning.user.course_access_role.added.v1": ("course_access_role_data", _role_added),
    "org.openedx.learning.user.course_access_role.removed.v1": ("course_access_role_data", _role_removed),
    "org.openedx.learning.cohort_membership.changed.v1": ("cohort", _cohort),
    "org.openedx.learning.certificate.created.v1": ("certificate", _certificate),
    "carillon.team_membership.changed.v1": ("team", _team),
}


def _told(about: Mapping[str, Any], event_id: str, told_at: datetime) -> Told:
    platform_id = read_platform_id(read_object(about, "user").get("id", ""))
    if platform_id is None:
        raise Refused("user.id is missing or not a user's number.")
    # A role and a team name their course beside the person, all others within an object of its own.
    course = about if "course_key" in about else read_object(about, "course")
    key = read_text(course, "course_key", longest=LONGEST_SCOPE)
    name = read_text(course, "display_name", longest=200, may_be_empty=True)
    return Told(event_id, platform_id, key, name, about, told_at)


def _time(body: Mapping[str, Any]) -> datetime:
    try:
        found = datetime.fromisoformat(read_text(body, "time", longest=40))
    except ValueError as error:
        raise Refused("time is not an instant in ISO 8601.") from error
    if found.tzinfo is None:
        raise Refused("time has no offset.")
    return found


def _name(about: Mapping[str, Any], name: str, column: str = "") -> str:
    column = column or name
    return read_text(about, name, longest=LONGEST[column], may_be_empty=column != "role")


def _flag(about: Mapping[str, Any], name: str) -> bool:
    found = about.get(name)
    if not isinstance(found, bool):
        raise Refused(f"{name} is missing or not true or false.")
    return found
