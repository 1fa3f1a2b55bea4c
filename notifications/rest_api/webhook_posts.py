"""What was posted to a webhook, and posting it again. Read next: notifications/webhook_posts.py."""

from datetime import UTC
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.models import WebhookPost
from notifications.rest_api.callers import HasScope
from notifications.rest_api.cursors import CursorField, Seal
from notifications.rest_api.strict import EmptySerializer, StrictSerializer, read_body, read_query
from notifications.rest_api.webhooks import get_webhook
from notifications.webhook_posts import replay

PAGE_SIZE = 50
POST_STATES = WebhookPost.State.values


class PostSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id")
    event_id = serializers.CharField(help_text="What the receiver sees as `webhook-id`.")
    event = serializers.CharField()
    payload = serializers.DictField()
    happened_at = serializers.DateTimeField(default_timezone=UTC)
    state = serializers.ChoiceField(POST_STATES)
    attempts = serializers.IntegerField()
    last_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    answer = serializers.CharField(help_text="The last status, or in a word why there was none.")


class PostsSerializer(serializers.Serializer[Any]):
    items = PostSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


class PostsQuery(StrictSerializer):
    cursor = CursorField()
    state = serializers.ChoiceField(POST_STATES, required=False)


EXAMPLE = {
    "id": "V1dZ0m9hYkQxRnJ0eQ3aBc",
    "event_id": "evt_3q2-7wEjRWeJq83vASNFZw_planned",
    "event": "message.planned",
    "payload": {"message_id": "3q2-7wEjRWeJq83vASNFZw", "state": "planned", "people": 120, "refused_because": ""},
    "happened_at": "2026-03-02T12:00:00Z",
    "state": "taken",
    "attempts": 1,
    "last_at": "2026-03-02T12:00:05Z",
    "answer": "204",
}


class PostsView(APIView):
    permission_classes = [HasScope]
    scopes = {"GET": "webhooks:manage"}

    @extend_schema(
        operation_id="list_webhook_posts",
        summary="What was posted to a webhook, the latest first; kept for 30 days",
        tags=["Webhooks"],
        parameters=[PostsQuery],
        responses=PostsSerializer,
        examples=[OpenApiExample("A page", value={"items": [EXAMPLE], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        webhook = get_webhook(request, webhook_id)
        query = read_query(request, PostsQuery)
        seal = Seal(request, "webhook posts", webhook=webhook.pk, state=query.get("state", ""))
        rows = webhook.posts.order_by("-pk")
        if "state" in query:
            rows = rows.filter(state=query["state"])
        before = seal.open(query.get("cursor"))
        found = list((rows if before is None else rows.filter(pk__lt=before))[: PAGE_SIZE + 1])
        more = found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None
        return Response(PostsSerializer({"items": found[:PAGE_SIZE], "next_cursor": seal.close(more)}).data)


class ReplayView(APIView):
    permission_classes = [HasScope]
    scopes = {"POST": "webhooks:manage"}

    @extend_schema(
        operation_id="replay_webhook_post",
        summary="Post an event again, under the same id",
        tags=["Webhooks"],
        request=None,
        responses={202: PostSerializer},
        examples=[OpenApiExample("Waiting", value={**EXAMPLE, "state": "waiting", "attempts": 0, "answer": ""}, status_codes=["202"])],
    )
    def post(self, request: Request, webhook_id: str, post_id: str) -> Response:
        one = get_webhook(request, webhook_id).posts.filter(public_id=post_id).first()
        if one is None:
            raise Http404
        read_body(request, EmptySerializer)
        replay(one, timezone.now())
        one.refresh_from_db()
        return Response(PostSerializer(one).data, status=202)
