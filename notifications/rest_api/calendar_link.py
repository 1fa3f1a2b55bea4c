"""The secret address under which a person's calendar programs read their dates. Read next: notifications/calendar_feed.py."""

from datetime import UTC
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.calendar_feed import CalendarLink, make_link, revoke_link
from notifications.rest_api.authentication import person_id
from notifications.rest_api.idempotency import once
from notifications.rest_api.strict import EmptySerializer, read_body

MADE = "2026-03-02T12:00:00Z"


class CalendarLinkSerializer(serializers.Serializer[Any]):
    created_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True, help_text="Null while there is no address.")


class NewCalendarLinkSerializer(CalendarLinkSerializer):
    address = serializers.URLField(help_text="Told once: we keep a hash. Whoever has it reads the dates.")


class CalendarLinkView(APIView):
    @extend_schema(
        operation_id="get_calendar_link",
        summary="Whether your dates can be read as a calendar",
        tags=["Calendar"],
        responses=CalendarLinkSerializer,
        examples=[OpenApiExample("There is an address", value={"created_at": MADE}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        return Response(CalendarLinkSerializer(_link_of(person_id(request)) or {"created_at": None}).data)

    @extend_schema(
        operation_id="make_calendar_link",
        summary="Make the address of your calendar",
        description="For any program that subscribes to iCalendar: course dates, and the sessions of studies. The address before it ends.",
        tags=["Calendar"],
        request=None,
        responses={201: NewCalendarLinkSerializer},
        examples=[
            OpenApiExample("The address", value={"created_at": MADE, "address": "https://example.org/calendar/….ics"}, response_only=True)
        ],
    )
    @once()
    def post(self, request: Request) -> Response:
        read_body(request, EmptySerializer)
        token = make_link(person_id(request), timezone.now())
        link = _link_of(person_id(request))
        address = settings.SITE_URL + reverse("calendar-feed", args=[token])
        return Response(NewCalendarLinkSerializer({"created_at": link and link.created_at, "address": address}).data, status=201)

    @extend_schema(operation_id="end_calendar_link", summary="End the address of your calendar", tags=["Calendar"], responses={204: None})
    def delete(self, request: Request) -> Response:
        revoke_link(person_id(request))
        return Response(status=204)


def _link_of(user_id: int) -> CalendarLink | None:
    return CalendarLink.objects.filter(user_id=user_id).first()
