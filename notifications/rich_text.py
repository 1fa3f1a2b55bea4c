"""Rich text of other systems, made safe for HTML and readable as plain text. Read next: templatetags/message_words.py."""

import re
from html.parser import HTMLParser

import nh3

from channels_ace.api import Refused
from notifications.links import allowed_link

# What a mail client shows well and nothing that loads: no pictures, styles, forms or embedded pages.
_TAGS = {"a", "b", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "s", "strong", "u", "ul"}
_BLOCKS = {"blockquote", "h1", "h2", "h3", "h4", "hr", "ol", "p", "pre", "ul"}


def to_safe_html(html: str) -> str:
    """This function will keep paragraphs, lists, emphasis, mail addresses and links to where a message may lead.

    Nothing is left that acts or loads, and of a link to another host its words.
    """
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_allowed_address,
        url_schemes={"http", "https", "mailto"},
        # A path would lead nowhere from inside a mail.
        url_relative="deny",
    )


def to_plain_text(html: str) -> str:
    """This function will say the same in plain text, each address written out after its words."""
    reader = _Reader()
    reader.feed(to_safe_html(html))
    reader.close()
    lines = [re.sub(r"[^\S\n]+", " ", line).strip() for line in "".join(reader.written).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _allowed_address(tag: str, attribute: str, value: str) -> str | None:
    try:
        return value if value.lower().startswith("mailto:") else allowed_link(value)
    except Refused:
        return None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self._address = ""
        self._words_from = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.written.append("\n\n")
        elif tag == "br":
            self.written.append("\n")
        elif tag == "li":
            self.written.append("\n- ")
        elif tag == "a":
            self._address = dict(attrs).get("href") or ""
            self._words_from = len(self.written)

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.written.append("\n\n")
        elif tag == "a" and self._address:
            words = "".join(self.written[self._words_from :]).strip()
            if words != self._address:
                self.written.append(f" ({self._address})")
            self._address = ""

    def handle_data(self, data: str) -> None:
        # A line feed inside a paragraph is only a space.
        self.written.append(re.sub(r"\s+", " ", data))
