"""What the learner's pages share: who asks, how they want the answer, and where they go next. Read next: inbox_views.py."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from notifications import inbox

Page = Callable[..., HttpResponseBase]


def signed_in(page: Page) -> Page:
    """This function will let only people who are signed in see a page: a visitor is led to sign in, a script is told."""

    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return page(request, *args, **kwargs)
        if wants_json(request):
            return JsonResponse({"detail": _("Your session has ended. Sign in again.")}, status=401)
        # A visitor cannot come back to what only a POST does.
        return redirect_to_login(request.get_full_path() if request.method in ("GET", "HEAD") else reverse("inbox"))

    return guarded


def person_id(request: HttpRequest) -> int:
    """This function will give the key of the person of a page that is guarded by `signed_in`."""
    key = request.user.pk
    if key is None:
        raise TypeError("The page is not guarded by signed_in.")
    return int(key)


def wants_json(request: HttpRequest) -> bool:
    """This function will tell whether a script asks: a browser that shows pages prefers HTML."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def is_own_address(request: HttpRequest, address: str) -> bool:
    """This function will tell whether an address stays on the site that was asked."""
    return url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()}, require_https=request.is_secure())


def answer_count(request: HttpRequest) -> JsonResponse:
    """This function will answer with what the bell shows."""
    return JsonResponse(inbox.bell(person_id(request), timezone.now()))
