"""E-mail through Django's mail API: SMTP, or any service that Anymail knows. Read next: ../channel.py, where the outcomes are told."""

import contextlib
import logging
import smtplib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parseaddr
from typing import Any, cast

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend

from channels_ace.aws import asking_once
from channels_ace.channel import (
    READ_TIMEOUT_SECONDS,
    Channel,
    Outcome,
    Outgoing,
    Receipt,
    never_connected,
    seconds_of,
    without_addresses,
)
from channels_ace.channels.mail_form import MailForms

logger = logging.getLogger(__name__)

# RFC 5321, 4.2.3: mailbox unavailable, user not local, mailbox name not allowed.
_HARD_BOUNCES = {550, 551, 553}
# Anymail can send these no metadata, and refuses the message that has some.
_WITHOUT_METADATA = {"mailersend", "postal"}
# SES answers these with a plain 400, though they say nothing about the message (SES API v2, SendEmail, errors).
_SES_ACCOUNT_ERRORS = {
    "LimitExceededException",
    "AccountSuspendedException",
    "SendingPausedException",
    "MailFromDomainNotVerifiedException",
}


class EmailChannel(Channel):
    name = "email"
    contact_kinds = ("email",)
    parts = ("subject", "text", "html")
    batch_size = 50
    at_once = 50

    def __init__(self) -> None:
        # django.core.mail.backends.smtp.EmailBackend is "smtp", anymail.backends.amazon_ses.EmailBackend is "amazon_ses".
        self.provider = settings.EMAIL_BACKEND.split(".")[-2]

    def send(self, batch: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, Receipt]]:
        """This function will send each e-mail over one open connection; a server that cannot be reached answers for the whole batch."""
        with _Line() as line:
            for outgoing in batch:
                yield outgoing, line.send(outgoing)


def message_of(outgoing: Outgoing) -> EmailMultiAlternatives:
    """This function will build the e-mail: plain text and, where there is one, HTML with its styles written inline."""
    headers = {
        **{name: _one_line(value) for name, value in outgoing.headers.items()},
        "Message-ID": _message_id(outgoing),
        "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday answers, please
        "Content-Language": outgoing.language,
        "X-Carillon-Attempt": outgoing.token,
    }
    message = EmailMultiAlternatives(
        subject=_one_line(outgoing.parts.get("subject", "")),
        body=outgoing.parts.get("text", ""),
        from_email=_sender(outgoing),
        to=[outgoing.to],
        headers=headers,
    )
    html = outgoing.parts.get("html", "")
    if html:
        # Styles by URL are not fetched: a template must not make the worker read what it names.
        message.attach_alternative(css_inline.inline(html, load_remote_stylesheets=False, keep_at_rules=True), "text/html")
    return message


def _sender(outgoing: Outgoing) -> str:
    return _one_line(outgoing.sender) or settings.DEFAULT_FROM_EMAIL


def _message_id(outgoing: Outgoing) -> str:
    sender_domain = parseaddr(_sender(outgoing))[1].rpartition("@")[2] or "localhost"
    return f"<{outgoing.token}@{sender_domain}>"


class _Line:
    """One connection for a batch, opened when first needed and again after a failure."""

    def __init__(self) -> None:
        self._backend = cast(Any, get_connection())  # each backend has attributes of its own
        if getattr(self._backend, "timeout", 0) is None:
            # Django waits for ever unless EMAIL_TIMEOUT is set.
            self._backend.timeout = READ_TIMEOUT_SECONDS
        if "config" in getattr(self._backend, "client_params", {}):
            # Amazon SES, which Anymail speaks to by boto3.
            self._backend.client_params["config"] = asking_once(self._backend.client_params["config"])
        self._unreachable: Receipt | None = None
        self._may_be_accepted = False
        self._forms = MailForms(message_of)

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def send(self, outgoing: Outgoing) -> Receipt:
        try:
            mail = (self._speaks_smtp() and self._forms.write(outgoing)) or self._traceable(outgoing)
        except Exception as error:  # one bad message must not stop the others
            return Receipt(outcome=Outcome.PERMANENT, code="unsendable", detail=without_addresses(error, outgoing.to))
        self._connect()
        if self._unreachable is not None:
            return self._unreachable
        try:
            self._may_be_accepted = not self._is_smtp()
            return self._hand_over(mail, outgoing)
        except Exception as error:  # whatever a backend raises
            self._hang_up()
            return _receipt_of_error(error, outgoing, may_be_accepted=self._may_be_accepted)

    def _traceable(self, outgoing: Outgoing) -> EmailMultiAlternatives:
        """A service may write a Message-ID of its own, and drop our headers: what it repeats with each event is the metadata."""
        mail = message_of(outgoing)
        if type(self._backend).__module__.rpartition(".")[2] not in _WITHOUT_METADATA:
            vars(mail)["metadata"] = {"attempt": outgoing.token}
        return mail

    def _hand_over(self, mail: bytes | EmailMultiAlternatives, outgoing: Outgoing) -> Receipt:
        if isinstance(mail, bytes):
            self._backend.connection.sendmail(parseaddr(_sender(outgoing))[1], [outgoing.to], mail)
            return Receipt(outcome=Outcome.ACCEPTED, provider_message_id=_message_id(outgoing))
        if not self._backend.send_messages([mail]):
            return Receipt(outcome=Outcome.PERMANENT, code="no_recipient")
        status = getattr(mail, "anymail_status", None)
        return Receipt(outcome=Outcome.ACCEPTED, provider_message_id=str(getattr(status, "message_id", None) or _message_id(outgoing)))

    def _speaks_smtp(self) -> bool:
        # Exactly Django's own: a backend made from it may do more with a message than send it.
        return type(self._backend) is EmailBackend

    def _connect(self) -> None:
        try:
            is_new = self._backend.open()
        except Exception as error:
            self._hang_up()
            code = f"smtp_{error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else "no_connection"
            self._unreachable = Receipt(outcome=Outcome.REFUSED, code=code, detail=without_addresses(f"{type(error).__name__}: {error}"))
            return
        if is_new and self._is_smtp():
            self._watch_data_command(self._backend.connection)

    def _watch_data_command(self, connection: smtplib.SMTP) -> None:
        """A server may have kept a message only after DATA; smtplib raises the same error before and after."""
        hand_over = connection.data

        def data(text: Any) -> tuple[int, bytes]:
            self._may_be_accepted = True
            return hand_over(text)

        vars(connection)["data"] = data

    def _is_smtp(self) -> bool:
        return isinstance(getattr(self._backend, "connection", None), smtplib.SMTP)

    def _hang_up(self) -> None:
        # Saying goodbye to a server that is gone is no error of the messages it took.
        with contextlib.suppress(Exception):
            self._backend.close()


