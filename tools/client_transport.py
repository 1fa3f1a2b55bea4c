"""A client of Carillon's API. Made from its schema by tools/make_client.py: change that, not this. Needs only the standard library.

    client = Client("https://carillon.example.org", "carillon_service_...")
    asked = client.send_message({"texts": {"title": {"en": "Hello"}}, "audience": {"usernames": ["ana"]}})
    client.get_message(asked["id"])["progress"]

Whatever is refused raises Problem. A call that creates something is sent with an Idempotency-Key, and sent again under it when its
answer is lost or the server asks to wait.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from uuid import uuid4


@dataclass
class Problem(Exception):
    """What the API refused, as RFC 9457 says it; `errors` names the places in the body or query."""

    status: int
    title: str
    detail: str
    type: str = "about:blank"
    errors: list[dict[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        places = "; ".join(f"{one['path']}: {one['message']}" for one in self.errors)
        return f"{self.status} {self.title}: {places or self.detail}"


def _new_key() -> str:
    return uuid4().hex


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _written(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _problem(error: HTTPError) -> Problem:
    try:
        told = json.loads(error.read())
    except ValueError:
        return Problem(error.code, error.reason, "")
    return Problem(error.code, told.get("title", ""), told.get("detail", ""), told.get("type", ""), told.get("errors", []))


# The calls follow here.


class Client:
    """The API at an address, called with a token: of a service, or of a signed-in app."""

    def __init__(self, address: str, token: str, *, language: str = "en", tries: int = 3, seconds: float = 10) -> None:
        self._address = address.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}", "accept-language": language, "accept": "application/json"}
        self._tries, self._seconds = tries, seconds

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        key: str = "",
        content_type: str = "application/json",
    ) -> Any:
        asked = {name: _written(value) for name, value in (query or {}).items() if value is not None}
        address = f"{self._address}{path}{'?' + urlencode(asked) if asked else ''}"
        headers = {**self._headers, **({"idempotency-key": key} if key else {})}
        # Bytes are a file, sent as it is.
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            headers["content-type"] = content_type
        may_repeat = method == "GET" or bool(key)
        for number in range(1, self._tries + 1):
            try:
                with urlopen(Request(address, data, headers, method=method), timeout=self._seconds) as answer:  # noqa: S310 - the caller's own address
                    text = answer.read()
                return json.loads(text) if text else None
            except HTTPError as error:
                problem, wait = _problem(error), error.headers.get("retry-after", "")
                is_last = number == self._tries
                if is_last or not may_repeat or error.code not in (429, 503) or not wait.isdigit():
                    raise problem from None
                time.sleep(min(int(wait), 60))
            except (URLError, HTTPException, TimeoutError, ConnectionError):
                if number == self._tries or not may_repeat:
                    raise
                time.sleep(number / 2)
        raise AssertionError("unreachable")
