"""The addresses at which a service wants to be told of its messages. Read next: webhook_posts.py, notifications/webhooks.py."""

from datetime import UTC
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_ace.api import Refused
from notifications.models import Webhook
from notifications.rest_api.callers import HasScope, add_scopes, service_of
from notifications.rest_api.idempotency import once
from notifications.rest_api.strict import EmptySerializer, StrictSerializer, read_body
from notifications.webhooks import EVENTS, end_webhook, living, make_webhook, replace_secret

add_scopes({"webhooks:manage": gettext_lazy("Say where this service is told of its messages")})


class NewWebhookSerializer(StrictSerializer):
    url = serializers.CharField(max_length=500, help_text="https, on the public internet.")
    events = serializers.ListField(child=serializers.ChoiceField(EVENTS), allow_empty=False, max_length=len(EVENTS))


class WebhookSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(EVENTS))
    made_at = serializers.DateTimeField(default_timezone=UTC)


class NewlyMadeSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text="Shown this once: by it you check signatures, as Standard Webhooks says.")


class WebhooksSerializer(serializers.Serializer[Any]):
    webhooks = WebhookSerializer(many=True)


class SecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Shown this once.")
    old_signs_until = serializers.DateTimeField(default_timezone=UTC)


NEW = {"url": "https://hooks.example.org/carillon", "events": ["message.planned", "deliveries.changed"]}
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - an example
EXAMPLE = {"id": "V1dZ0m9hYkQxRnJ0eQ3aBc", **NEW, "made_at": "2026-03-02T12:00:00Z"}


class WebhooksView(APIView):
    permission_classes = [HasScope]
    scopes = {"GET": "webhooks:manage", "POST": "webhooks:manage"}

    @extend_schema(
        operation_id="list_webhooks",
        summary="Where your service is told of its messages",
        tags=["Webhooks"],
        responses=WebhooksSerializer,
        examples=[OpenApiExample("One", value={"webhooks": [EXAMPLE]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        found = living(service_of(request)).order_by("pk")
        return Response({"webhooks": [_told(one) for one in found]})

    @extend_schema(
        operation_id="make_webhook",
        summary="Be told of your messages at an address",
        description="Each event is posted until you answer 2xx, for a day at most, signed as Standard Webhooks says. Answer within ten "
        "seconds; 410 ends the webhook. Events may come twice and in any order: `webhook-id` tells them apart.",
        tags=["Webhooks"],
        request=NewWebhookSerializer,
        responses={201: NewlyMadeSerializer},
        examples=[
            OpenApiExample("Two events", value=NEW, request_only=True),
            OpenApiExample("Made", value={**EXAMPLE, "secret": SECRET}, response_only=True, status_codes=["201"]),
        ],
    )
    @once()
    def post(self, request: Request) -> Response:
        body = read_body(request, NewWebhookSerializer)
        try:
            made = make_webhook(service=service_of(request), url=body["url"], events=body["events"], now=timezone.now())
        except Refused as error:
            raise ValidationError({"url": [str(error)]}) from error
        headers = {"Location": f"/api/v1/webhooks/{made.public_id}/"}
        return Response({**_told(made), "secret": made.secret}, status=201, headers=headers)


class WebhookView(APIView):
    permission_classes = [HasScope]
    scopes = {"GET": "webhooks:manage", "DELETE": "webhooks:manage"}

    @extend_schema(
        operation_id="get_webhook",
        summary="One webhook",
        tags=["Webhooks"],
        responses=WebhookSerializer,
        examples=[OpenApiExample("One", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        return Response(_told(get_webhook(request, webhook_id)))

    @extend_schema(operation_id="end_webhook", summary="Be told no more", tags=["Webhooks"], responses={204: None})
    def delete(self, request: Request, webhook_id: str) -> Response:
        end_webhook(get_webhook(request, webhook_id), "Ended by its service.", timezone.now())
        return Response(status=204)


class SecretsView(APIView):
    permission_classes = [HasScope]
    scopes = {"POST": "webhooks:manage"}

    @extend_schema(
        operation_id="replace_webhook_secret",
        summary="Replace the secret; for a day both sign",
        tags=["Webhooks"],
        request=None,
        responses={201: SecretSerializer},
        examples=[OpenApiExample("Replaced", value={"secret": SECRET, "old_signs_until": "2026-03-03T12:00:00Z"}, status_codes=["201"])],
    )
    @once()
    def post(self, request: Request, webhook_id: str) -> Response:
        webhook = get_webhook(request, webhook_id)
        read_body(request, EmptySerializer)
        secret = replace_secret(webhook, timezone.now())
        told = SecretSerializer({"secret": secret, "old_signs_until": webhook.old_secret_until}).data
        return Response(told, status=201)


def get_webhook(request: Request, public_id: str) -> Webhook:
    """This function will find a living webhook of the service that asks. Raises Http404, for another's too."""
    found = living(service_of(request)).filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _told(webhook: Webhook) -> dict[str, Any]:
    told = {"id": webhook.public_id, "url": webhook.url, "events": webhook.events, "made_at": webhook.made_at}
    return dict(WebhookSerializer(told).data)
