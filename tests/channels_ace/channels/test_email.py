import socket
from pathlib import Path

import pytest
from pytest_django import Settings

from channels_ace.channel import Outcome
from channels_ace.channels.email import EmailChannel, message_of
from tests.channels_ace.channels.outgoing import EMAIL, make_email, send_one
from tests.fakes import Doubles
from tests.fakes.ledger import digest_of

HTML = """<html><head><title>x</title><style>p { color: blue } @media (max-width: 600px) { p { color: green } }</style>
<link rel="stylesheet" href="STYLESHEET"></head><body><p>Two new answers</p></body></html>"""


def test_an_accepted_email_is_in_the_ledger_with_its_headers(doubles: Doubles, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Carillon <no-reply@carillon.example>"
    unsubscribe = {"List-Unsubscribe": "<https://carillon.example/u/1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    email = make_email(headers=unsubscribe, language="es")

    receipt = send_one(EmailChannel(), email)

    (entry,) = doubles.ledger.entries()
    assert (receipt.outcome, receipt.provider_message_id) == (Outcome.ACCEPTED, f"<{email.token}@carillon.example>")
    assert (entry["token"], entry["accepted"], entry["to_digest"], entry["body"]) == (
        email.token,
        True,
        digest_of(EMAIL),
        "Two new answers",
    )
    assert entry["extra"] == {
        **unsubscribe,
        "Message-ID": f"<{email.token}@carillon.example>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "es",
        "X-Carillon-Attempt": email.token,
        "From": "Carillon <no-reply@carillon.example>",
        "content_types": ["text/plain"],
    }


def test_html_is_an_alternative_with_its_styles_inline_and_nothing_read_by_url(doubles: Doubles, tmp_path: Path) -> None:
    stylesheet = tmp_path / "secret.css"
    stylesheet.write_text("p { background: red }")
    html = HTML.replace("STYLESHEET", stylesheet.as_uri())
    email = make_email(parts={"subject": "s", "text": "Two new answers", "html": html})

    send_one(EmailChannel(), email)

    (entry,) = doubles.ledger.entries()
    assert entry["extra"]["content_types"] == ["text/plain", "text/html"]
    written = str(message_of(email).alternatives[0][0])
    assert '<p style="color: blue;">' in written
    assert "@media" in written
    assert "red" not in written


@pytest.mark.parametrize("subject", ["a\nBcc: x@y.example", "a\x00b", "a\x0bb", "a\x85b", "a\u2028b", "a\ud800b"])
def test_a_subject_stays_one_line(doubles: Doubles, subject: str) -> None:
    receipt = send_one(EmailChannel(), make_email(parts={"subject": subject, "text": "t"}))

    (entry,) = doubles.ledger.entries()
    assert receipt.outcome is Outcome.ACCEPTED
    assert entry["body"] in {"a b", "a Bcc: x@y.example"}


@pytest.mark.parametrize("fault", ["hang_after_accept", "reset_after_accept", "malformed"])
def test_an_answer_that_may_mean_accepted_is_unknown_and_the_next_email_goes_out(doubles: Doubles, fault: str) -> None:
    doubles.faults.script("smtp", fault)

    (_, first), (_, second) = EmailChannel().send([make_email(), make_email()])

    assert (first.outcome, second.outcome) == (Outcome.UNKNOWN, Outcome.ACCEPTED)
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [True, True]


@pytest.mark.parametrize(
    ("fault", "outcome", "code"), [("throttle", Outcome.REFUSED, "smtp_451"), ("error_500", Outcome.PERMANENT, "smtp_554")]
)
def test_what_the_server_turned_away_after_data_was_not_accepted(doubles: Doubles, fault: str, outcome: Outcome, code: str) -> None:
    doubles.faults.script("smtp", fault)

    receipt = send_one(EmailChannel(), make_email())

    assert (receipt.outcome, receipt.code, receipt.address_is_dead) == (outcome, code, False)
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [False]


def test_a_hard_bounce_is_a_dead_address_that_is_named_nowhere_and_stops_nobody(doubles: Doubles) -> None:
    (_, bounced), (_, other) = EmailChannel().send([make_email(to="bounce.me@learn.example"), make_email()])

    assert (bounced.outcome, bounced.code, bounced.address_is_dead) == (Outcome.PERMANENT, "smtp_550", True)
    assert "mailbox unavailable" in bounced.detail
    assert "bounce.me" not in bounced.detail
    assert other.outcome is Outcome.ACCEPTED


def test_a_server_that_is_not_there_has_accepted_nothing(doubles: Doubles, settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = closed.getsockname()[1]

        receipts = [receipt for _, receipt in EmailChannel().send([make_email(), make_email()])]

    assert [(receipt.outcome, receipt.code) for receipt in receipts] == [(Outcome.REFUSED, "no_connection")] * 2


def test_a_connection_that_breaks_before_data_has_accepted_nothing(doubles: Doubles) -> None:
    sending = EmailChannel().send([make_email(), make_email(), make_email()])
    next(sending)
    doubles.hang_up_mail()

    after = [receipt.outcome for _, receipt in sending]

    assert after == [Outcome.REFUSED, Outcome.ACCEPTED]
    assert len(doubles.ledger.entries()) == 2


def test_an_email_that_cannot_be_written_is_permanent_and_stops_nobody(doubles: Doubles) -> None:
    broken = make_email(parts={"subject": "s", "text": "a\ud800b"})

    (_, first), (_, second) = EmailChannel().send([broken, make_email()])

    assert (first.outcome, first.code) == (Outcome.PERMANENT, "unsendable")
    assert second.outcome is Outcome.ACCEPTED


def test_a_server_that_refuses_our_own_address_does_not_end_the_message(doubles: Doubles, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "unwelcome@carillon.example"

    receipt = send_one(EmailChannel(), make_email())

    assert (receipt.outcome, receipt.code, receipt.address_is_dead) == (Outcome.REFUSED, "smtp_550", False)


def test_a_server_is_not_waited_for_without_end(doubles: Doubles, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_TIMEOUT = None
    monkeypatch.setattr("channels_ace.channels.email.READ_TIMEOUT_SECONDS", 0.5)
    doubles.faults.script("smtp", "hang_after_accept", seconds=20)

    receipt = send_one(EmailChannel(), make_email())

    assert receipt.outcome is Outcome.UNKNOWN


def test_an_email_without_an_address_is_permanent(doubles: Doubles) -> None:
    receipt = send_one(EmailChannel(), make_email(to=""))

    assert receipt.outcome is Outcome.PERMANENT
