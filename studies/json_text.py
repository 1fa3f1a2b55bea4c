"""JSON as people hand it in: strict, and what is wrong told with its place. Pure. Read next: forms.py."""

from __future__ import annotations

import json
from typing import Any


class NotJson(ValueError):
    """What cannot be read: a code, and where reading stopped, if it did at a place (both count from 1)."""

    def __init__(self, code: str, *, line: int = 0, column: int = 0, name: str = "") -> None:
        self.code, self.line, self.column, self.name = code, line, column, name
        super().__init__(code)


def read_json(content: bytes | str) -> object:
    """This function will give the value of a JSON document (RFC 8259, UTF-8, a byte order mark allowed). Raises NotJson.

    Stricter than Python's own reader: no NaN, no name twice in an object, nothing that is not text.
    """
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
        value: object = json.loads(text, object_pairs_hook=_read_object, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
        # PostgreSQL stores no NUL, not even an escaped one.
        if "\\u0000" in json.dumps(value):
            raise NotJson("nul")
    except json.JSONDecodeError as error:
        raise NotJson("syntax", line=error.lineno, column=error.colno) from error
    except UnicodeError as error:
        raise NotJson("not_text") from error
    except RecursionError as error:
        raise NotJson("too_deep") from error
    except NotJson:
        raise
    except ValueError as error:
        # A number of more digits than Python reads.
        raise NotJson("number") from error
    return value


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise NotJson("twice", name=name[:64])
        found[name] = value
    return found


def _refuse_constant(_name: str) -> float:
    raise NotJson("number")
