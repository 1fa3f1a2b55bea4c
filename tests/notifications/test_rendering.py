import re

import pytest
from django.conf import settings

from channels_ace.api import Message, registered_channels, render
from channels_ace.channel import Outgoing
from channels_ace.channels.email import message_of
from channels_ace.rendering import RESERVED
from channels_ace.segments import count_segments
from notifications.registry import NotificationType, find, registered
from tests.factories import NOW

TITLE = "Week 2 <b>quiz</b> & grading"
MAY_BE_EMPTY = {("inbox", "text")}
# Rich text, words that choose a sentence, dates, and the course, whose name is said where it is known.
WRITTEN_OTHERWISE = {"course_update_content", "content_type", "change", "course", "study"}


def make_message(known: NotificationType | str, link: str = "/inbox/", **context: str) -> Message:
    found = find(known) if isinstance(known, str) else known
    needed = {name: f"{name} {TITLE}" for name in found.variables}
    return Message(type=found.name, context={"course_name": "Science & Art", **needed, **context}, link=link, created_at=NOW)


def parts_of(channel: str) -> tuple[str, ...]:
    return ("title.txt", "text.txt") if channel == "inbox" else tuple(registered_channels()[channel].parts)


EVERY_WAY = [(known, channel, language) for known in registered() for channel in known.channels for language, _ in settings.LANGUAGES]


@pytest.mark.parametrize(("known", "channel", "language"), EVERY_WAY, ids=lambda value: getattr(value, "name", value))
def test_every_type_has_words_on_every_channel_in_every_language(known: NotificationType, channel: str, language: str) -> None:
    words = render(make_message(known), channel, parts_of(channel), language)
    empty = {(channel, name) for name, text in words.items() if not text} - MAY_BE_EMPTY
    assert not empty
    assert not [text for text in words.values() if "{{" in text or "{%" in text or "None" in text]
    assert "\n" not in words.get("subject", "") + words.get("title", "")
    assert channel != "sms" or count_segments(words["text"]).parts <= 3


# Without the types that other tests declare for themselves.
OURS = [known for known in registered() if not known.name.startswith("tests.")]


@pytest.mark.parametrize("known", OURS, ids=lambda known: known.name)
def test_every_type_has_a_line_of_its_own_and_uses_no_reserved_name(known: NotificationType) -> None:
    nameless = Message(type="somebody.elses", context={}, created_at=NOW)
    own = render(make_message(known), "inbox", ("title.txt",), "en")["title"]
    assert own not in (str(known.label), render(nameless, "inbox", ("title.txt",), "en")["title"])
    assert not RESERVED & set(known.variables)


@pytest.mark.parametrize("known", OURS, ids=lambda known: known.name)
def test_a_persons_words_are_literal_in_text_and_escaped_in_html(known: NotificationType) -> None:
    shown = [name for name in known.variables if name not in WRITTEN_OTHERWISE]
    for channel in known.channels:
        words = render(make_message(known), channel, parts_of(channel), "en")
        html = words.pop("html", "")
        plain = "\n".join(words.values())
        assert "&lt;" not in plain
        assert "&amp;" not in plain
        for name in shown:
            assert f"{name} {TITLE}" in plain
            if html:
                assert f"{name} Week 2 &lt;b&gt;quiz&lt;/b&gt; &amp; grading" in html
                assert f"{name} {TITLE}" not in html


def test_a_script_in_reported_content_is_shown_and_never_run() -> None:
    message = make_message("discussion.content_reported", content_type="post", content="Buy <script>alert(1)</script> followers")
    words = render(message, "email", ("subject", "text", "html"), "en")
    assert "Buy <script>alert(1)</script> followers" in words["text"]
    assert "<script" not in words["html"]
    assert "Buy &lt;script&gt;alert(1)&lt;/script&gt; followers" in words["html"]


def test_a_course_update_keeps_its_emphasis_in_html_and_its_words_in_text() -> None:
    update = (
        "<p>Lab 3 moves to <strong>Friday</strong> &amp; not later.</p><ul><li>One</li><li><a href='https://lms.example.org/x'>Two</a></li></ul>"
        "<script>steal()</script><img src=x onerror=steal()><a href='javascript:steal()'>Three</a><style>p{}</style>"
    )
    message = make_message("updates.course_updates", course_update_content=update)
    words = render(message, "email", ("subject", "text", "html"), "en")
    assert "<strong>Friday</strong> &amp; not later." in words["html"]
    assert not [bad for bad in ("steal", "<img", "onerror", "javascript:") if bad in words["html"] or bad in words["text"]]
    assert "Lab 3 moves to Friday & not later.\n\n- One\n- Two (https://lms.example.org/x)" in words["text"]
    assert render(message, "inbox", ("title.txt", "text.txt"), "en")["text"].startswith("Lab 3 moves to Friday & not later.")


