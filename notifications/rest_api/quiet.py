"""When a person wants quiet, and about what. Read next: notifications/resting.py."""

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

from channels_ace.api import Refused
from notifications.rest_api.authentication import person_id
from notifications.rest_api.strict import InstantField, StrictSerializer, WholeNumberField, read_body
from notifications.resting import choose_days, choose_hours, pause, rest_of


class QuietSerializer(StrictSerializer):
    paused_until = InstantField(required=False, allow_null=True, help_text="Until then only what is urgent comes; null: not paused.")
    opens = WholeNumberField(required=False, min_value=0, max_value=23, help_text="Not before this hour of the local day.")
    closes = WholeNumberField(required=False, min_value=1, max_value=24, help_text="Not after this hour of the local day.")
    days = serializers.ListField(
        child=WholeNumberField(min_value=0, max_value=6), required=False, allow_empty=False, help_text="Monday is 0."
    )


EXAMPLE = {"paused_until": None, "opens": 9, "closes": 18, "days": [0, 1, 2, 3, 4]}


class QuietView(APIView):
    @extend_schema(
        operation_id="get_quiet",
        summary="When you want quiet",
        tags=["Preferences"],
        responses=QuietSerializer,
        examples=[OpenApiExample("Office hours", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        return Response(_quiet(person_id(request)))

    @extend_schema(
        operation_id="change_quiet",
        summary="Pause, or narrow the hours and days at which you are reached",
        description="What is left out stays as it is. All of it is saved, or none.",
        tags=["Preferences"],
        request=QuietSerializer,
        responses=QuietSerializer,
        examples=[OpenApiExample("Office hours", value=EXAMPLE)],
    )
    def patch(self, request: Request) -> Response:
        wanted, user_id = read_body(request, QuietSerializer), person_id(request)
        with transaction.atomic():
            _change(user_id, wanted)
        return Response(_quiet(user_id))


def _change(user_id: int, wanted: dict[str, Any]) -> None:
    rest = rest_of(user_id)
    if "paused_until" in wanted:
        try:
            pause(user_id, wanted["paused_until"], now=timezone.now())
        except Refused as error:
            raise ValidationError({"paused_until": [_("Choose a date in the future, within a year.")]}) from error
    if "opens" in wanted or "closes" in wanted:
        try:
            choose_hours(user_id, wanted.get("opens", rest.opens), wanted.get("closes", rest.closes))
        except Refused as error:
            raise ValidationError({"closes": [_("The hours must end after they begin.")]}) from error
    if "days" in wanted:
        choose_days(user_id, sum(1 << day for day in set(wanted["days"])))


def _quiet(user_id: int) -> Any:
    rest = rest_of(user_id)
    days = [day for day in range(7) if rest.days >> day & 1]
    return QuietSerializer({"paused_until": rest.paused_until, "opens": rest.opens, "closes": rest.closes, "days": days}).data
