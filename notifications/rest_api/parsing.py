"""JSON as RFC 8259 and RFC 7493 mean it: what two readers could understand differently is refused. Read next: problems.py."""

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

MOST_BYTES = 262_144
DEEPEST = 20
LONGEST_NUMBER = 20
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


class TooLarge(APIException):
    """The body is larger than any resource needs."""

    status_code = 413
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """Reads UTF-8 JSON up to MOST_BYTES and DEEPEST levels, without duplicate keys, NUL, lone surrogates or numbers nobody can hold."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        require_utf8(media_type or "")
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise TooLarge(_("The body is larger than %(most)d bytes.") % {"most": MOST_BYTES})
        try:
            return parse(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ParseError(_("The body is not UTF-8.")) from error


def parse(text: str) -> Any:
    """This function will read one JSON value. Raises ParseError."""
    # Python's own parser recurses, so the depth is counted before it starts.
    if _depth(text) > DEEPEST:
        raise ParseError(_("The JSON is nested more than %(deepest)d levels deep.") % {"deepest": DEEPEST})
    try:
        value = json.loads(
            text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_number, parse_int=_read_integer, parse_float=_read_float
        )
    except ValueError as error:
        raise ParseError(_("The body is not JSON: %(why)s.") % {"why": error}) from error
    _check_texts(value)
    return value


def require_utf8(media_type: str) -> None:
    """This function will refuse a Content-Type that names another charset. Raises UnsupportedMediaType."""
    try:
        parameters = parse_header_parameters(media_type)[1]
    except ValueError as error:
        raise UnsupportedMediaType(media_type[:100]) from error
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(media_type[:100])


def _depth(text: str) -> int:
    depth = deepest = 0
    for found in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if found[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError(_("The same key stands twice in one object."))
    return found


def _refuse_number(text: str) -> Any:
    raise ParseError(_("%(number)s is not a number of JSON, or too large.") % {"number": text[:LONGEST_NUMBER]})


def _read_integer(text: str) -> Any:
    return int(text) if len(text) <= LONGEST_NUMBER else _refuse_number(text)


def _read_float(text: str) -> Any:
    number = float(text)
    return number if abs(number) != float("inf") else _refuse_number(text)


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        # Neither can be stored: PostgreSQL refuses NUL, and no encoding has lone surrogates.
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ParseError(_("A text holds a character that cannot be stored (NUL or half of a surrogate pair)."))
    elif isinstance(value, dict):
        for key, below in value.items():
            _check_texts(key)
            _check_texts(below)
    elif isinstance(value, list):
        for below in value:
            _check_texts(below)
