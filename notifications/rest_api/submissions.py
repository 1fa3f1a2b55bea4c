"""What learners handed in, told by the learning platform: nobody is reminded of it any more. Read next: notifications/submissions.py."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.rest_api.callers import HasScope, IsCourseOperator
from notifications.rest_api.course_keys import read_course_key
from notifications.rest_api.course_teams import IsTeamOfCourse
from notifications.rest_api.dates import SCOPES
from notifications.rest_api.idempotency import once
from notifications.rest_api.people import PersonSerializer, find_people, name_of
from notifications.rest_api.strict import ExactBooleanField, InstantField, StrictSerializer, read_body
from notifications.submissions import HandedIn, keep_submissions

MOST = 2_000


class SubmissionSerializer(PersonSerializer):
    external_id = serializers.CharField(max_length=191, help_text="Of the date that the work was for.")
    submitted_at = InstantField(required=False, help_text="Now, where it is left out.")
    is_withdrawn = ExactBooleanField(default=False, help_text="True where a submission was taken back: the learner is reminded again.")


class SubmissionsSerializer(StrictSerializer):
    submissions = serializers.ListField(child=SubmissionSerializer(), allow_empty=False, max_length=MOST)
    dry_run = ExactBooleanField(default=False, help_text="Only tell what would be kept, and every row that cannot be taken.")


class SubmissionCountSerializer(StrictSerializer):
    kept = serializers.IntegerField()
    withdrawn = serializers.IntegerField()


EXAMPLE = {"submissions": [{"platform_id": 101, "external_id": "lab3", "submitted_at": "2026-03-02T12:00:00Z"}]}


class SubmissionsView(APIView):
    permission_classes = [HasScope | IsCourseOperator | IsTeamOfCourse]
    scopes = SCOPES

    @extend_schema(
        operation_id="keep_submissions",
        summary="Say who handed in what",
        description="Reminders of it that wait for this learner are cancelled, and none follow. All are taken, up to 2,000, or none.",
        tags=["Courses"],
        request=SubmissionsSerializer,
        responses=SubmissionCountSerializer,
        examples=[
            OpenApiExample("One", value=EXAMPLE, request_only=True),
            OpenApiExample("Kept", value={"kept": 1, "withdrawn": 0}, response_only=True),
        ],
    )
    @once()
    def post(self, request: Request, course_key: str) -> Response:
        course_key, now = read_course_key(course_key), timezone.now()
        body = read_body(request, SubmissionsSerializer)
        with transaction.atomic():
            kept, withdrawn = keep_submissions(course_key, _handed_in(body["submissions"], now), now)
            transaction.set_rollback(body["dry_run"])
        return Response({"kept": kept, "withdrawn": withdrawn})


def _handed_in(rows: list[dict[str, Any]], now: datetime) -> list[HandedIn]:
    found: dict[tuple[int, str], HandedIn] = {}
    bad: dict[str, Any] = {}
    for number, (row, user_id) in enumerate(zip(rows, find_people(rows), strict=True)):
        if user_id is None:
            bad[str(number)] = {name_of(row): [_("Nobody here is called so.")]}
        elif (user_id, row["external_id"]) in found:
            bad[str(number)] = {name_of(row): [_("This person stands twice with this work.")]}
        else:
            at = None if row["is_withdrawn"] else row.get("submitted_at", now)
            found[user_id, row["external_id"]] = HandedIn(user_id, row["external_id"], at)
    if bad:
        raise ValidationError({"submissions": bad})
    return list(found.values())
