"""Who in a course is meant: Open edX's audience filters as one set. Read next: ingest.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from channels_ace.api import Refused
from notifications.models import CourseMembership

# The platform's forum roles by the names that CourseMembership.role holds; every member is a "Student".
FORUM_ROLES = {
    "Administrator": "administrator",
    "Moderator": "moderator",
    "Group Moderator": "group_moderator",
    "Community TA": "community_ta",
    "Student": "learner",
}
_COLUMNS = {"course_roles": "role", "enrollments": "mode", "teams": "team", "cohorts": "cohort"}


def course_audience(
    course_key: str,
    filters: Mapping[str, Sequence[str]],
    *,
    but_not: Mapping[str, Sequence[str]] | None = None,
    except_user_id: int | None = None,
) -> QuerySet[Any]:
    """This function will give the users of a course whom any of the filters means; without filters, all active members.

    Filters add up, as the platform's do: staff and verified means either. A filter with no values means nobody.
    Whom any filter of `but_not` means is left out, whatever else they are in the course.
    Raises Refused for a filter that we do not know: half an audience is the wrong audience.
    """
    members = CourseMembership.objects.filter(_meant(filters), course_key=course_key, is_active=True)
    people: QuerySet[Any] = get_user_model()._default_manager.filter(pk__in=members.values("user"))
    if but_not:
        left_out = CourseMembership.objects.filter(_meant(but_not), course_key=course_key, is_active=True)
        people = people.exclude(pk__in=left_out.values("user"))
    return people if except_user_id is None else people.exclude(pk=except_user_id)


def _meant(filters: Mapping[str, Sequence[str]]) -> Q:
    foreign = sorted(set(filters) - {*_COLUMNS, "discussion_roles"})
    if foreign:
        raise Refused(f"There is no audience filter named {', '.join(foreign)}.")
    meant = Q()
    for name, values in filters.items():
        wanted = [value for value in values if value]
        if name == "discussion_roles":
            meant |= Q(role__in=[FORUM_ROLES.get(value, value) for value in wanted])
        else:
            meant |= Q(**{f"{_COLUMNS[name]}__in": wanted})
    return meant
