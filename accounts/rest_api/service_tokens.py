"""Who is asking: another service, by its token. Read next: notifications/rest_api/callers.py."""

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ServiceToken
from accounts.service_tokens import PREFIX, find_service_token
from notifications.api import ServiceCaller


class ServiceTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer`, with a service's token. Asked anew each time: who is revoked is out at once."""

    def authenticate(self, request: Request) -> tuple[ServiceCaller, ServiceToken] | None:
        scheme, _space, clear = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not clear.startswith(PREFIX):
            return None
        token = find_service_token(clear, timezone.now())
        if token is None:
            raise AuthenticationFailed(_("This service token is not valid: it was revoked, has expired, or never existed."))
        return ServiceCaller(token_id=token.pk, name=token.name, scopes=frozenset(token.scopes)), token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="carillon"'


class ServiceTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.rest_api.service_tokens.ServiceTokenAuthentication"
    name = "service"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of another service, made by an operator with its scopes."}
