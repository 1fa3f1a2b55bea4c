"""Texts of other people, hostile ones, on their way into an inbox and an e-mail."""

from html.parser import HTMLParser

import pytest

from channels_ace.api import Message, render
from tests.factories import NOW

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<form action=https://evil.example><input name=password></form>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<base href=https://evil.example/><meta http-equiv=refresh content=0>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "</title></style></script><script>alert(1)</script>",
    "<!--<img src=--><img src=x onerror=alert(1)>",
    "{{ message.context }}{% load static %}",
]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update({name: value or "" for name, value in attrs})


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def email_of(type_name: str, **context: str) -> str:
    message = Message(type=type_name, context=context, link="/inbox/", created_at=NOW)
    return render(message, "email", ("subject", "text", "html"), "en")["html"]


MESSAGES = {
    "title": lambda bad: email_of("discussion.new_response", replier_name="Lee", post_title=bad),
    "name": lambda bad: email_of("discussion.new_response", replier_name=bad, post_title="Quiz"),
    "course": lambda bad: email_of("discussion.new_response", replier_name="Lee", post_title="Quiz", course_name=bad),
    "body": lambda bad: email_of("other.announcement", title="News", body=bad),
    "rich text": lambda bad: email_of("updates.course_updates", course_update_content=f"<p>News</p>{bad}"),
}


@pytest.mark.parametrize("bad", HOSTILE)
@pytest.mark.parametrize("place", MESSAGES)
def test_no_text_of_a_person_adds_anything_that_acts_or_loads_to_an_email(place: str, bad: str) -> None:
    usual, found = read(MESSAGES[place]("plain words")), read(MESSAGES[place](bad))
    assert found.tags - usual.tags <= {"a"}
    assert not [name for name in found.attributes if name.startswith("on") or name in ("srcdoc", "src", "action")]
    assert not [value for value in found.attributes.values() if "script:" in value.lower().replace("\t", "")]


@pytest.mark.parametrize("bad", HOSTILE)
def test_a_hostile_title_is_words_in_the_inbox(bad: str) -> None:
    message = Message(type="other.announcement", context={"title": bad}, created_at=NOW)
    assert render(message, "inbox", ("title.txt",), "en")["title"] == bad
