"""What a person muted: courses, studies and discussion threads. Read next: notifications/resting.py."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.models import Mute
from notifications.rest_api.authentication import person_id
from notifications.rest_api.idempotency import once
from notifications.rest_api.strict import InstantField, StrictSerializer, read_body, read_query
from notifications.resting import kind_of, mute, mutes_of, unmute

EXAMPLE = {"key": "course-v1:DemoX+NS101+2026", "kind": "Course", "label": "Network Science 101", "muted_at": "2026-03-02T12:00:00Z"}


# Keys of courses, studies and threads, as platforms write them.
KEY = r"^[!-~]+$"


class NewMuteSerializer(StrictSerializer):
    key = serializers.RegexField(KEY, max_length=255, help_text="The scope or the thread of a message.")
    label = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)  # type: ignore[assignment]  # ours


class MuteSerializer(StrictSerializer):
    key = serializers.CharField()
    kind = serializers.CharField(help_text="What it is, in a word.")
    label = serializers.CharField()  # type: ignore[assignment]  # a name of a field of ours
    muted_at = InstantField()


class MutesSerializer(StrictSerializer):
    mutes = MuteSerializer(many=True)


class MuteQuery(StrictSerializer):
    key = serializers.RegexField(KEY, max_length=255)


class MutesView(APIView):
    @extend_schema(
        operation_id="list_mutes",
        summary="What you muted, the latest first",
        tags=["Preferences"],
        responses=MutesSerializer,
        examples=[OpenApiExample("A course", value={"mutes": [EXAMPLE]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        return Response({"mutes": [_told(one) for one in mutes_of(person_id(request))]})

    @extend_schema(
        operation_id="mute",
        summary="Mute a course, a study or a discussion thread; again changes nothing",
        tags=["Preferences"],
        request=NewMuteSerializer,
        responses={201: MuteSerializer},
        examples=[
            OpenApiExample("A course", value={"key": EXAMPLE["key"], "label": EXAMPLE["label"]}, request_only=True),
            OpenApiExample("Muted", value=EXAMPLE, response_only=True, status_codes=["201"]),
        ],
    )
    @once()
    def post(self, request: Request) -> Response:
        body, user_id = read_body(request, NewMuteSerializer), person_id(request)
        mute(user_id, body["key"], body["label"], now=timezone.now())
        return Response(_told(Mute.objects.get(user_id=user_id, key=body["key"])), status=201)

    @extend_schema(operation_id="unmute", summary="End a mute", tags=["Preferences"], parameters=[MuteQuery], responses={204: None})
    def delete(self, request: Request) -> Response:
        if not unmute(person_id(request), read_query(request, MuteQuery)["key"]):
            raise Http404
        return Response(status=204)


def _told(one: Mute) -> dict[str, Any]:
    return {"key": one.key, "kind": str(kind_of(one.key)), "label": one.label or one.key, "muted_at": one.muted_at}
