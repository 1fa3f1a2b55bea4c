"""The dated facts that a participant's bursts count from, and who changed them when and why. Read next: scheduling/events.py."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api import LocalDateField, Problem, StrictSerializer, read_body, read_query
from scheduling.events import DatedEvent, NotChangeable, UnknownEvent, events_of, history_of, restore_event, set_event
from scheduling.models import ActivityEvent
from scheduling.rest_api.access import PEOPLE_AND_SERVICES, SCOPES, find_enrollment, who_asks
from studies.api import Enrollment


class WhyField(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, default="", allow_blank=True, max_length=300, help_text="Kept with the change.", **options)


class EventBody(StrictSerializer):
    date = LocalDateField(help_text="On the participant's own calendar.")
    why = WhyField()


class WhyQuery(StrictSerializer):
    why = WhyField()


class WhyBody(StrictSerializer):
    why = WhyField()


class EventSerializer(serializers.Serializer[Any]):
    event_id = serializers.CharField()
    date = serializers.DateField(allow_null=True, help_text="On the participant's own calendar; null while it has none.")
    state = serializers.ChoiceField(["generated", "set", "removed", "unset"])
    update_type = serializers.ChoiceField(
        ["mutable", "immutable", "future_only"],
        source="update",
        help_text="immutable: set once. future_only: to a later date only. Both: never removed.",
    )


class EventsSerializer(serializers.Serializer[Any]):
    items = EventSerializer(many=True)


class ChangeSerializer(serializers.Serializer[ActivityEvent]):
    change = serializers.ChoiceField(ActivityEvent.Change.choices)
    date = serializers.DateField(allow_null=True)
    at = serializers.DateTimeField(default_timezone=UTC)
    who = serializers.SerializerMethodField(help_text="A user name, or the name of a service's token; empty for the product itself.")
    why = serializers.CharField()

    def get_who(self, change: ActivityEvent) -> str:
        return change.actor.get_username() if change.actor else change.service


class HistorySerializer(serializers.Serializer[Any]):
    items = ChangeSerializer(many=True)


EXAMPLE = {"event_id": "custom:activityBurst2Start", "date": "2026-03-13", "state": "generated", "update_type": "mutable"}
REFUSED = OpenApiResponse(description="The event may not become that, by its update type or because something was done in its burst.")


class EventsView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="list_events",
        summary="The activity events of an enrollment, by date",
        tags=["Studies"],
        responses=EventsSerializer,
        examples=[OpenApiExample("One", value={"items": [EXAMPLE]}, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id)
        return Response(EventsSerializer({"items": events_of(enrollment)}).data)


class EventView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="set_event",
        summary="Date an activity event",
        description="What counts from it follows, save what somebody dated and bursts in which something was done. Said twice it changes "
        "nothing. The date of `enrollment` is corrected by the study's staff alone.",
        tags=["Studies"],
        request=EventBody,
        responses={200: EventSerializer, 409: REFUSED},
        examples=[OpenApiExample("Moved", value={"date": "2026-03-20", "why": "On holiday"}, request_only=True)],
    )
    def put(self, request: Request, enrollment_id: str, event_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id, to_change=True)
        said = read_body(request, EventBody)
        who = who_asks(request, enrollment)
        return _answer(
            enrollment, event_id, lambda: set_event(enrollment, event_id, said["date"], now=timezone.now(), who=who, why=said["why"])
        )

    @extend_schema(
        operation_id="remove_event",
        summary="Remove an activity event",
        description="It stays removed, whatever becomes of its origin, until it is restored or dated.",
        tags=["Studies"],
        parameters=[WhyQuery],
        responses={200: EventSerializer, 409: REFUSED},
    )
    def delete(self, request: Request, enrollment_id: str, event_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id, to_change=True)
        why = read_query(request, WhyQuery)["why"]
        who = who_asks(request, enrollment)
        return _answer(enrollment, event_id, lambda: set_event(enrollment, event_id, None, now=timezone.now(), who=who, why=why))


class RestorationView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="restore_event",
        summary="Let the protocol date an activity event again",
        tags=["Studies"],
        request=WhyBody,
        responses={200: EventSerializer, 409: REFUSED},
    )
    def post(self, request: Request, enrollment_id: str, event_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id, to_change=True)
        why = read_body(request, WhyBody)["why"]
        who = who_asks(request, enrollment)
        return _answer(enrollment, event_id, lambda: restore_event(enrollment, event_id, now=timezone.now(), who=who, why=why))


class HistoryView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="list_event_history",
        summary="Who changed an activity event, when and why, newest first",
        tags=["Studies"],
        responses=HistorySerializer,
    )
    def get(self, request: Request, enrollment_id: str, event_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id)
        try:
            items = history_of(enrollment, event_id)
        except UnknownEvent as error:
            raise Http404 from error
        return Response(HistorySerializer({"items": items}).data)


def _answer(enrollment: Enrollment, event_id: str, change: Callable[[], bool]) -> Response:
    if enrollment.state == Enrollment.State.WITHDRAWN:
        raise Problem(409, _("This cannot be changed now"), _("They are no longer in this study."))
    try:
        change()
    except UnknownEvent as error:
        raise Http404 from error
    except NotChangeable as error:
        raise Problem(409, _("This event cannot become that"), str(error)) from error
    shown: DatedEvent = next(event for event in events_of(enrollment) if event.event_id == event_id)
    return Response(EventSerializer(shown).data)
