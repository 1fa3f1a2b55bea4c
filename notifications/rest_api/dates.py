"""The dates of a course, kept by the learning platform or an operator: all of a call or none. Read next: notifications/date_import.py."""

from typing import Any

from django.db import IntegrityError
from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.course_dates import CourseDate
from notifications.date_import import BadDates, BadRow, Row, import_dates
from notifications.date_rows import to_row
from notifications.rest_api.callers import HasScope, IsCourseOperator, add_scopes
from notifications.rest_api.course_keys import read_course_key
from notifications.rest_api.course_teams import IsTeamOfCourse
from notifications.rest_api.cursors import CursorField, Seal
from notifications.rest_api.date_files import MOST_BYTES, MOST_ROWS, CalendarParser, CSVParser, read_file
from notifications.rest_api.idempotency import once
from notifications.rest_api.parsing import StrictJSONParser
from notifications.rest_api.problems import Problem
from notifications.rest_api.strict import ExactBooleanField, FlagField, InstantField, StrictSerializer, read_body, read_query

MOST = 1_000
PAGE_SIZE = 100
add_scopes({"dates:read": gettext_lazy("Read the dates of courses"), "dates:write": gettext_lazy("Change the dates of courses")})
SCOPES = {"GET": "dates:read", "POST": "dates:write", "DELETE": "dates:write"}


class DateSerializer(StrictSerializer):
    external_id = serializers.CharField(max_length=191, help_text="By which the platform knows it; the same again changes the date.")
    kind = serializers.ChoiceField(CourseDate.Kind.choices, default=CourseDate.Kind.ASSIGNMENT)
    title = serializers.CharField(max_length=200)
    when = serializers.CharField(max_length=40, help_text="A time with its offset, or a date that ends with each learner's own day.")
    link = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    username = serializers.CharField(
        max_length=150, required=False, allow_blank=True, default="", help_text="Whose own date it is, in place of the course's."
    )
    is_cancelled = ExactBooleanField(default=False)


class DatesSerializer(StrictSerializer):
    dates = serializers.ListField(child=DateSerializer(), allow_empty=False, max_length=MOST)
    dry_run = ExactBooleanField(default=False, help_text="Only tell what would change, and every row that cannot be taken.")


class ShownDateSerializer(DateSerializer):
    times_moved = serializers.IntegerField()
    changed_at = InstantField()


class DatesPageSerializer(StrictSerializer):
    dates = ShownDateSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class DatesCountSerializer(StrictSerializer):
    new = serializers.IntegerField()
    moved = serializers.IntegerField()
    changed = serializers.IntegerField()
    same = serializers.IntegerField()


class DatesQuery(StrictSerializer):
    cursor = CursorField()


class KeepQuery(StrictSerializer):
    dry_run = FlagField(required=False, default=False, help_text="As in a JSON body, for files too.")


class OwnDateQuery(StrictSerializer):
    username = serializers.CharField(max_length=150, required=False, default="", help_text="Whose own date; without it the course's.")


EXAMPLE = {
    "external_id": "block-v1:DemoX+NS101+2026+type@sequential+block@lab3",
    "kind": "assignment",
    "title": "Lab 3",
    "when": "2026-03-09T22:00:00+00:00",
    "link": "https://lms.example.org/courses/course-v1:DemoX+NS101+2026/course",
    "username": "",
    "is_cancelled": False,
}
CSV_EXAMPLE = "external_id,kind,title,when\nlab3,assignment,Lab 3,2026-03-09T22:00:00+00:00\n"
CALENDAR_EXAMPLE = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:lab3\r\nSUMMARY:Lab 3\r\nDTSTART:20260309T220000Z\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)
SHOWN = {**EXAMPLE, "times_moved": 1, "changed_at": "2026-03-02T12:00:00Z"}


