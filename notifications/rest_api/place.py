"""Where a person is and what they read. Read next: notifications/settings_form.py."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.rest_api.authentication import person_id
from notifications.rest_api.strict import StrictSerializer, read_body
from notifications.settings_form import PLACE, NotSaved, change, place_of

EXAMPLE = {"zone": "Europe/Madrid", "language": "es"}


class PlaceSerializer(StrictSerializer):
    zone = serializers.CharField(max_length=64, required=False, help_text="An IANA time zone; empty while none is known.")
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)


class PlaceView(APIView):
    @extend_schema(
        operation_id="get_place",
        summary="Your time zone and language",
        tags=["Preferences"],
        responses=PlaceSerializer,
        examples=[OpenApiExample("Madrid", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        return Response(place_of(person_id(request)))

    @extend_schema(
        operation_id="change_place",
        summary="Change your time zone or language",
        description="What is left out stays as it is. All of it is saved, or none.",
        tags=["Preferences"],
        request=PlaceSerializer,
        responses=PlaceSerializer,
        examples=[OpenApiExample("Madrid", value=EXAMPLE)],
    )
    def patch(self, request: Request) -> Response:
        body: dict[str, Any] = read_body(request, PlaceSerializer)
        user_id = person_id(request)
        try:
            with transaction.atomic():
                for name in PLACE:
                    if name in body:
                        change(user_id, name, body[name], now=timezone.now())
        except NotSaved as error:
            raise ValidationError({error.field: [str(error)]}) from error
        return Response(place_of(user_id))
