"""A code by text, for whoever wants to sign in by their phone. Read next: accounts/phone_codes.py."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import tasks
from accounts.models import PhoneCode
from accounts.phone_codes import ask_for_code
from accounts.rest_api.limits import limited
from accounts.rest_api.open_to_post import OpenToPost
from accounts.tries import address_of
from channels_ace.api import BadAddress
from notifications.api import StrictSerializer, read_body


class PhoneSerializer(StrictSerializer):
    phone = serializers.CharField(max_length=32, help_text="With + and the country code.")


class SignInCodesView(OpenToPost):
    @extend_schema(
        operation_id="ask_for_sign_in_code",
        summary="Have a code texted to the phone of an account",
        description="Answers 202 whether anybody has the number or not; 400 for what is no mobile number of a country that we text to. "
        "The code works for ten minutes and five guesses. A number that several people share signs nobody in.",
        tags=["Signing in"],
        auth=[],
        request=PhoneSerializer,
        responses={202: None},
        examples=[OpenApiExample("A number", value={"phone": "+12065550100"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        phone = read_body(request, PhoneSerializer)["phone"]
        try:
            with limited():
                ask_for_code(PhoneCode.Use.SIGN_IN, phone, timezone.now(), address=address_of(request._request))
        except BadAddress as error:
            raise ValidationError({"phone": [str(error)]}) from error
        tasks.poke()
        return Response(status=202)
