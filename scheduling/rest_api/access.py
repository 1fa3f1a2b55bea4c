"""Whose enrollment may be asked about: one's own, one of a study in which one has a role, for a service any. Read next: sessions.py."""

from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from notifications.api import HasScope, IsPerson, ServiceCaller, add_scopes, person_id
from scheduling.events import Who
from studies.api import Enrollment, Study, StudyRole, get_study, may_change

READ, WRITE, SEND = "studies:read", "studies:write", "studies:send"
add_scopes(
    {
        READ: _("Read studies: participants, their events, sessions and adherence"),
        WRITE: _("Enroll participants of studies, and change them: events, data groups, completions, pause and withdrawal"),
        SEND: _("Send a text to a participant of a study"),
    }
)
# What a view of people and services says: their scopes by method, and who may call.
SCOPES = {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "POST": WRITE, "DELETE": WRITE}
PEOPLE_AND_SERVICES: list[Any] = [IsPerson | HasScope]


def find_enrollment(request: Request, public_id: str, *, to_change: bool = False) -> Enrollment:
    """This function will find an enrollment that the caller may see, or change. Raises Http404, and PermissionDenied for a viewer."""
    enrollments = Enrollment.objects.select_related("study", "version__amended_by")
    if isinstance(request.user, ServiceCaller):
        return get_object_or_404(enrollments, public_id=public_id)
    roles = StudyRole.objects.filter(study=OuterRef("study"), user_id=person_id(request))
    enrollment = get_object_or_404(enrollments, Q(user_id=person_id(request)) | Exists(roles), public_id=public_id)
    if to_change and enrollment.user_id != person_id(request) and not is_staff(request, enrollment):
        raise PermissionDenied
    return enrollment


def find_study(request: Request, public_id: str, *, to_change: bool = False) -> Study:
    """This function will find a study in which the caller has a role; for a service, any.

    Raises Http404, and PermissionDenied for a viewer who wants to change it.
    """
    if isinstance(request.user, ServiceCaller):
        return get_object_or_404(Study, public_id=public_id)
    if not isinstance(request.user.pk, int):
        raise Http404
    study = get_study(request.user, public_id)
    if to_change and not may_change(request.user, study):
        raise PermissionDenied
    return study


def is_staff(request: Request, enrollment: Enrollment) -> bool:
    """This function will tell whether the caller may change the study: an owner, a coordinator, or a service."""
    if isinstance(request.user, ServiceCaller):
        return True
    may_change = [StudyRole.Role.OWNER, StudyRole.Role.COORDINATOR]
    return enrollment.study.roles.filter(user_id=person_id(request), role__in=may_change).exists()


def who_asks(request: Request, enrollment: Enrollment) -> Who:
    """This function will name the caller for the study's record."""
    if isinstance(request.user, ServiceCaller):
        return Who(service=request.user.name, is_staff=True)
    return Who(actor_id=person_id(request), is_staff=is_staff(request, enrollment))
