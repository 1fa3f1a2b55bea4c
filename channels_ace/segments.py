"""PURE: how many parts of a text message are paid for. Read next: channels/sms_aws.py.

The alphabet is 3GPP TS 23.038, section 6.2.1; a text outside of it goes as UCS-2. One part holds 160 septets or 70 code units; in a
longer message each part gives 6 bytes to its header, which leaves 153 or 67. No character is divided between two parts.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")

# What a word processor puts in, and what says the same on a phone. One such letter more than doubles the price of a text.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\t", " "),
        **dict.fromkeys("\u200b\u2060\ufeff\u00ad", ""),
        **dict.fromkeys("•·", "-"),
        "…": "...",
        "\u2028": "\n",
        "\u2029": "\n",
    }
)


@dataclass(frozen=True, kw_only=True)
class Segments:
    encoding: str  # GSM-7 or UCS-2
    units: int  # septets or UTF-16 code units
    parts: int


def write_plainly(text: str) -> str:
    """This function will replace typographic characters (quotes, dashes, ellipsis, odd spaces) by plain ones where that lets the text
    go in the short alphabet. A text that needs UCS-2 in any case keeps its typography."""
    composed = unicodedata.normalize("NFC", text)
    plain = composed.translate(_PLAIN)
    return plain if _is_gsm(plain) else composed


def count_segments(text: str) -> Segments:
    """This function will count what a text is billed as. The text is taken as it is: call `write_plainly` first if it is sent so."""
    if _is_gsm(text):
        septets = [2 if letter in _EXTENSION else 1 for letter in text]
        return Segments(encoding="GSM-7", units=sum(septets), parts=_parts(septets, alone=160, joined=153))
    code_units = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    return Segments(encoding="UCS-2", units=sum(code_units), parts=_parts(code_units, alone=70, joined=67))


def _is_gsm(text: str) -> bool:
    return all(letter in _BASIC or letter in _EXTENSION for letter in text)


def _parts(sizes: Iterable[int], *, alone: int, joined: int) -> int:
    sizes = list(sizes)
    if sum(sizes) <= alone:
        return 1 if sizes else 0
    parts, used = 1, 0
    for size in sizes:
        if used + size > joined:
            parts, used = parts + 1, 0
        used += size
    return parts
