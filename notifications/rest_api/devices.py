"""The devices of a person to which push notifications go. An address goes in and never comes out. Read next: explanation.py."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_ace.api import BadAddress, ContactPoint, add_contact_point
from notifications.reach import addresses, key_of, remove_address
from notifications.rest_api.authentication import person_id
from notifications.rest_api.callers import app_key
from notifications.rest_api.idempotency import once
from notifications.rest_api.problems import Problem
from notifications.rest_api.strict import StrictSerializer, read_body

KINDS = {"token": ContactPoint.Kind.DEVICE_TOKEN, "installation": ContactPoint.Kind.DEVICE_FID}
# More than anybody carries; without an end, one account could make each push a thousand requests.
MOST = 20
EXAMPLE = {"id": "V1dZ0m9hYkQxRnJ0eQ3aBc", "kind": "token", "ends_in": "…9f3c", "added_at": "2026-03-02T12:00:00Z"}


class NewDeviceSerializer(StrictSerializer):
    kind = serializers.ChoiceField(list(KINDS), help_text="What the address is: a registration token, or a Firebase installation id.")
    address = serializers.CharField(max_length=4096, help_text="Kept encrypted, and never shown again.")


class DeviceSerializer(StrictSerializer):
    id = serializers.CharField()
    kind = serializers.ChoiceField(list(KINDS))
    ends_in = serializers.CharField(help_text="The last characters of the address.")
    added_at = serializers.DateTimeField()


class DevicesSerializer(StrictSerializer):
    devices = DeviceSerializer(many=True)


class DevicesView(APIView):
    @extend_schema(
        operation_id="list_devices",
        summary="The devices that get your push notifications",
        tags=["Devices"],
        responses=DevicesSerializer,
        examples=[OpenApiExample("One phone", value={"devices": [EXAMPLE]})],
    )
    def get(self, request: Request) -> Response:
        return Response({"devices": [_told(point) for point in _devices(person_id(request))]})

    @extend_schema(
        operation_id="register_device",
        summary="Register this device; again changes nothing",
        description="A device has one owner: registered by somebody else, it moves, and nothing for its last owner reaches it. "
        "Answers 201 for a device that is new to you, 200 for one that you have, and 409 with twenty others registered.",
        tags=["Devices"],
        request=NewDeviceSerializer,
        responses={200: DeviceSerializer, 201: DeviceSerializer},
        examples=[
            OpenApiExample("A token", value={"kind": "token", "address": "dGhpcyBpcyBub3QgYSB0b2tlbg"}, request_only=True),
            OpenApiExample("Registered", value=EXAMPLE, response_only=True),
        ],
    )
    @once()
    def post(self, request: Request) -> Response:
        body = read_body(request, NewDeviceSerializer)
        owner = person_id(request)
        known = {point.pk for point in _devices(owner)}
        try:
            with transaction.atomic():
                point = add_contact_point(
                    user_id=owner,
                    kind=KINDS[body["kind"]],
                    address=body["address"],
                    now=timezone.now(),
                    verified=True,
                    app=app_key(request),
                )
                if len(known | {point.pk}) > MOST:
                    raise Problem(409, _("Too many devices"), _("You have %(most)d devices. Remove one first.") % {"most": MOST})
        except BadAddress as error:
            raise ValidationError({"address": [str(error)]}) from error
        return Response(_told(point), status=200 if point.pk in known else 201)


class DeviceView(APIView):
    @extend_schema(
        operation_id="remove_device",
        summary="Remove a device, as signing out does",
        tags=["Devices"],
        responses={204: None},
    )
    def delete(self, request: Request, device_id: str) -> Response:
        owner = person_id(request)
        if device_id not in {key_of(point) for point in _devices(owner)}:
            raise NotFound
        remove_address(owner, device_id, timezone.now())
        return Response(status=204)


def _devices(owner: int) -> list[ContactPoint]:
    return [point for point in addresses(owner) if point.kind in KINDS.values()]


def _told(point: ContactPoint) -> dict[str, Any]:
    kind = next(name for name, kept in KINDS.items() if kept == point.kind)
    return {"id": key_of(point), "kind": kind, "ends_in": point.hint, "added_at": point.created_at}
