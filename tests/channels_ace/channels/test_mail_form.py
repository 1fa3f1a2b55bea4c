from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from pytest_django import Settings

from channels_ace.channels.email import EmailChannel, message_of
from channels_ace.channels.mail_form import MailForms
from tests.channels_ace.channels.outgoing import make_email
from tests.fakes import Doubles

PARTS = {"subject": "Nuevas respuestas: ¿por qué?", "text": "Dos líneas\n.\nmás " + "x" * 300, "html": "<p style='color: blue'>¡Hola!</p>"}


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.SMTP)


def facts(mail: EmailMessage) -> tuple[Any, ...]:
    """This function will give all that a recipient's program sees, but the moment and the boundary, which differ each time."""
    headers = {name: " ".join(str(value).split()) for name, value in mail.items() if name not in {"Date", "Content-Type"}}
    return headers, [(part.get_content_type(), part.get_content().splitlines()) for part in mail.walk() if not part.is_multipart()]


def test_a_mail_from_a_form_is_the_mail_that_is_built_by_itself() -> None:
    forms = MailForms(message_of)
    mails = [
        make_email(
            to=f"p.{number}+x@learn.example",
            parts=PARTS,
            language=("es", "en")[number % 2],
            headers={
                "List-Unsubscribe": f"<https://carillon.example/u/{number}/{'k' * 120}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )
        for number in range(4)
    ]

    for mail in mails:
        written = forms.write(mail)
        assert written is not None
        assert facts(read(written)) == facts(read(message_of(mail).message().as_bytes()))
        assert b"carillon.invalid" not in written


@pytest.mark.parametrize(
    "changes",
    [{"to": ""}, {"to": "ñandú@learn.example"}, {"to": "a@b.example\r\nBcc: c@d.example"}, {"headers": {"X-Note": "a\nBcc: c@d.example"}}],
)
def test_what_must_be_encoded_or_refused_gets_no_form(changes: dict[str, Any]) -> None:
    assert MailForms(message_of).write(make_email(**changes)) is None


def test_a_batch_of_two_messages_reaches_each_recipient_with_their_own(doubles: Doubles, settings: Settings) -> None:
    mails = [make_email(to=f"p{number}@learn.example", parts={**PARTS, "subject": f"s{number % 2}"}) for number in range(6)]

    list(EmailChannel().send(mails))

    assert [(entry["token"], entry["body"]) for entry in doubles.ledger.entries()] == [
        (mail.token, mail.parts["subject"]) for mail in mails
    ]