def test_a_course_update_in_plain_text_stays_plain_text() -> None:
    message = make_message("updates.course_updates", course_update_content="Cohort B meets at 17:00, x < y & z.")
    assert "Cohort B meets at 17:00, x < y & z." in render(message, "email", ("text",), "en")["text"]


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ({"author_name": "your"}, "lee left a comment on your answer under your post “Quiz”."),
        ({"author_pronoun": "your", "author_name": "lee"}, "lee left a comment on your answer under your post “Quiz”."),
        ({"author_name": "ana_k"}, "lee left a comment on the answer by ana_k under your post “Quiz”."),
        ({"author_name": "ana_k's"}, "lee left a comment on the answer by ana_k under your post “Quiz”."),
        ({"author_name": "their"}, "lee left a comment on an answer under your post “Quiz”."),
        ({"author_name": ""}, "lee left a comment on an answer under your post “Quiz”."),
        ({}, "lee left a comment on an answer under your post “Quiz”."),
    ],
)
def test_the_author_of_an_answer_is_named_as_the_reader_knows_them(author: dict[str, str], expected: str) -> None:
    message = make_message("discussion.new_comment", replier_name="lee", post_title="Quiz", **author)
    assert render(message, "inbox", ("title.txt",), "en")["title"] == expected


def test_line_feeds_in_a_title_do_not_break_the_line() -> None:
    message = make_message("discussion.response_endorsed", post_title="Week\r\n2\nBcc: everyone@example.org")
    assert "\n" not in render(message, "email", ("subject",), "en")["subject"]


def test_an_email_leads_to_whole_addresses_and_says_which_setting_causes_it() -> None:
    words = render(make_message("discussion.new_response"), "email", ("text", "html"), "en")
    for text in words.values():
        assert f"{settings.SITE_URL}/inbox/" in text
        assert f"{settings.SITE_URL}/settings/" in text
        assert "“Activity notifications” under “Discussion” is on in your settings." in text
        assert "Science" in text
    assert set(re.findall(r'(?:href|src)="([^"]*)"', words["html"])) == {
        f"{settings.SITE_URL}/inbox/",
        f"{settings.SITE_URL}/settings/#type-discussion.activity",
    }


def test_an_email_that_cannot_be_turned_off_says_so() -> None:
    words = render(make_message("account.password_changed"), "email", ("text",), "en")
    assert "It cannot be turned off." in words["text"]


def test_an_email_without_a_link_has_no_button() -> None:
    words = render(make_message("discussion.new_response", link=""), "email", ("text", "html"), "en")
    assert "Open it" not in words["text"] + words["html"]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_an_email_as_it_goes_out_is_small_and_its_styles_are_inline(language: str) -> None:
    long = make_message("updates.course_updates", course_update_content="<p>" + "News of the week. " * 2000 + "</p>")
    words = render(long, "email", ("subject", "text", "html"), language)
    outgoing = Outgoing(
        token="t", to="ana@example.org", to_kind="email", parts=words, type=long.type, message_id="m", language=language, ttl_seconds=None
    )
    html = str(message_of(outgoing).alternatives[0][0])
    assert len(html.encode()) < 100_000
    assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in html
    assert re.search(r'<a[^>]*class="button-link"[^>]*style="[^"]*#ffffff', html)
    assert "<img" not in html


def test_a_push_fits_into_what_a_phone_shows() -> None:
    words = render(make_message("discussion.new_response", post_title="long " * 2000), "push", ("title", "body"), "en")
    assert words["title"] == "Science & Art"
    assert len(words["body"]) <= 240


def test_the_text_of_a_reminder_is_the_protocols_own_in_the_readers_language() -> None:
    said = {"in_languages": {"en": "Sleep & Walk: <now>", "es": "Sueño: ahora"}}
    message = Message(type="studies.nudge", context={"study": "Sleep", "said": said}, created_at=NOW)
    assert render(message, "sms", ("text",), "es-MX") == {"text": "Sueño: ahora"}
    assert render(message, "sms", ("text",), "ar") == {"text": "Sleep & Walk: <now>"}


def test_a_reminder_that_is_no_text_message_says_nothing_of_stop() -> None:
    said = "Sleep: today counts. Reply STOP to end texts."
    message = Message(type="studies.nudge", context={"study": "Sleep", "said": said}, created_at=NOW)
    assert render(message, "sms", ("text",), "en") == {"text": said}
    assert "STOP" not in str(render(message, "email", ("subject", "text", "html"), "en"))


def test_a_type_that_is_gone_can_still_be_read() -> None:
    message = Message(type="gone.away", context={"text": "mine", "site_url": "https://evil.example"}, link="/inbox/", created_at=NOW)
    words = render(message, "email", ("subject", "text", "html"), "en")
    assert words["subject"] == "There is news for you."
    assert "evil.example" not in words["text"] + words["html"]


@pytest.mark.parametrize(
    ("due", "expected"), [("2026-03-06", "March 6, 2026"), ("2026-03-06T23:59:00Z", "March 6, 2026 23:59 UTC"), ("Friday", "Friday")]
)
def test_a_due_date_is_written_as_people_write_it(due: str, expected: str) -> None:
    message = make_message("dates.assignment_due", assignment="Lab 3", due_date=due)
    assert render(message, "inbox", ("title.txt",), "en")["title"] == f"“Lab 3” is due on {expected}."