class DatesView(APIView):
    permission_classes = [HasScope | IsCourseOperator | IsTeamOfCourse]
    parser_classes = [StrictJSONParser, CSVParser, CalendarParser]
    scopes = SCOPES

    @extend_schema(
        operation_id="list_course_dates",
        summary="One page of a course's dates, the learners' own with them",
        tags=["Courses"],
        parameters=[DatesQuery],
        responses=DatesPageSerializer,
        examples=[OpenApiExample("A page", value={"dates": [SHOWN], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request, course_key: str) -> Response:
        course_key = read_course_key(course_key)
        seal = Seal(request, "course dates", course=course_key)
        after = seal.open(read_query(request, DatesQuery).get("cursor")) or 0
        found = CourseDate.objects.filter(course_key=course_key, pk__gt=after).select_related("user").order_by("pk")
        page = list(found[: PAGE_SIZE + 1])
        goes_on = len(page) > PAGE_SIZE
        shown = [_shown(one) for one in page[:PAGE_SIZE]]
        return Response({"dates": shown, "next_cursor": seal.close(page[PAGE_SIZE - 1].pk if goes_on else None)})

    @extend_schema(
        operation_id="keep_course_dates",
        summary="Say when things of a course are due",
        description="A date that is known by its external_id is changed. When it moves, whoever was told of the earlier time hears of it. "
        "All are taken, up to 1,000, or none: `errors` names each that cannot be. A file holds up to "
        f"{MOST_ROWS:,} in {MOST_BYTES:,} bytes: CSV with a first line that names its columns (external_id, kind, title, when, link, "
        "username, cancelled), or iCalendar. What is wrong with it is told by line (`/lines/7`) or event (`/events/2`).",
        tags=["Courses"],
        parameters=[KeepQuery],
        request={
            "application/json": DatesSerializer,
            "text/csv": {"type": "string", "maxLength": MOST_BYTES},
            "text/calendar": {"type": "string", "maxLength": MOST_BYTES},
        },
        responses=DatesCountSerializer,
        examples=[
            OpenApiExample("One", value={"dates": [EXAMPLE]}, request_only=True, media_type="application/json"),
            OpenApiExample("A table", value=CSV_EXAMPLE, request_only=True, media_type="text/csv"),
            OpenApiExample("A calendar", value=CALENDAR_EXAMPLE, request_only=True, media_type="text/calendar"),
            OpenApiExample("Kept", value={"new": 1, "moved": 0, "changed": 0, "same": 0}, response_only=True),
        ],
    )
    @once()
    def post(self, request: Request, course_key: str) -> Response:
        course_key = read_course_key(course_key)
        is_dry = read_query(request, KeepQuery)["dry_run"]
        data: Any = request.data
        if isinstance(data, bytes):
            place, rows, bad = read_file(course_key, data)
        else:
            body = read_body(request, DatesSerializer)
            place, is_dry = "dates", is_dry or body["dry_run"]
            rows, bad = _rows(course_key, body["dates"])
        return Response(_keep(place, rows, bad, dry_run=is_dry))


class DateView(APIView):
    permission_classes = [HasScope | IsCourseOperator | IsTeamOfCourse]
    scopes = SCOPES

    @extend_schema(
        operation_id="cancel_course_date",
        summary="Take a date back: nobody is reminded of it any more",
        description="It stays in the list as cancelled, so that calendars which hold it learn of it.",
        tags=["Courses"],
        parameters=[OwnDateQuery],
        responses={204: None},
    )
    def delete(self, request: Request, course_key: str, external_id: str) -> Response:
        owner = Q(user__username=name) if (name := read_query(request, OwnDateQuery)["username"]) else Q(user=None)
        known = CourseDate.objects.filter(owner, course_key=read_course_key(course_key), external_id=external_id).first()
        if known is None:
            raise Http404
        now = timezone.now()
        CourseDate.objects.filter(pk=known.pk, cancelled_at=None).update(cancelled_at=now, changed_at=now)
        return Response(status=204)


def _rows(course_key: str, dates: list[dict[str, Any]]) -> tuple[list[Row], list[BadRow]]:
    rows, bad = [], []
    for number, date in enumerate(dates):
        try:
            cells = {**date, "course_key": course_key, "cancelled": "yes" if date["is_cancelled"] else ""}
            rows.append(to_row(number, cells))
        except ValueError as error:
            bad.append(BadRow(number, str(error)))
    return rows, bad


def _keep(place: str, rows: list[Row], bad: list[BadRow], *, dry_run: bool) -> dict[str, int]:
    try:
        return vars(import_dates(rows, timezone.now(), bad=bad, dry_run=dry_run))
    except BadDates as error:
        raise ValidationError({place: {str(row.number): [row.reason] for row in error.rows}}) from error
    except IntegrityError as error:
        raise Problem(409, _("The same dates are being written"), _("Nothing was written. Ask again in a moment.")) from error


def _shown(date: CourseDate) -> dict[str, Any]:
    when = date.at or date.on
    return {
        "external_id": date.external_id,
        "kind": date.kind,
        "title": date.title,
        "when": when.isoformat() if when else "",
        "link": date.link,
        "username": date.user.get_username() if date.user else "",
        "is_cancelled": date.cancelled_at is not None,
        "times_moved": date.sequence,
        "changed_at": date.changed_at,
    }
