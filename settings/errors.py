"""What is answered where no view could: problem details for the API, pages for people. Read next: notifications/rest_api/problems.py."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views import defaults

from notifications.api import problem_response

RETRY_AFTER_SECONDS = 10


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """This function will answer what Django itself refuses, such as a foreign host name."""
    if _is_api(request):
        return problem_response(request, 400, "bad_request")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """This function will answer 403."""
    return problem_response(request, 403, "permission_denied") if _is_api(request) else defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """This function will answer 404."""
    return problem_response(request, 404, "not_found") if _is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """This function will answer 500, and tell nothing of what happened: that is in the log. Without a database it is 503."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return _without_database(request)
    if _is_api(request):
        return problem_response(request, 500, "error")
    return defaults.server_error(request)


def _without_database(request: HttpRequest) -> HttpResponse:
    """It is away, restarts, or has no connection left: the same request may well do in a moment."""
    page: HttpResponse = HttpResponse(loader.render_to_string("503.html"), status=503)
    if _is_api(request):
        page = problem_response(request, 503, "unavailable")
    page["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return page


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
