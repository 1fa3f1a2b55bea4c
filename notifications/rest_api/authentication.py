"""Who is asking: the browser's session. Read next: problems.py."""

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request


class SignedInSession(SessionAuthentication):
    """The session cookie of the site, with its CSRF token on what changes something."""

    def authenticate_header(self, request: Request) -> str:
        # Without a challenge REST framework answers 403 to a visitor; RFC 9110 asks for 401 with this header.
        return 'Session realm="carillon"'


class SignedInSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "notifications.rest_api.authentication.SignedInSession"
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def person_id(request: Request) -> int:
    """This function will give the key of the person who asks. Raises NotAuthenticated, where a view has let a visitor through."""
    key: int | None = request.user.pk
    if key is None:
        raise NotAuthenticated
    return key
