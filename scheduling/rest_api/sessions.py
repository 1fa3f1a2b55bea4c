"""What a participant has to do, by local date. Read next: completions.py."""

from collections.abc import Mapping
from datetime import UTC, date
from typing import Any

from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api import CursorField, LocalDateField, Seal, StrictSerializer, read_query
from scheduling.adherence import SessionState
from scheduling.rest_api.access import PEOPLE_AND_SERVICES, SCOPES, find_enrollment
from scheduling.timeline import DatedSession, page_of_sessions

# A page ends with the date on which it has so many sessions.
PAGE_SIZE = 200


class SessionsQuery(StrictSerializer):
    to = LocalDateField(help_text="The day after the last one.")
    cursor = CursorField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["to"] <= attrs["from"]:
            raise ValidationError({"to": [_("This must lie after the first day.")]})
        return attrs


# "from" is a word of Python, so it cannot be a line of the class.
SessionsQuery._declared_fields["from"] = LocalDateField(help_text="The first day, on the participant's own calendar.")


class SessionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Stays the same when times are amended.")
    series = serializers.CharField(source="series_id", help_text="The burst series.")
    burst = serializers.IntegerField()
    day = serializers.IntegerField(help_text="Of the burst, from 1.")
    date = serializers.DateField(help_text="On the participant's own calendar.")
    task = serializers.CharField()
    label = serializers.SerializerMethodField(help_text="In the reader's language.")  # type: ignore[assignment]
    opens_at = serializers.DateTimeField(default_timezone=UTC)
    closes_at = serializers.DateTimeField(default_timezone=UTC, help_text="From here on it is closed.")
    state = serializers.ChoiceField([state.value for state in SessionState])
    is_extension = serializers.BooleanField(help_text="On a day added, because the burst was not completed in time; nobody owes it.")

    def get_label(self, session: DatedSession) -> str:
        return _in_language(session.label, translation.get_language() or "")


class SessionsSerializer(serializers.Serializer[Any]):
    time_zone = serializers.CharField(help_text="The participant's, empty while it is not known.")
    items = SessionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


EXAMPLE = {
    "time_zone": "America/New_York",
    "items": [
        {
            "id": "tapping:1:01:0",
            "series": "activityBurst",
            "burst": 1,
            "day": 1,
            "date": "2026-03-02",
            "task": "tapping",
            "label": "Tapping",
            "opens_at": "2026-03-02T14:00:00Z",
            "closes_at": "2026-03-03T05:00:00Z",
            "state": "unstarted",
            "is_extension": False,
        }
    ],
    "next_cursor": None,
}


class SessionsView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="list_sessions",
        summary="The sessions of an enrollment between two local dates, by pages",
        description="However long the range: a page ends with the date on which it has 200 sessions. "
        "The ids stay when a protocol is amended.",
        tags=["Studies"],
        parameters=[SessionsQuery],
        responses=SessionsSerializer,
        examples=[OpenApiExample("A day", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id)
        query = read_query(request, SessionsQuery)
        seal = Seal(request, "sessions", enrollment=enrollment_id, from_=query["from"], to=query["to"])
        place = seal.open(query.get("cursor"))
        first = date.fromisoformat(place) if place else query["from"]
        page = page_of_sessions(enrollment, first, query["to"], timezone.now(), PAGE_SIZE)
        cursor = seal.close(page.next_date.isoformat() if page.next_date else None)
        return Response(SessionsSerializer({"time_zone": enrollment.time_zone, "items": page.sessions, "next_cursor": cursor}).data)


def _in_language(label: Mapping[str, str], language: str) -> str:
    return label.get(language) or label.get(language.split("-")[0]) or next(iter(label.values()), "")
