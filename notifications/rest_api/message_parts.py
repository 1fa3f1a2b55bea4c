"""Cancelling a service's message, and what became of it for one recipient. Read next: messages.py."""

from datetime import UTC
from typing import Any

from django.contrib.auth import get_user_model
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_ace.api import explain
from notifications import inbox
from notifications.models import InboxItem
from notifications.rest_api.callers import HasScope
from notifications.rest_api.course_teams import IsInSomeTeam
from notifications.rest_api.explanation import EXAMPLE, ChannelSerializer
from notifications.rest_api.messages import get_message
from notifications.rest_api.strict import EmptySerializer, read_body
from notifications.service_messages import cancel_message


class CancellationSerializer(serializers.Serializer[Any]):
    cancelled_at = serializers.DateTimeField(default_timezone=UTC)
    deliveries = serializers.IntegerField(help_text="How many had not been sent and were stopped by this call.")


class RecipientSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    channels = ChannelSerializer(many=True)


class CancellationView(APIView):
    permission_classes = [HasScope | IsInSomeTeam]
    scopes = {"POST": "messages:send"}

    @extend_schema(
        operation_id="cancel_message",
        summary="Stop what has not been sent; twice changes nothing",
        description="What reached an inbox or a provider stays.",
        tags=["Sending"],
        request=None,
        responses=CancellationSerializer,
        examples=[OpenApiExample("Stopped", value={"cancelled_at": "2026-03-02T12:00:00Z", "deliveries": 117}, response_only=True)],
    )
    def post(self, request: Request, message_id: str) -> Response:
        asked = get_message(request, message_id)
        read_body(request, EmptySerializer)
        stopped = cancel_message(asked, timezone.now())
        asked.refresh_from_db()
        return Response(CancellationSerializer({"cancelled_at": asked.cancelled_at, "deliveries": stopped}).data)


class RecipientView(APIView):
    permission_classes = [HasScope]
    scopes = {"GET": "messages:read"}

    @extend_schema(
        operation_id="explain_message",
        summary="What became of a message for one recipient over each channel, and why",
        tags=["Sending"],
        responses=RecipientSerializer,
        examples=[OpenApiExample("Held back", value={"username": "ana", "channels": EXAMPLE["channels"]}, response_only=True)],
    )
    def get(self, request: Request, message_id: str, username: str) -> Response:
        message = get_message(request, message_id).message
        person = get_user_model()._default_manager.filter(username=username).values_list("pk", flat=True).first()
        if message is None or person is None:
            raise Http404
        # What was said to everyone is decided for a person when they look, or when somebody asks.
        inbox.mark_of(person, timezone.now())
        channels: list[Any] = list(explain(message, person))
        if InboxItem.objects.filter(user_id=person, message=message).exists():
            steps = [{"at": message.created_at, "what": "delivered", "words": _("It is in the inbox.")}]
            channels.insert(0, {"channel": "inbox", "state": "delivered", "reason": "", "words": _("It is in the inbox."), "steps": steps})
        if not channels:
            raise Http404
        return Response(RecipientSerializer({"username": username, "channels": channels}).data)
