"""Why something came, or did not come, over each channel. Read next: channels_ace/explain.py."""

from datetime import UTC
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_ace.api import explain
from notifications.models import InboxItem
from notifications.rest_api.authentication import person_id
from notifications.rest_api.inbox import get_item


class StepSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(default_timezone=UTC)
    what = serializers.CharField(help_text="A state of the delivery, `attempt`, or the outcome of one.")
    words = serializers.CharField()


class ChannelSerializer(serializers.Serializer[Any]):
    channel = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField(help_text="A stable code; `words` says it to a person.")
    words = serializers.CharField()
    steps = StepSerializer(many=True)


class ExplanationSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    channels = ChannelSerializer(many=True)


EXAMPLE = {
    "id": "3q2-7wEjRWeJq83vASNFZw",
    "channels": [
        {
            "channel": "sms",
            "state": "suppressed",
            "reason": "suppressed_stop",
            "words": "The number replied STOP. Only a START from that number lifts this.",
            "steps": [
                {
                    "at": "2026-03-02T12:00:00Z",
                    "what": "suppressed",
                    "words": "The number replied STOP. Only a START from that number lifts this.",
                }
            ],
        }
    ],
}


class ExplanationView(APIView):
    @extend_schema(
        operation_id="explain_item",
        summary="What became of a message over each channel, and why",
        tags=["Inbox"],
        responses=ExplanationSerializer,
        examples=[OpenApiExample("Held back", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, item_id: str) -> Response:
        item = get_item(request, item_id, timezone.now())
        channels = [_inbox(item), *explain(item.message, person_id(request))]
        return Response(ExplanationSerializer({"id": item.message.public_id, "channels": channels}).data)


def _inbox(item: InboxItem) -> dict[str, Any]:
    # The inbox row is its own delivery: that it can be asked about shows that it arrived.
    words = _("It is in the inbox.")
    steps = [{"at": item.message.created_at, "what": "delivered", "words": words}]
    return {"channel": "inbox", "state": "delivered", "reason": "", "words": words, "steps": steps}
