"""Who is in a course, written by the learning platform or an operator: all of it or none. Read next: notifications/memberships.py."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.memberships import KEPT, LEARNER, Place, keep_places, tell_of_enrolment
from notifications.rest_api.callers import HasScope, IsCourseOperator, add_scopes
from notifications.rest_api.course_keys import read_course_key
from notifications.rest_api.course_teams import IsTeamOfCourse, check_roles
from notifications.rest_api.idempotency import once
from notifications.rest_api.people import PersonSerializer, find_people, name_of
from notifications.rest_api.strict import ExactBooleanField, StrictSerializer, read_body

MOST = 2_000
add_scopes({"memberships:write": gettext_lazy("Say who is in a course")})


class MembershipSerializer(PersonSerializer):
    role = serializers.CharField(max_length=32, default=LEARNER)
    mode = serializers.CharField(max_length=32, required=False, allow_blank=True)
    cohort = serializers.CharField(max_length=32, required=False, allow_blank=True)
    team = serializers.CharField(max_length=64, required=False, allow_blank=True)
    is_active = ExactBooleanField(required=False)


class MembershipsSerializer(StrictSerializer):
    memberships = serializers.ListField(child=MembershipSerializer(), allow_empty=False, max_length=MOST)
    course_name = serializers.CharField(max_length=200, required=False, default="", help_text="What learners call the course.")
    tell = ExactBooleanField(default=False, help_text="Whether learners who join or leave by this hear of it.")
    dry_run = ExactBooleanField(default=False, help_text="Only tell what would change, and every row that cannot be taken.")


class KeptSerializer(StrictSerializer):
    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    same = serializers.IntegerField()


EXAMPLE = {
    "course_name": "Network Science 101",
    "memberships": [
        {"platform_id": 101, "mode": "verified", "cohort": "2"},
        {"username": "teacher", "role": "staff"},
        {"platform_id": 102, "is_active": False},
    ],
}


class MembershipsView(APIView):
    permission_classes = [HasScope | IsCourseOperator | IsTeamOfCourse]
    scopes = {"POST": "memberships:write"}

    @extend_schema(
        operation_id="keep_memberships",
        summary="Say who is in a course, and as what",
        description="A person has one membership a role. What is left out of one that exists stays as it is; is_active false ends it. "
        "All are taken, up to 2,000, or none: `errors` names each that cannot be. For a service with `memberships:write`, for "
        "operators who may change course memberships, and for the course's team, who leave roles of the team alone.",
        tags=["Courses"],
        request=MembershipsSerializer,
        responses=KeptSerializer,
        examples=[
            OpenApiExample("Three", value=EXAMPLE, request_only=True),
            OpenApiExample("Kept", value={"new": 2, "changed": 1, "same": 0}, response_only=True),
        ],
    )
    @once()
    def post(self, request: Request, course_key: str) -> Response:
        course_key = read_course_key(course_key)
        body, now = read_body(request, MembershipsSerializer), timezone.now()
        check_roles(request, {row["role"] for row in body["memberships"]})
        with transaction.atomic():
            kept = keep_places(course_key, _places(body["memberships"]), told_at=now)
            if body["tell"]:
                tell_of_enrolment(course_key, body["course_name"], kept, now=now)
            transaction.set_rollback(body["dry_run"])
        return Response({"new": kept.new, "changed": kept.changed, "same": kept.same})


def _places(rows: list[dict[str, Any]]) -> list[Place]:
    """This function will find whom each row means. Raises ValidationError that names every row which means nobody, or stands twice."""
    places: list[Place] = []
    bad: dict[str, Any] = {}
    seen: set[tuple[int, str]] = set()
    for number, (row, user_id) in enumerate(zip(rows, find_people(rows), strict=True)):
        if user_id is None:
            bad[str(number)] = {name_of(row): [_("Nobody here is called so.")]}
        elif (user_id, row["role"]) in seen:
            bad[str(number)] = {name_of(row): [_("This person stands twice with this role.")]}
        else:
            seen.add((user_id, row["role"]))
            places.append(Place(user_id, row["role"], {name: row[name] for name in KEPT if name in row}))
    if bad:
        raise ValidationError({"memberships": bad})
    return places
