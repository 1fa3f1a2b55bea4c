import sys
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import pytest

from settings import wsgi

pytestmark = pytest.mark.django_db


def test_an_encoding_nobody_knows_is_no_error_of_ours() -> None:
    environ: dict[str, object] = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/api/v1/preferences/", "CONTENT_LENGTH": "2"}
    setup_testing_defaults(environ)
    environ |= {"CONTENT_TYPE": "application/json; charset*=x''y", "wsgi.input": BytesIO(b"{}"), "wsgi.errors": sys.stderr}
    answered: list[str] = []

    def start_response(status: str, headers: object, error: object = None, /) -> object:
        answered.append(status)
        return None

    wsgi.application(environ, start_response)  # type: ignore[arg-type]

    assert answered[0].startswith("4")
