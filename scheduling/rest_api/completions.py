"""That a session was started, finished or declined. Read next: scheduling/completions.py."""

import json
from datetime import UTC
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api import ExactBooleanField, InstantField, Problem, StrictSerializer, read_body
from scheduling.completions import NotAcceptable, complete
from scheduling.rest_api.access import PEOPLE_AND_SERVICES, SCOPES, find_enrollment
from scheduling.timeline import UnknownSession

MOST_CLIENT_DATA = 16_384


class ClientDataField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValidationError(_("This must be an object."))
        if len(json.dumps(data)) > MOST_CLIENT_DATA:
            raise ValidationError(_("This is larger than %(most)d bytes.") % {"most": MOST_CLIENT_DATA})
        return data


class ReportSerializer(StrictSerializer):
    started_at = InstantField(required=False, allow_null=True, default=None)
    finished_at = InstantField(required=False, allow_null=True, default=None)
    declined = ExactBooleanField(required=False, default=False)
    client_data = ClientDataField(required=False, default=dict, help_text=f"An object of the app's own, up to {MOST_CLIENT_DATA} bytes.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        started_at, finished_at, declined = attrs["started_at"], attrs["finished_at"], attrs["declined"]
        if not (started_at or finished_at or declined):
            raise ValidationError(_("Say when it was started or finished, or that it was declined."))
        if declined and finished_at:
            raise ValidationError({"declined": [_("A session is either finished or declined.")]})
        if started_at and finished_at and finished_at < started_at:
            raise ValidationError({"finished_at": [_("This lies before the start.")]})
        return attrs


class CompletionSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField()
    burst = serializers.IntegerField()
    day = serializers.IntegerField()
    started_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    finished_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    declined = serializers.BooleanField()
    client_data = serializers.DictField()
    recorded_at = serializers.DateTimeField(default_timezone=UTC)


REPORT = {
    "started_at": "2026-03-02T09:30:00-05:00",
    "finished_at": "2026-03-02T09:34:10-05:00",
    "client_data": {"app": "2.1.0"},
}
ANSWER = {
    "session_id": "tapping:1:01:0",
    "burst": 1,
    "day": 1,
    "started_at": "2026-03-02T14:30:00Z",
    "finished_at": "2026-03-02T14:34:10Z",
    "declined": False,
    "client_data": {"app": "2.1.0"},
    "recorded_at": "2026-03-02T14:34:12Z",
}


class CompletionView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="complete_session",
        summary="Report what was done about a session",
        description="Said twice it changes nothing: the first answer is 201, every further one 200. 409: the session has not opened yet.",
        tags=["Studies"],
        request=ReportSerializer,
        responses={201: CompletionSerializer, 200: OpenApiResponse(CompletionSerializer, description="It was reported before.")},
        examples=[
            OpenApiExample("Finished", value=REPORT, request_only=True),
            OpenApiExample("Recorded", value=ANSWER, response_only=True),
        ],
    )
    def post(self, request: Request, enrollment_id: str, session_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id, to_change=True)
        report = read_body(request, ReportSerializer)
        now = timezone.now()
        try:
            completion = complete(enrollment, session_id, now=now, **report)
        except UnknownSession as error:
            raise Http404 from error
        except NotAcceptable as error:
            raise Problem(409, str(_("This cannot be recorded now")), str(error)) from error
        # The row keeps the time of the first report.
        return Response(CompletionSerializer(completion).data, status=201 if completion.recorded_at == now else 200)