def _receipt_of_error(error: Exception, outgoing: Outgoing, *, may_be_accepted: bool) -> Receipt:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return _receipt_of_smtp(code, words, outgoing, dead=code in _HARD_BOUNCES)
    if isinstance(error, (smtplib.SMTPSenderRefused, smtplib.SMTPHeloError)) and error.smtp_code >= 500:
        # Our own address or host is refused: an operator mends it, and the message can still go out then.
        detail = without_addresses(_text(error.smtp_error), outgoing.to)
        return Receipt(outcome=Outcome.REFUSED, code=f"smtp_{error.smtp_code}", detail=detail)
    if isinstance(error, smtplib.SMTPResponseException):
        return _receipt_of_smtp(error.smtp_code, error.smtp_error, outgoing, dead=False)
    detail = without_addresses(f"{type(error).__name__}: {error}", outgoing.to)
    if isinstance(error, (smtplib.SMTPNotSupportedError, UnicodeError)):
        return Receipt(outcome=Outcome.PERMANENT, code="unsendable", detail=detail)
    if not may_be_accepted:
        return Receipt(outcome=Outcome.REFUSED, code="no_connection", detail=detail)
    return _receipt_of_service(error, detail)


def _receipt_of_smtp(code: int, words: bytes | str, outgoing: Outgoing, *, dead: bool) -> Receipt:
    outcome = {4: Outcome.REFUSED, 5: Outcome.PERMANENT}.get(code // 100, Outcome.UNKNOWN)
    return Receipt(outcome=outcome, code=f"smtp_{code}", detail=without_addresses(_text(words), outgoing.to), address_is_dead=dead)


def _receipt_of_service(error: Exception, detail: str) -> Receipt:
    # Imported here, since only a worker that met an error needs it, and it brings the HTTP library along.
    from anymail import exceptions as anymail

    if isinstance(error, anymail.AnymailRecipientsRefused):
        return Receipt(outcome=Outcome.PERMANENT, code="recipient_refused", detail=detail)
    if isinstance(error, (anymail.AnymailUnsupportedFeature, anymail.AnymailSerializationError, anymail.AnymailInvalidAddress)):
        return Receipt(outcome=Outcome.PERMANENT, code="unsendable", detail=detail)
    if never_connected(error):
        return Receipt(outcome=Outcome.REFUSED, code="no_connection", detail=detail)
    status, name, headers = _answer_of(error)
    wait = seconds_of(headers.get("Retry-After"))
    if status in {400, 413, 422} and name not in _SES_ACCOUNT_ERRORS:
        return Receipt(outcome=Outcome.PERMANENT, code=f"http_{status}", detail=detail)
    if 400 <= status < 500:
        return Receipt(outcome=Outcome.REFUSED, code=f"http_{status}", detail=detail, retry_after_seconds=wait)
    return Receipt(outcome=Outcome.UNKNOWN, code=f"http_{status}" if status else "no_answer", detail=detail, retry_after_seconds=wait)


def _answer_of(error: Exception) -> tuple[int, str, Mapping[str, str]]:
    """The HTTP status, error name and headers behind an Anymail error; SES keeps them on the cause, which is botocore's."""
    behind: Any = getattr(error.__cause__, "response", None)
    if isinstance(behind, dict):
        about = behind.get("ResponseMetadata", {})
        # botocore writes the names of headers in small letters.
        headers = {"Retry-After": about.get("HTTPHeaders", {}).get("retry-after", "")}
        return about.get("HTTPStatusCode", 0), behind.get("Error", {}).get("Code", ""), headers
    return getattr(error, "status_code", None) or 0, "", getattr(getattr(error, "response", None), "headers", {})


def _one_line(text: str) -> str:
    """Django refuses a line feed in a header, but lets NUL, vertical tab, U+0085 and U+2028 pass; mail servers read some as line ends."""
    return " ".join("".join(" " if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} else letter for letter in text).split())


def _text(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words
