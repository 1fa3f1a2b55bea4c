"""A mail written once for many: bytes with places for what differs. Read next: email.py.

Building the MIME of one mail takes longer than handing it to a server. The mails of one message in one language differ in a
few short headers only.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from django.core.mail import EmailMessage

from channels_ace.channel import Outgoing

# RFC 5322, 2.1.1: a line has at most 998 characters.
_LONGEST_VALUE = 900
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")


class MailForms:
    """The forms of one batch: each message and language is built once, and filled in for each recipient."""

    def __init__(self, build: Callable[[Outgoing], EmailMessage]) -> None:
        self._build = build
        self._forms: dict[tuple[object, ...], Sequence[bytes]] = {}
        # Nobody can have written it into a text; as long as a token, so that lines are folded alike.
        self._mark = str(uuid4())

    def write(self, outgoing: Outgoing) -> bytes | None:
        """This function will give the whole mail, as SMTP takes it; None if what differs must be encoded, and the mail built by itself."""
        values = [outgoing.token, *outgoing.headers.values()]
        if not _PLAIN_ADDRESS.fullmatch(outgoing.to) or not all(_is_plain(value) for value in values):
            return None
        key = (tuple(sorted(outgoing.parts.items())), outgoing.language, outgoing.sender, tuple(outgoing.headers))
        if key not in self._forms:
            self._forms[key] = self._form(outgoing)
        filled = dict(zip(self._places(outgoing.headers), [outgoing.to, *values], strict=True))
        return b"".join(filled[piece].encode() if piece in filled else piece for piece in self._forms[key])

    def _form(self, outgoing: Outgoing) -> Sequence[bytes]:
        to, token, *others = [place.decode() for place in self._places(outgoing.headers)]
        form = replace(outgoing, to=to, token=token, headers=dict(zip(outgoing.headers, others, strict=True)))
        # Django's MIME takes the ends of lines, which the types of the standard library do not know.
        mail: Any = self._build(form).message()
        raw: bytes = mail.as_bytes(linesep="\r\n")
        return re.split(b"(" + b"|".join([re.escape(place) for place in self._places(outgoing.headers)]) + b")", raw)

    def _places(self, headers: Iterable[str]) -> list[bytes]:
        """This function will give the places of the address, the token and each header."""
        others = [f"{number}.{self._mark}" for number, _ in enumerate(headers)]
        return [place.encode() for place in (f"{self._mark}@carillon.invalid", f"{self._mark[::-1]}", *others)]


def _is_plain(value: str) -> bool:
    # A line feed would begin a header of the caller's choosing.
    return value.isascii() and value.isprintable() and value == value.strip() and 0 < len(value) <= _LONGEST_VALUE
