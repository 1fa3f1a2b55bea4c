"""Who may do what in a study. Another's study does not exist for you: 404, not 403. Read next: views.py."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from studies.models import Enrollment, Study, StudyRole

Person = AbstractBaseUser | AnonymousUser


def may_research(user: Person) -> bool:
    """This function will tell whether a person sees the study pages at all."""
    if not user.is_authenticated:
        return False
    permitted: bool = getattr(user, "has_perm", lambda _: False)("studies.add_study")
    return permitted or StudyRole.objects.filter(user_id=user.pk).exists()


def takes_part(user: Person) -> bool:
    """This function will tell whether a person is, or was, a participant of any study."""
    return user.is_authenticated and Enrollment.objects.filter(user_id=user.pk).exists()


def may_create(user: Person) -> bool:
    """This function will tell whether a person may create studies."""
    return bool(getattr(user, "has_perm", lambda _: False)("studies.add_study"))


def visible_studies(user: Person) -> QuerySet[Study]:
    """This function will give the studies in which a person has a role."""
    return Study.objects.filter(roles__user_id=user.pk or 0)


def get_study(user: Person, public_id: str, *, to_change: bool = False) -> Study:
    """This function will find a study in which the person has a role (one that may change it, where asked). Raises Http404."""
    roles: dict[str, Any] = {"roles__user_id": user.pk}
    if to_change:
        roles["roles__role__in"] = [StudyRole.Role.OWNER, StudyRole.Role.COORDINATOR]
    return get_object_or_404(Study, public_id=public_id, **roles)


def may_change(user: Person, study: Study) -> bool:
    """This function will tell whether a person may change a study that they see."""
    return study.roles.filter(user_id=user.pk or 0, role__in=[StudyRole.Role.OWNER, StudyRole.Role.COORDINATOR]).exists()


def get_enrollment(study: Study, public_id: str) -> Enrollment:
    """This function will find an enrollment of one study. Raises Http404."""
    return get_object_or_404(study.enrollments.select_related("user", "version__amended_by"), public_id=public_id)
