"""Letting a bell on another site into a person's inbox: the exchange, and what the token opens. Read next: notifications/bell_tokens.py."""

from datetime import UTC
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.bell_tokens import PREFIX, make_bell_token, owner_of
from notifications.rest_api.callers import HasScope, add_scopes
from notifications.rest_api.people import PersonSerializer, find_people, name_of
from notifications.rest_api.strict import read_body

add_scopes({"inbox:embed": gettext_lazy("Show people their inbox on its own pages")})


class BellTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer`, with a bell's token. Only the inbox takes it."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith(PREFIX):
            return None
        person = owner_of(token, timezone.now())
        if person is None:
            raise AuthenticationFailed(_("This token is over. Ask for another."))
        return person, "bell"

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="carillon"'


class BellTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "notifications.rest_api.bell_tokens.BellTokenAuthentication"
    name = "bell"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of a bell on another site."}


# For the resources of the inbox, and no others.
WITH_BELLS: list[type[BaseAuthentication]] = [*APIView.authentication_classes, BellTokenAuthentication]


class BellTokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Goes into the header `Authorization: Bearer`, never into an address.")
    expires_at = serializers.DateTimeField(default_timezone=UTC)


class BellTokensView(APIView):
    permission_classes = [HasScope]
    scopes = {"POST": "inbox:embed"}

    @extend_schema(
        operation_id="make_bell_token",
        summary="Let a bell on your site into one person's inbox for ten minutes",
        description="Ask for whoever is signed in on your site, from your server: a service token must never reach a browser.",
        tags=["Embedding"],
        request=PersonSerializer,
        responses={201: BellTokenSerializer},
        examples=[
            OpenApiExample("By name", value={"username": "ana"}, request_only=True),
            OpenApiExample("For ten minutes", value={"token": "bell_…", "expires_at": "2026-03-02T12:10:00Z"}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        wanted = read_body(request, PersonSerializer)
        (key,) = find_people([wanted])
        person: Any = get_user_model()._default_manager.filter(pk__in=[key], is_active=True).first()
        if person is None:
            raise ValidationError({name_of(wanted): [_("Nobody here has this name or number.")]})
        return Response(BellTokenSerializer(make_bell_token(person, timezone.now())).data, status=201)
