"""Where a person is reached: their phone number, verified by a code. An address goes in and never comes out. Read next: phone_codes.py."""

from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tasks
from accounts.models import PhoneCode
from accounts.phone_codes import WrongCode, ask_for_code, redeem
from accounts.rest_api.limits import limited
from accounts.tries import address_of
from channels_ace.api import BadAddress, ContactPoint, add_contact_point
from notifications.api import InstantField, StrictSerializer, addresses, key_of, once, person_id, read_body, remove_address

KINDS = (ContactPoint.Kind.PHONE, ContactPoint.Kind.EMAIL)
PHONE = {"id": "V1dZ0m9hYkQxRnJ0eQ3aBc", "kind": "phone", "ends_in": "…0100", "verified_at": None, "added_at": "2026-03-02T12:00:00Z"}


class NewContactPointSerializer(StrictSerializer):
    phone = serializers.CharField(max_length=32, help_text="With + and the country code. Kept encrypted, and never shown again.")


class ContactPointSerializer(StrictSerializer):
    id = serializers.CharField()
    kind = serializers.ChoiceField([kind.value for kind in KINDS])
    ends_in = serializers.CharField(help_text="The last digits, or the mailbox's first letter and host.")
    verified_at = InstantField(allow_null=True, help_text="Nothing but a code is sent before.")
    added_at = InstantField()


class ContactPointsSerializer(StrictSerializer):
    contact_points = ContactPointSerializer(many=True)


class CodeSerializer(StrictSerializer):
    code = serializers.CharField(max_length=16)


class NothingSerializer(StrictSerializer):
    pass


class ContactPointsView(APIView):
    @extend_schema(
        operation_id="list_contact_points",
        summary="Your phone number and e-mail address",
        tags=["Contact points"],
        responses=ContactPointsSerializer,
        examples=[OpenApiExample("A phone", value={"contact_points": [PHONE]})],
    )
    def get(self, request: Request) -> Response:
        return Response({"contact_points": [_told(point) for point in addresses(person_id(request)) if point.kind in KINDS]})

    @extend_schema(
        operation_id="add_contact_point",
        summary="Give your phone number; a code is texted to it",
        description="You have one phone number: another takes its place. The same again changes nothing and, while it is not verified, "
        "texts another code.",
        tags=["Contact points"],
        request=NewContactPointSerializer,
        responses={201: ContactPointSerializer},
        examples=[
            OpenApiExample("A phone", value={"phone": "+12065550100"}, request_only=True),
            OpenApiExample("Added", value=PHONE, response_only=True, status_codes=["201"]),
        ],
    )
    @once()
    def post(self, request: Request) -> Response:
        body = read_body(request, NewContactPointSerializer)
        now = timezone.now()
        try:
            # All or nothing: a number that may not be texted takes no other's place.
            with transaction.atomic():
                point = add_contact_point(user_id=person_id(request), kind=ContactPoint.Kind.PHONE, address=body["phone"], now=now)
                if point.verified_at is None:
                    _text(request, point)
        except BadAddress as error:
            raise ValidationError({"phone": [str(error)]}) from error
        return Response(_told(point), status=201)


class ContactPointView(APIView):
    @extend_schema(
        operation_id="remove_contact_point",
        summary="Remove your phone number or e-mail address, so that nothing more goes there",
        tags=["Contact points"],
        responses={204: None},
    )
    def delete(self, request: Request, point_id: str) -> Response:
        _mine(request, point_id, KINDS)
        remove_address(person_id(request), point_id, timezone.now())
        return Response(status=204)


class CodesView(APIView):
    @extend_schema(
        operation_id="ask_for_code",
        summary="Have another code texted",
        description="At most one a minute, three an hour and five a day; then 429, with Retry-After.",
        tags=["Contact points"],
        request=None,
        responses={202: None},
    )
    def post(self, request: Request, point_id: str) -> Response:
        point = _mine(request, point_id, [ContactPoint.Kind.PHONE])
        read_body(request, NothingSerializer)
        _text(request, point)
        return Response(status=202)


class VerificationView(APIView):
    @extend_schema(
        operation_id="verify_contact_point",
        summary="Prove by the code that the phone is yours",
        description="A code works for ten minutes and five guesses. What is verified stays so, whatever the code.",
        tags=["Contact points"],
        request=CodeSerializer,
        responses=ContactPointSerializer,
        examples=[OpenApiExample("The digits", value={"code": "402917"}, request_only=True)],
    )
    def post(self, request: Request, point_id: str) -> Response:
        point = _mine(request, point_id, [ContactPoint.Kind.PHONE])
        code = read_body(request, CodeSerializer)["code"]
        if point.verified_at is not None:
            # Asked again, since the answer got lost.
            return Response(_told(point))
        now = timezone.now()
        try:
            redeem(PhoneCode.Use.VERIFY, point.address, code, now, user_id=point.user_id)
        except WrongCode as error:
            raise ValidationError({"code": [_("This code does not fit, or is too old. Ask for another one.")]}) from error
        return Response(_told(add_contact_point(user_id=point.user_id, kind=point.kind, address=point.address, now=now, verified=True)))


def _text(request: Request, point: ContactPoint) -> None:
    with limited():
        where = address_of(request._request)
        ask_for_code(PhoneCode.Use.VERIFY, point.address, timezone.now(), address=where, user_id=point.user_id)
    transaction.on_commit(tasks.poke)


def _mine(request: Request, point_id: str, kinds: Any) -> ContactPoint:
    for point in addresses(person_id(request)):
        if point.kind in kinds and key_of(point) == point_id:
            return point
    raise Http404


def _told(point: ContactPoint) -> dict[str, Any]:
    return {
        "id": key_of(point),
        "kind": point.kind,
        "ends_in": point.hint,
        "verified_at": point.verified_at,
        "added_at": point.created_at,
    }
