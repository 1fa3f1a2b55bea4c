"""Every error of the API as problem details (RFC 9457). Read next: the resources beside this file."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, PermissionDenied, ValidationError
from rest_framework.response import Response

MEDIA_TYPE = "application/problem+json"
TITLES: Mapping[int, str | Promise] = {
    400: _("The request is not valid"),
    401: _("You are not signed in"),
    403: _("You may not do this"),
    404: _("There is nothing here"),
    405: _("This cannot be done here"),
    406: _("Only JSON can be had here"),
    409: _("This does not fit what is stored"),
    410: _("This is no longer kept"),
    412: _("It has changed meanwhile"),
    413: _("The request is too large"),
    415: _("Only JSON in UTF-8 is understood"),
    422: _("This does not fit an earlier call"),
    429: _("Too many requests"),
    500: _("Something went wrong here"),
    503: _("We will be back in a moment"),
}
_DETAILS: Mapping[int, str | Promise] = {
    400: _("The request cannot be read."),
    500: _("It is our fault, and it is recorded. Try again in a minute."),
    503: _("The database cannot be reached just now. Try again after the seconds that Retry-After names."),
}


class Problem(APIException):
    """An error with its own status, title and detail."""

    def __init__(self, status: int, title: str, detail: str = "") -> None:
        super().__init__(detail or title)
        self.status_code = status
        self.title = title


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """This function will turn an error of a view into problem details; what it does not know stays Django's."""
    # Not by REST framework's own handler: its module imports the classes of the settings, and one of those may want this one.
    if isinstance(error, Http404):
        # Django's own words name the model.
        error = NotFound()
    elif isinstance(error, DjangoPermissionDenied):
        error = PermissionDenied()
    if not isinstance(error, APIException):
        return None
    connection = transaction.get_connection()
    if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
        transaction.set_rollback(True)
    response = Response(status=error.status_code, headers=_headers(error))
    title = getattr(error, "title", None) or TITLES.get(response.status_code, response.status_text)
    response.data = problem(response.status_code, str(title), _detail(error), context["request"].path)
    response.data["type"] = f"urn:carillon:problem:{getattr(error, 'default_code', 'error')}"
    if isinstance(error, ValidationError):
        response.data["errors"] = [{"path": path, "message": message} for path, message in _errors(error.detail)]
    response.content_type = MEDIA_TYPE
    return response


def _headers(error: APIException) -> dict[str, str]:
    asked = {"WWW-Authenticate": getattr(error, "auth_header", None), "Retry-After": getattr(error, "wait", None)}
    return {name: str(value if isinstance(value, str) else ceil(value)) for name, value in asked.items() if value}


def problem(status: int, title: str, detail: str, instance: str) -> dict[str, Any]:
    """This function will give the members that every problem has."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": instance}


def problem_response(request: HttpRequest, status: int, code: str, detail: str = "") -> JsonResponse:
    """This function will answer with a problem where no view of the API could."""
    title = str(TITLES[status])
    body = {**problem(status, title, detail or str(_DETAILS.get(status, title)), request.path), "type": f"urn:carillon:problem:{code}"}
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE)


@csrf_exempt
def unknown_resource(request: HttpRequest, path: str = "") -> JsonResponse:
    """This function will answer for every address of the API that no resource has."""
    return problem_response(request, 404, "not_found", str(_("No resource has this address.")))


def _detail(error: Exception) -> str:
    detail = getattr(error, "detail", None)
    if isinstance(detail, str):
        return str(detail)
    return str(_("See errors: each names a place and what is wrong with it.")) if isinstance(error, ValidationError) else str(error)


def _errors(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """This function will yield (place, words): a JSON pointer into the body, or "?name" for a part of the query."""
    if isinstance(detail, Mapping):
        for name, below in detail.items():
            own = path if name == "non_field_errors" else str(name) if str(name).startswith("?") else f"{path}/{name}"
            yield from _errors(below, own)
    elif isinstance(detail, list):
        for number, below in enumerate(detail):
            # A list of words belongs to its place; a list of mappings mirrors a list in the body.
            yield from _errors(below, path if isinstance(below, ErrorDetail) else f"{path}/{number}")
    else:
        yield path, str(detail)
