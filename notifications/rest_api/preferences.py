"""The matrix of switches, and one switch. Read next: notifications/preferences.py."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.preferences import Cell, Section, choose, matrix
from notifications.rest_api.authentication import person_id
from notifications.rest_api.problems import Problem
from notifications.rest_api.strict import ExactBooleanField, StrictSerializer, read_body


class CellSerializer(serializers.Serializer[Any]):
    channel = serializers.CharField()
    is_on = serializers.BooleanField()
    is_locked = serializers.BooleanField(help_text="Nobody can change this switch.")
    exists = serializers.BooleanField(help_text="False: nothing of this row goes out by this channel.")


class RowSerializer(serializers.Serializer[Any]):
    scope = serializers.CharField(help_text="A type, or the category itself.")
    label = serializers.CharField()  # type: ignore[assignment]
    hint = serializers.CharField()
    cells = CellSerializer(many=True)
    elsewhere = serializers.ListField(
        child=serializers.CharField(), help_text="What is otherwise about courses of other brands, in words for the reader."
    )


class SectionSerializer(serializers.Serializer[Any]):
    category = serializers.CharField()
    row = RowSerializer(help_text="The switches of the whole category.")
    rows = RowSerializer(many=True)


class PreferencesSerializer(serializers.Serializer[Any]):
    sections = SectionSerializer(many=True)


class ChoiceSerializer(StrictSerializer):
    is_on = ExactBooleanField()


CELL = {"channel": "email", "is_on": False, "is_locked": False, "exists": True}
EXAMPLE = {
    "sections": [
        {
            "category": "discussion",
            "row": {"scope": "discussion", "label": "Discussion", "hint": "", "cells": [CELL], "elsewhere": []},
            "rows": [
                {
                    "scope": "discussion.new_response",
                    "label": "New responses",
                    "hint": "To posts that you follow.",
                    "cells": [CELL],
                    "elsewhere": [],
                }
            ],
        }
    ]
}


class PreferencesView(APIView):
    @extend_schema(
        operation_id="list_preferences",
        summary="Every switch, as it stands",
        tags=["Preferences"],
        responses=PreferencesSerializer,
        examples=[OpenApiExample("The matrix", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        return Response(PreferencesSerializer({"sections": matrix(person_id(request))}).data)


class PreferenceView(APIView):
    @extend_schema(
        operation_id="choose_preference",
        summary="Turn a channel on or off, for a type or a whole category",
        description="Answers 409 for a switch that is locked.",
        tags=["Preferences"],
        request=ChoiceSerializer,
        responses=CellSerializer,
        examples=[
            OpenApiExample("Turn off", value={"is_on": False}, request_only=True),
            OpenApiExample("Turned off", value=CELL, response_only=True),
        ],
    )
    def patch(self, request: Request, scope: str, channel: str) -> Response:
        is_on = read_body(request, ChoiceSerializer)["is_on"]
        if _find_cell(matrix(person_id(request)), scope, channel).is_locked:
            raise Problem(409, _("This switch is locked"), _("This is always sent, so the switch cannot be changed."))
        choose(person_id(request), scope, channel, is_on=is_on, now=timezone.now())
        return Response(CellSerializer(_find_cell(matrix(person_id(request)), scope, channel)).data)


def _find_cell(sections: list[Section], scope: str, channel: str) -> Cell:
    rows = (row for section in sections for row in (section.row, *section.rows))
    for row in rows:
        for cell in row.cells:
            if (row.scope, cell.channel) == (scope, channel) and cell.exists:
                return cell
    raise Http404
