"""The browsers in which a person is signed in, and signing them out. Read next: accounts/signed_in_browsers.py."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.signed_in_browsers import living, sign_out, this_one
from notifications.api import InstantField, StrictSerializer

BROWSER = {
    "id": "Qm9keVRlbXBsZUV4YW1wbA",
    "device": "Firefox, Linux",
    "signed_in_at": "2026-03-02T12:00:00Z",
    "seen_at": "2026-03-02T14:00:00Z",
    "is_this": False,
}


class SignedInBrowserSerializer(StrictSerializer):
    id = serializers.CharField()
    device = serializers.CharField(allow_blank=True, help_text="Browser and system, as far as it says so itself; nothing of where it is.")
    signed_in_at = InstantField()
    seen_at = InstantField(help_text="To the hour.")
    is_this = serializers.BooleanField(help_text="Whether it is the one that asks.")


class SignedInBrowsersSerializer(StrictSerializer):
    browsers = SignedInBrowserSerializer(many=True)


class SignedInBrowsersView(APIView):
    @extend_schema(
        operation_id="list_signed_in_browsers",
        summary="The browsers in which you are signed in",
        tags=["Signing in"],
        responses=SignedInBrowsersSerializer,
        examples=[OpenApiExample("One", value={"browsers": [BROWSER]})],
    )
    def get(self, request: Request) -> Response:
        this = _this(request)
        return Response({"browsers": [_told(browser, this) for browser in living(_person(request), timezone.now())]})

    @extend_schema(
        operation_id="sign_out_other_browsers",
        summary="Sign all your browsers out but this one",
        description="Asked by an app, all of them.",
        tags=["Signing in"],
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        sign_out(living(_person(request), timezone.now()).exclude(public_id=_this(request)))
        return Response(status=204)


class SignedInBrowserView(APIView):
    @extend_schema(
        operation_id="sign_out_browser",
        summary="Sign one of your browsers out",
        tags=["Signing in"],
        responses={204: None},
    )
    def delete(self, request: Request, browser_id: str) -> Response:
        if not sign_out(living(_person(request), timezone.now()).filter(public_id=browser_id)):
            raise Http404
        return Response(status=204)


def _person(request: Request) -> Any:
    return request.user


def _this(request: Request) -> str:
    # An app's cookies are none of its own.
    return this_one(request.session) if request.auth is None else ""


def _told(browser: Any, this: str) -> dict[str, Any]:
    return {
        "id": browser.public_id,
        "device": browser.device,
        "signed_in_at": browser.signed_in_at,
        "seen_at": browser.seen_at,
        "is_this": browser.public_id == this,
    }
