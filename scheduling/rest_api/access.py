"""Whose enrollment may be asked about: one's own, or one of a study in which one has a role. Read next: sessions.py."""

from django.db.models import Exists, OuterRef, Q
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from notifications.api import person_id
from studies.api import Enrollment, StudyRole


def find_enrollment(request: Request, public_id: str, *, to_change: bool = False) -> Enrollment:
    """This function will find an enrollment that the caller may see, or change. Raises Http404, and PermissionDenied for a viewer."""
    roles = StudyRole.objects.filter(study=OuterRef("study"), user_id=person_id(request))
    enrollment = get_object_or_404(
        Enrollment.objects.select_related("study", "version"),
        Q(user_id=person_id(request)) | Exists(roles),
        public_id=public_id,
    )
    if to_change and enrollment.user_id != person_id(request):
        may_change = enrollment.study.roles.filter(role__in=[StudyRole.Role.OWNER, StudyRole.Role.COORDINATOR])
        if not may_change.filter(user_id=person_id(request)).exists():
            raise PermissionDenied
    return enrollment
