"""What every page does for the person who is signed in: their language and zone, and no copies in caches. Read next: views.py."""

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.second_factor import is_missing, is_shown
from accounts.sign_in_pages import wait_for_code
from channels_ace.api import UnknownZone, known_language, parse_zone
from notifications.api import problem_response

Answer = Callable[[HttpRequest], HttpResponse]
# What somebody who must add a second factor may still open, by name: adding it, leaving, and what asks no session.
WITHOUT_SECOND_FACTOR = {"second-factor", "logout", "admin:logout", "healthz", "readyz", "unsubscribe", "calendar-feed"} | {
    "sns-webhook",
    "twilio-webhook",
    "confirm-email",
}


class StorableSearchMiddleware:
    """The administration looks for nothing that no row can hold: PostgreSQL refuses a NUL, and Django's filters pass it on."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/admin/") and any(
            "\x00" in value for values in request.GET.lists() for value in (values[0], *values[1])
        ):
            raise BadRequest("The query holds a NUL.")
        return self.get_response(request)


class PersonalLocaleMiddleware:
    """Pages speak the reader's language and tell times in the reader's zone; a visitor's language is the browser's."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        recipient = None if isinstance(request.user, AnonymousUser) else getattr(request.user, "carillon_recipient", None)
        language = (
            known_language(recipient.language) if recipient and recipient.language else translation.get_language_from_request(request)
        )
        request.LANGUAGE_CODE = language
        try:
            zone = parse_zone(recipient.time_zone) if recipient and recipient.time_zone else timezone.get_default_timezone()
        except UnknownZone:
            zone = timezone.get_default_timezone()
        with translation.override(language), timezone.override(zone):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class SecondFactorMiddleware:
    """However a session came to be: it is nobody's until the second factor is shown, and little use to whoever must add one."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        user = request.user
        if not isinstance(user, User):
            return None
        is_api = request.path.startswith("/api/")
        if not is_shown(user, request.session):
            request.user = AnonymousUser()
            # What a page asks for behind its reader's back leads nowhere, and must not decide where they go on.
            if is_api or request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
                return None
            wait_for_code(request, user, request.get_full_path() if request.method == "GET" else "", timezone.now())
            return redirect("sign-in-code")
        where = request.resolver_match.view_name if request.resolver_match else ""
        if where in WITHOUT_SECOND_FACTOR or not is_missing(user, request.session):
            return None
        if is_api:
            return problem_response(request, 403, "second_factor_missing", _("Add a second factor to your account first, in the browser."))
        return redirect("second-factor")


class PrivatePagesMiddleware:
    """Nothing that a signed-in person saw stays in a cache."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if hasattr(request, "user") and request.user.is_authenticated and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response
