"""A code that opens the settings page inside an app, once. Read next: accounts/settings_visits.py."""

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import SignedInApp
from accounts.settings_visits import make_code
from notifications.api import EmptySerializer, InstantField, StrictSerializer, absolute, once, read_body


class SettingsCodeSerializer(StrictSerializer):
    url = serializers.URLField(help_text="Post the code there, from the web view.")
    code = serializers.CharField(help_text="Good for one time, within 60 seconds.")
    expires_at = InstantField()


class SettingsCodesView(APIView):
    @extend_schema(
        operation_id="make_settings_code",
        summary="A code that opens the settings page in a web view of this app",
        description="Post it as a form to `url`: `code`, and as you like `theme` (`light` or `dark`) and `language`. The page has no "
        "header, and what it leaves in the web view opens that page alone, for an hour, while the app stays signed in. The next code "
        "takes its place.",
        tags=["Signing in"],
        request=None,
        responses={201: SettingsCodeSerializer},
        examples=[
            OpenApiExample(
                "A code",
                value={
                    "url": "https://carillon.example.org/settings/app/opening/",
                    "code": "V1dZ0m9hYkQxRnJ0eQ3aBc.…",
                    "expires_at": "2026-03-02T12:01:00Z",
                },
                response_only=True,
                status_codes=["201"],
            )
        ],
    )
    @once()
    def post(self, request: Request) -> Response:
        read_body(request, EmptySerializer)
        if not isinstance(request.auth, SignedInApp):
            raise PermissionDenied(_("Only a signed-in app can have a code: a browser has the page itself."))
        code, expires_at = make_code(request.auth, timezone.now())
        told = {"url": absolute(reverse("open-embedded-settings")), "code": code, "expires_at": expires_at}
        return Response(SettingsCodeSerializer(told).data, status=201)
