"""When a person's summaries of e-mail come. Read next: notifications/digest.py."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.rest_api.authentication import person_id
from notifications.rest_api.strict import StrictSerializer, WholeNumberField, read_body
from notifications.resting import choose_summaries, rest_of, summaries_of

EXAMPLE = {"hour": 17, "weekday": 0}


class SummariesSerializer(StrictSerializer):
    hour = WholeNumberField(required=False, min_value=0, max_value=23, help_text="The hour of the local day.")
    weekday = WholeNumberField(required=False, min_value=0, max_value=6, help_text="Of the weekly one; Monday is 0.")


class SummariesView(APIView):
    @extend_schema(
        operation_id="get_summaries",
        summary="When your daily and weekly summaries come",
        tags=["Preferences"],
        responses=SummariesSerializer,
        examples=[OpenApiExample("At five", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        return Response(_told(person_id(request)))

    @extend_schema(
        operation_id="change_summaries",
        summary="Choose when your daily and weekly summaries come",
        description="What is left out stays as it is. What waits for a summary comes with the next one by the new choice.",
        tags=["Preferences"],
        request=SummariesSerializer,
        responses=SummariesSerializer,
        examples=[OpenApiExample("At five", value=EXAMPLE)],
    )
    def patch(self, request: Request) -> Response:
        body, user_id = read_body(request, SummariesSerializer), person_id(request)
        choose_summaries(user_id, now=timezone.now(), **body)
        return Response(_told(user_id))


def _told(user_id: int) -> dict[str, Any]:
    hour, weekday = summaries_of(rest_of(user_id))
    return {"hour": hour, "weekday": weekday}
