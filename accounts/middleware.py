"""What every page does for the person who is signed in: their language and zone, and no copies in caches. Read next: views.py."""

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers

from channels_ace.api import UnknownZone, known_language, parse_zone

Answer = Callable[[HttpRequest], HttpResponse]


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


class PrivatePagesMiddleware:
    """Nothing that a signed-in person saw stays in a cache."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if hasattr(request, "user") and request.user.is_authenticated and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response
