"""The team of a course as a caller: for its own course what another service may do there. Read next: callers.py, dates.py, messages.py."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from notifications.models import CourseMembership, ServiceMessage
from notifications.notification_types import STAFF
from notifications.registry import Category, find
from notifications.rest_api.callers import ServiceCaller, caller_key

# Whose courses a team's messages are of, stands in their scope; who of the team sent one, in its service.
_BY_PERSON = "person:"


class IsTeamOfCourse(BasePermission):
    """A member of the team of the course in the address; the course of another team is not there for them."""

    def has_permission(self, request: Request, view: Any) -> bool:
        courses = set(team_courses(request))
        if courses and view.kwargs["course_key"] not in courses:
            raise Http404
        return bool(courses)


class IsInSomeTeam(BasePermission):
    """A member of the team of any course."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return team_courses(request).exists()


def team_courses(request: Request) -> QuerySet[CourseMembership, str]:
    """This function will give the keys of the courses in whose team the caller is: none for a service or a visitor."""
    caller: Any = request.user
    mine = CourseMembership.objects.filter(user=caller.pk, role__in=STAFF, is_active=True)
    return (mine if caller.pk else mine.none()).values_list("course_key", flat=True)


def sent_by(request: Request) -> QuerySet[ServiceMessage]:
    """This function will give the messages that the service who calls sent, or the teams of the caller's courses."""
    caller: Any = request.user
    if isinstance(caller, ServiceCaller):
        return ServiceMessage.objects.filter(service=caller.name)
    return ServiceMessage.objects.filter(service__startswith=_BY_PERSON, scope__in=team_courses(request))


def sender_of(request: Request) -> str:
    """This function will name who sends: a service by its name, somebody of a course's team by their account."""
    caller: Any = request.user
    return caller.name if isinstance(caller, ServiceCaller) else caller_key(request)


def check_reach(request: Request, body: dict[str, Any]) -> None:
    """This function will let a team write to its own course and of nothing else, and write the course into `scope`.

    Raises PermissionDenied. A service may write to whom it likes.
    """
    if isinstance(request.user, ServiceCaller):
        return
    course = body["audience"].get("course", {}).get("key")
    if course is None or course not in team_courses(request):
        raise PermissionDenied(_("The team of a course writes to the people of that course, named as its audience."))
    if body.setdefault("scope", course) != course:
        raise PermissionDenied(_("What the team of a course writes is about that course."))
    if "type" in body and _category(body["type"]) == Category.STUDY:
        raise PermissionDenied(_("What studies say is not for the team of a course."))


def check_roles(request: Request, roles: set[str]) -> None:
    """This function will leave it to the platform and to operators who is in a team. Raises PermissionDenied."""
    caller: Any = request.user
    is_operator = caller.pk and caller.has_perm("carillon_notifications.change_coursemembership") and caller.is_staff
    if not isinstance(caller, ServiceCaller) and not is_operator and roles & STAFF:
        raise PermissionDenied(_("Who is in the team of a course is said by the learning platform and by operators."))


def _category(type_name: str) -> str:
    try:
        return find(type_name).category
    except (LookupError, TypeError, ValueError):
        # Nobody knows it: the call is refused for that.
        return ""
