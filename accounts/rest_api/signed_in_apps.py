"""Signing in from an app, renewing its tokens, and signing out. Read next: accounts/signed_in_apps.py."""

from datetime import datetime
from typing import Any

from django.contrib.auth import authenticate
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import second_factor, signed_in_apps
from accounts.models import PhoneCode, SignedInApp, User
from accounts.phone_codes import WrongCode, check, sign_in_by
from accounts.rest_api.limits import limited
from accounts.rest_api.open_to_post import OpenToPost
from accounts.signed_in_apps import BadToken, Tokens
from accounts.tries import address_of, allow
from notifications.api import InstantField, Problem, StrictSerializer, person_id, read_body

TOKENS = {
    "id": "V1dZ0m9hYkQxRnJ0eQ3aBc",
    "access": "capp_V1dZ0m9hYkQxRnJ0eQ3aBc.1.1772453400~…",
    "access_expires_at": "2026-03-02T12:10:00Z",
    "refresh": "capp_V1dZ0m9hYkQxRnJ0eQ3aBc.1.0~…",
    "refresh_expires_at": "2026-04-01T12:00:00Z",
}
APP = {
    "id": "V1dZ0m9hYkQxRnJ0eQ3aBc",
    "name": "Carillon on Ana's phone",
    "signed_in_at": "2026-03-02T12:00:00Z",
    "renewed_at": "2026-03-02T12:00:00Z",
    "is_this": True,
}


BY_PASSWORD = ("username", "password")
BY_CODE = ("phone", "code")


