"""The switch of each whole channel, and whether it can reach the person at all. Read next: notifications/reach.py."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.links import absolute
from notifications.preferences import channels_off, choose_channel
from notifications.reach import addresses, ways
from notifications.registry import CHANNEL_LABELS
from notifications.rest_api.authentication import person_id
from notifications.rest_api.strict import ExactBooleanField, StrictSerializer, read_body

EXAMPLE = {"channel": "email", "label": "E-mail", "is_on": True, "reaches_you": True, "why_not": "", "add_url": None}


class ChannelSwitchSerializer(StrictSerializer):
    is_on = ExactBooleanField()


class ChannelStateSerializer(StrictSerializer):
    channel = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a name of a field of ours
    is_on = serializers.BooleanField(help_text="False: nothing comes by it but what is always sent.")
    reaches_you = serializers.BooleanField()
    why_not = serializers.CharField(allow_blank=True, help_text="What is missing, in words.")
    add_url = serializers.CharField(allow_null=True, help_text="The page on which that can be added.")


class ChannelStatesSerializer(StrictSerializer):
    channels = ChannelStateSerializer(many=True)


class ChannelsView(APIView):
    @extend_schema(
        operation_id="list_channels",
        summary="Every channel, its switch, and whether it reaches you",
        tags=["Preferences"],
        responses=ChannelStatesSerializer,
        examples=[OpenApiExample("One", value={"channels": [EXAMPLE]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        return Response({"channels": _channels(person_id(request))})


class ChannelView(APIView):
    @extend_schema(
        operation_id="switch_channel",
        summary="Turn a whole channel off, or back to what was chosen below it",
        description="What is always sent goes past it.",
        tags=["Preferences"],
        request=ChannelSwitchSerializer,
        responses=ChannelStateSerializer,
        examples=[
            OpenApiExample("Off", value={"is_on": False}, request_only=True),
            OpenApiExample("Turned off", value={**EXAMPLE, "is_on": False}, response_only=True),
        ],
    )
    def patch(self, request: Request, channel: str) -> Response:
        is_on, user_id = read_body(request, ChannelSwitchSerializer)["is_on"], person_id(request)
        if channel not in CHANNEL_LABELS:
            raise Http404
        choose_channel(user_id, channel, is_on=is_on, now=timezone.now())
        return Response(next(one for one in _channels(user_id) if one["channel"] == channel))


def _channels(user_id: int) -> list[dict[str, Any]]:
    off = channels_off(user_id)
    return [
        {
            "channel": way["key"],
            "label": str(way["label"]),
            "is_on": way["key"] not in off,
            "reaches_you": way["available"],
            "why_not": str(way.get("unavailable_reason") or ""),
            "add_url": absolute(way["add_url"]) if way.get("add_url") else None,
        }
        for way in ways(addresses(user_id))
    ]
