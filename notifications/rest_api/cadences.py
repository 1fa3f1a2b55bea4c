"""How often e-mail comes, about every type and category where that can be chosen. Read next: notifications/cadences.py."""

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.cadences import cadences_by_scope, choose_cadence
from notifications.models import Cadence
from notifications.rest_api.authentication import person_id
from notifications.rest_api.strict import StrictSerializer, read_body

WORDS = [{"value": value, "label": str(label)} for value, label in (("now", "At once"), ("daily", "Once a day"), ("weekly", "Once a week"))]


class CadenceSerializer(StrictSerializer):
    cadence = serializers.ChoiceField(Cadence.choices)


class ScopedCadenceSerializer(StrictSerializer):
    scope = serializers.CharField(help_text="A type or a category, as in the preferences.")
    cadence = serializers.CharField(help_text="now, daily or weekly; empty for a category whose types differ.")


class CadenceChoiceSerializer(StrictSerializer):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a name of a field of ours


class CadencesSerializer(StrictSerializer):
    cadences = ScopedCadenceSerializer(many=True)
    choices = CadenceChoiceSerializer(many=True)


class CadencesView(APIView):
    @extend_schema(
        operation_id="list_cadences",
        summary="How often e-mail comes",
        description="What is always sent at once is not among them.",
        tags=["Preferences"],
        responses=CadencesSerializer,
        examples=[
            OpenApiExample(
                "One", value={"cadences": [{"scope": "discussion.activity", "cadence": "daily"}], "choices": WORDS}, response_only=True
            )
        ],
    )
    def get(self, request: Request) -> Response:
        found = cadences_by_scope(person_id(request))
        choices = [{"value": value, "label": str(label)} for value, label in Cadence.choices]
        return Response({"cadences": [{"scope": scope, "cadence": cadence} for scope, cadence in found.items()], "choices": choices})


class CadenceView(APIView):
    @extend_schema(
        operation_id="choose_cadence",
        summary="Choose how often e-mail comes, about a type or a whole category",
        tags=["Preferences"],
        request=CadenceSerializer,
        responses=CadenceSerializer,
        examples=[OpenApiExample("Once a day", value={"cadence": "daily"})],
    )
    def patch(self, request: Request, scope: str) -> Response:
        body, user_id = read_body(request, CadenceSerializer), person_id(request)
        if scope not in cadences_by_scope(user_id):
            raise Http404
        choose_cadence(user_id, scope, body["cadence"], now=timezone.now())
        return Response({"cadence": cadences_by_scope(user_id)[scope]})