class SignInSerializer(StrictSerializer):
    username = serializers.CharField(max_length=150, required=False)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, required=False)
    phone = serializers.CharField(max_length=32, required=False)
    code = serializers.CharField(max_length=16, required=False, help_text="The digits that were texted: see `sign-in-codes/`.")
    second_factor = serializers.CharField(
        max_length=16, required=False, help_text="Of whoever has one: the digits of their authenticator app, or a recovery code."
    )
    app = serializers.CharField(max_length=100, help_text="What its owner will know it by, such as the app and the phone's name.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if tuple(name for name in (*BY_PASSWORD, *BY_CODE) if name in attrs) not in (BY_PASSWORD, BY_CODE):
            raise serializers.ValidationError(_("Send a username and a password, or a phone number and a code."))
        return attrs


class RenewalSerializer(StrictSerializer):
    refresh = serializers.CharField(max_length=512)


class TokensSerializer(StrictSerializer):
    id = serializers.CharField()
    access = serializers.CharField(help_text="Send it as `Authorization: Bearer`.")
    access_expires_at = InstantField()
    refresh = serializers.CharField(help_text="For the next renewal. Keep it where the system keeps secrets.")
    refresh_expires_at = InstantField()


class SignedInAppSerializer(StrictSerializer):
    id = serializers.CharField()
    name = serializers.CharField()
    signed_in_at = InstantField()
    renewed_at = InstantField()
    is_this = serializers.BooleanField(help_text="Whether it is the one that asks.")


class SignedInAppsSerializer(StrictSerializer):
    apps = SignedInAppSerializer(many=True)


class SignedInAppsView(OpenToPost):
    @extend_schema(
        operation_id="list_signed_in_apps",
        summary="The apps in which you are signed in",
        tags=["Signing in"],
        responses=SignedInAppsSerializer,
        examples=[OpenApiExample("One phone", value={"apps": [APP]})],
    )
    def get(self, request: Request) -> Response:
        apps = signed_in_apps.living(person_id(request), timezone.now())
        return Response({"apps": [_told(app, request) for app in apps]})

    @extend_schema(
        operation_id="sign_out_other_apps",
        summary="Sign all your apps out but this one",
        description="Asked in a browser, all of them. Their tokens end at once, and no push goes to the devices they registered.",
        tags=["Signing in"],
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        now = timezone.now()
        apps = signed_in_apps.living(person_id(request), now)
        if isinstance(request.auth, SignedInApp):
            apps = apps.exclude(pk=request.auth.pk)
        signed_in_apps.end(apps, SignedInApp.Ended.BY_PERSON, now)
        return Response(status=204)

    @extend_schema(
        operation_id="sign_in",
        summary="Sign in by a password or by a code, and get the first tokens",
        description="Answers 401 when the two do not fit together or a second factor is missing, and 429 after too many tries. Ask again "
        "when an answer is lost: a code gives the same app once more until one of its tokens is used.",
        tags=["Signing in"],
        auth=[],
        request=SignInSerializer,
        responses={201: TokensSerializer},
        examples=[
            OpenApiExample("By password", value={"username": "ana", "password": "a long password", "app": APP["name"]}, request_only=True),
            OpenApiExample("By code", value={"phone": "+12065550100", "code": "402917", "app": APP["name"]}, request_only=True),
            OpenApiExample("Signed in", value=TOKENS, response_only=True, status_codes=["201"]),
        ],
    )
    def post(self, request: Request) -> Response:
        body = read_body(request, SignInSerializer)
        now = timezone.now()
        with limited():
            allow("sign_in", now, account=body.get("username") or body["phone"], address=address_of(request._request))
        try:
            tokens = _by_code(body, now) if "phone" in body else _by_password(request, body, now)
        except WrongCode as error:
            raise Problem(401, _("You are not signed in"), _("They do not fit together.")) from error
        return Response(_given(tokens), status=201)


class RenewalsView(OpenToPost):
    @extend_schema(
        operation_id="renew_tokens",
        summary="Get the next tokens for a refresh token",
        description="Ask again when an answer is lost: the token before the newest gets the same successor. An older one is taken for "
        "stolen, and signs the app out. Answers 401 for every token that is not good any more.",
        tags=["Signing in"],
        auth=[],
        request=RenewalSerializer,
        responses={201: TokensSerializer},
        examples=[
            OpenApiExample("A refresh token", value={"refresh": TOKENS["refresh"]}, request_only=True),
            OpenApiExample("Renewed", value=TOKENS, response_only=True, status_codes=["201"]),
        ],
    )
    def post(self, request: Request) -> Response:
        body = read_body(request, RenewalSerializer)
        now = timezone.now()
        try:
            tokens = signed_in_apps.renew(body["refresh"], now)
        except BadToken as error:
            raise Problem(401, _("You are not signed in"), _("The refresh token is not valid. Sign in again.")) from error
        return Response(_given(tokens), status=201)


class SignedInAppView(APIView):
    @extend_schema(
        operation_id="sign_out_app",
        summary="Sign an app out: this one by the id `current`, or any other of yours",
        description="Its tokens end at once, and no push goes to a device that it registered.",
        tags=["Signing in"],
        responses={204: None},
    )
    def delete(self, request: Request, app_id: str) -> Response:
        now = timezone.now()
        this = request.auth if isinstance(request.auth, SignedInApp) else None
        if app_id == "current" and this is not None:
            app_id = this.public_id
        because = SignedInApp.Ended.SIGNED_OUT if this and this.public_id == app_id else SignedInApp.Ended.BY_PERSON
        if not signed_in_apps.end(signed_in_apps.living(person_id(request), now).filter(public_id=app_id), because, now):
            raise Http404
        return Response(status=204)


def _ask_for_second_factor(user: User, code: str, now: datetime) -> None:
    """An app is no way around it."""
    if user.second_factor_at is None:
        if second_factor.must_have(user):
            raise Problem(403, _("You need a second factor"), _("Add a second factor to your account first, in the browser."))
        return
    if not code:
        raise Problem(401, _("You need a second factor"), _("Send a code of your authenticator app too, as second_factor."))
    try:
        with limited():
            second_factor.take(user, code, now)
    except second_factor.WrongCode as error:
        raise Problem(401, _("You need a second factor"), _("This code does not fit, or was used before.")) from error


def _by_password(request: Request, body: dict[str, Any], now: datetime) -> Tokens:
    user = authenticate(request._request, **{name: body[name] for name in BY_PASSWORD})
    if not isinstance(user, User):
        raise WrongCode
    _ask_for_second_factor(user, body.get("second_factor", ""), now)
    return signed_in_apps.sign_in(user, body["app"], now)


def _by_code(body: dict[str, Any], now: datetime) -> Tokens:
    code, user = check(PhoneCode.Use.SIGN_IN, body["phone"], body["code"], now)
    # Before the code is used up: whoever learns here that they need a second factor shows both.
    _ask_for_second_factor(user, body.get("second_factor", ""), now)
    return sign_in_by(code, body["app"], now)


def _given(tokens: Tokens) -> dict[str, Any]:
    return {
        "id": tokens.app.public_id,
        "access": tokens.access,
        "access_expires_at": tokens.access_expires_at,
        "refresh": tokens.refresh,
        "refresh_expires_at": tokens.refresh_expires_at,
    }


def _told(app: SignedInApp, request: Request) -> dict[str, Any]:
    this = request.auth if isinstance(request.auth, SignedInApp) else None
    return {
        "id": app.public_id,
        "name": app.name,
        "signed_in_at": app.created_at,
        "renewed_at": app.renewed_at,
        "is_this": this is not None and this.pk == app.pk,
    }
