"""What real mail programs need of every e-mail we send, in every language, with and without a brand."""

import re
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from channels_ace.api import PLAIN, Look, registered, render
from channels_ace.channel import Outgoing
from channels_ace.channels.email import message_of
from notifications.message_previews import sample

BRAND = Look(
    key="1", brand={"name": "North School", "logo": "https://north.example.org/logo.png", "colour": "#7a1f1f", "footer": "1 North Road"}
)
MAILS = [(known.name, language) for known in registered() if "email" in known.channels for language, _label in settings.LANGUAGES]
# Outlook draws with Word, Gmail drops what it does not know: https://www.caniemail.com has the tables.
FORBIDDEN_ELEMENTS = {"script", "link", "iframe", "form", "input", "object", "embed", "video", "audio", "svg", "base"}
FORBIDDEN_STYLES = re.compile(r"display:\s*(flex|grid)|position:|float:|url\(|expression\(|var\(|@import|@font-face")


class Seen(HTMLParser):
    """The elements of a document with their attributes, and the words that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._hidden = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in ("style", "title"):
            self._hidden = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


@pytest.mark.parametrize("look", [PLAIN, BRAND], ids=["plain", "brand"])
@pytest.mark.parametrize(("name", "language"), MAILS)
def test_a_mail_can_be_read_in_every_mail_program(name: str, language: str, look: Look) -> None:
    parts = render(sample(name), "email", ("subject", "text", "html"), language, look)
    outgoing = Outgoing(
        token="t", to="ana@example.org", to_kind="email", parts=parts, type=name, message_id="m", language=language, ttl_seconds=None
    )
    html = str(message_of(outgoing).alternatives[0][0])
    seen = Seen(html)
    elements = {tag for tag, _attributes in seen.elements}
    styles = " ".join(attributes.get("style", "") for _tag, attributes in seen.elements)

    assert parts["subject"]
    assert len(html.encode()) < 100_000
    assert not elements & FORBIDDEN_ELEMENTS
    assert not FORBIDDEN_STYLES.search(styles)
    assert not [attributes for _tag, attributes in seen.elements if any(one.startswith("on") for one in attributes)]
    tables = [attributes for tag, attributes in seen.elements if tag == "table"]
    assert tables
    assert all(attributes.get("role") == "presentation" for attributes in tables)
    assert all(attributes.get("alt") for tag, attributes in seen.elements if tag == "img")
    links = [attributes for tag, attributes in seen.elements if tag == "a"]
    assert links
    assert all(re.match(r"https?://", attributes["href"]) for attributes in links)
    # A program that throws the sheet of styles away still shows the button and the text.
    assert all(attributes.get("style") for attributes in links)
    assert "prefers-color-scheme: dark" in html
    head = dict(seen.elements)["html"]
    assert (head["lang"], head["dir"]) == (language, "rtl" if language == "ar" else "ltr")


@pytest.mark.parametrize(("name", "language"), MAILS)
def test_plain_text_says_all_that_html_says(name: str, language: str) -> None:
    parts = render(sample(name), "email", ("subject", "text", "html"), language, BRAND)

    said = set(" ".join(parts["text"].split()).replace(":", "").split())
    missing = {word for word in Seen(parts["html"]).words if word.replace(":", "") not in said}

    with translation.override(language):
        button = gettext("Open it").split()
    assert missing <= {"·", *button}
