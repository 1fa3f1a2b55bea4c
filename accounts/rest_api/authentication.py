"""Who is asking: an app, by its access token. Read next: signed_in_apps.py."""

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import SignedInApp, User
from accounts.second_factor import must_have
from accounts.signed_in_apps import PREFIX, BadToken, app_of


class AppToken(BaseAuthentication):
    """`Authorization: Bearer`, with the access token of a signed-in app. Asked anew each time: who is disabled is out at once."""

    def authenticate(self, request: Request) -> tuple[User, SignedInApp] | None:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith(PREFIX):
            return None
        try:
            app = app_of(token, timezone.now())
        except BadToken as error:
            raise AuthenticationFailed(_("The access token is not valid. Renew it, or sign in again.")) from error
        # Who must have a second factor may have got that role since the app was signed in.
        if app.user.second_factor_at is None and must_have(app.user):
            raise AuthenticationFailed(_("Add a second factor to your account first, in the browser."))
        return app.user, app

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="carillon"'


class AppTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.rest_api.authentication.AppToken"
    name = "app"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The access token of a signed-in app."}
