"""The limits of calls as HTTP says them: 429, Retry-After, and the RateLimit fields on every answer. Read next: service_tokens.py.

The fields are those of the IETF's draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "person";q=300;w=60` allows 300 calls in 60
seconds, `RateLimit: "person";r=299;t=30` leaves 299 for the next 30.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.rates import Use, count_call
from accounts.tries import address_of
from notifications.api import caller_key, problem_response

Answer = Callable[[HttpRequest], HttpResponse]
_USES = "_carillon_uses"


class ApiAnswersMiddleware:
    """Every call of the API is counted by its address before anything else is looked at, and no answer is kept by a cache."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        use = count_call("address", address_of(request), timezone.now())
        _remember(request, use)
        if use is not None and use.is_over:
            response: HttpResponse = problem_response(request, 429, "throttled", _("Too many calls from this address."))
            response["Retry-After"] = str(use.resets_in_seconds)
        elif "\x00" in request.path:
            # PostgreSQL holds no NUL: nothing is called so.
            response = problem_response(request, 404, "not_found")
        else:
            response = self.get_response(request)
        uses: list[Use] = getattr(request, _USES)
        if uses:
            response["RateLimit-Policy"] = ", ".join(f'"{one.name}";q={one.most};w={one.window_seconds}' for one in uses)
            response["RateLimit"] = ", ".join(f'"{one.name}";r={max(one.most - one.used, 0)};t={one.resets_in_seconds}' for one in uses)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class PerCaller(BaseThrottle):
    """Counts the calls of each person and of each service's token."""

    _use: Use | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        caller = caller_key(request)
        self._use = count_call(caller.partition(":")[0], caller, timezone.now()) if caller else None
        _remember(request._request, self._use)
        return self._use is None or not self._use.is_over

    def wait(self) -> float | None:
        return float(self._use.resets_in_seconds) if self._use else None


def _remember(request: HttpRequest, use: Use | None) -> None:
    uses: list[Use] = getattr(request, _USES, [])
    setattr(request, _USES, [*uses, use] if use else uses)
