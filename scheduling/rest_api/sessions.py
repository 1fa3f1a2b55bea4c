"""What a participant has to do, by local date. Read next: completions.py."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api import LocalDateField, StrictSerializer, read_query
from scheduling.adherence import SessionState
from scheduling.rest_api.access import find_enrollment
from scheduling.timeline import DatedSession, sessions_of

MOST_DAYS = 92


class SessionsQuery(StrictSerializer):
    to = LocalDateField(help_text=f"The day after the last one, at most {MOST_DAYS} days after `from`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        days = attrs["to"] - attrs["from"]
        if days <= timedelta(0):
            raise ValidationError({"to": [_("This must lie after the first day.")]})
        if days > timedelta(days=MOST_DAYS):
            raise ValidationError({"to": [_("Ask for at most %(most)d days at a time.") % {"most": MOST_DAYS}]})
        return attrs


# "from" is a word of Python, so it cannot be a line of the class.
SessionsQuery._declared_fields["from"] = LocalDateField(help_text="The first day, on the participant's own calendar.")


class SessionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Stays the same when times are amended.")
    burst = serializers.IntegerField()
    day = serializers.IntegerField(help_text="Of the burst, from 1.")
    date = serializers.DateField(help_text="On the participant's own calendar.")
    task = serializers.CharField()
    label = serializers.SerializerMethodField(help_text="In the reader's language.")  # type: ignore[assignment]
    opens_at = serializers.DateTimeField(default_timezone=UTC)
    closes_at = serializers.DateTimeField(default_timezone=UTC, help_text="From here on it is closed.")
    state = serializers.ChoiceField([state.value for state in SessionState])

    def get_label(self, session: DatedSession) -> str:
        return _in_language(session.label, translation.get_language() or "")


class SessionsSerializer(serializers.Serializer[Any]):
    time_zone = serializers.CharField(help_text="The participant's, empty while it is not known.")
    items = SessionSerializer(many=True)


EXAMPLE = {
    "time_zone": "America/New_York",
    "items": [
        {
            "id": "tapping:1:01:0",
            "burst": 1,
            "day": 1,
            "date": "2026-03-02",
            "task": "tapping",
            "label": "Tapping",
            "opens_at": "2026-03-02T14:00:00Z",
            "closes_at": "2026-03-03T05:00:00Z",
            "state": "open",
        }
    ],
}


class SessionsView(APIView):
    @extend_schema(
        operation_id="list_sessions",
        summary="The sessions of an enrollment between two local dates",
        tags=["Studies"],
        parameters=[SessionsQuery],
        responses=SessionsSerializer,
        examples=[OpenApiExample("A day", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id)
        query = read_query(request, SessionsQuery)
        items = sessions_of(enrollment, query["from"], query["to"], timezone.now())
        return Response(SessionsSerializer({"time_zone": enrollment.time_zone, "items": items}).data)


def _in_language(label: Mapping[str, str], language: str) -> str:
    return label.get(language) or label.get(language.split("-")[0]) or next(iter(label.values()), "")
