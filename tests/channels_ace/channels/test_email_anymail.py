import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from channels_ace.api import Attempt, Delivery, deliver_all
from channels_ace.channel import Outcome
from channels_ace.channels.email import EmailChannel
from channels_ace.urls import tracking_addresses
from tests.channels_ace.channels.outgoing import make_email, send_one
from tests.channels_ace.saying import NEWS, say
from tests.factories import NOW, make_user
from tests.fakes import Doubles
from tests.fakes.faults import UNCLEAR

POSTMARK_OK = {"ErrorCode": 0, "Message": "OK", "MessageID": "pm-1", "To": "ada.lovelace@learn.example"}
SPARKPOST_OK = {"results": {"total_accepted_recipients": 1, "total_rejected_recipients": 0, "id": "sp-1"}}
MAILERSEND_OK = {"message": "", "warnings": []}


class Service(HTTPServer):
    """An e-mail service on loopback that answers what it is told and counts what it was asked."""

    status = 200
    answer: dict[str, Any] = POSTMARK_OK
    extra_headers: dict[str, str] = {}
    asked = 0
    heard: dict[str, Any] = {}


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.server.heard = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked += 1
        body = json.dumps(self.server.answer).encode()
        self.send_response(self.server.status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **self.server.extra_headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with Service(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "t",
            "POSTMARK_API_URL": url,
            "SPARKPOST_API_KEY": "k",
            "SPARKPOST_API_URL": url,
            "MAILERSEND_API_TOKEN": "t",
            "MAILERSEND_API_URL": url,
            "WEBHOOK_SECRET": "name:password",
            "AMAZON_SES_CLIENT_PARAMS": {
                "endpoint_url": url,
                "region_name": "us-east-1",
                "aws_access_key_id": "k",
                "aws_secret_access_key": "s",
            },
        }
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        yield server
        server.shutdown()
        thread.join(timeout=10)


def test_a_service_gives_its_own_message_id(service: Service) -> None:
    receipt = send_one(EmailChannel(), make_email())

    assert (receipt.outcome, receipt.provider_message_id, service.asked) == (Outcome.ACCEPTED, "pm-1", 1)


@pytest.mark.parametrize(
    ("status", "outcome", "wait"),
    [
        (401, Outcome.REFUSED, None),
        (422, Outcome.PERMANENT, None),
        (429, Outcome.REFUSED, 9),
        (500, Outcome.UNKNOWN, None),
        (503, Outcome.UNKNOWN, 9),
    ],
)
def test_what_a_service_answers_is_told_apart_after_one_request(service: Service, status: int, outcome: Outcome, wait: int | None) -> None:
    service.status, service.answer = status, {"ErrorCode": 1, "Message": "no ada.lovelace@learn.example"}
    service.extra_headers = {"Retry-After": "9"} if wait else {}

    receipt = send_one(EmailChannel(), make_email())

    assert (receipt.outcome, receipt.code, receipt.retry_after_seconds) == (outcome, f"http_{status}", wait)
    assert "ada.lovelace" not in receipt.detail
    assert service.asked == 1


@pytest.mark.parametrize(
    ("status", "name", "outcome"),
    [
        (400, "MessageRejected", Outcome.PERMANENT),
        (400, "SendingPausedException", Outcome.REFUSED),
        (429, "TooManyRequestsException", Outcome.REFUSED),
        (500, "InternalFailure", Outcome.UNKNOWN),
    ],
)
def test_ses_errors_about_the_account_do_not_end_the_message(
    service: Service, settings: Settings, status: int, name: str, outcome: Outcome
) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.amazon_ses.EmailBackend"
    service.status, service.answer, service.extra_headers = status, {"message": "no"}, {"x-amzn-ErrorType": name}

    channel = EmailChannel()
    receipt = send_one(channel, make_email())

    assert (channel.provider, receipt.outcome, receipt.code, service.asked) == ("amazon_ses", outcome, f"http_{status}", 1)


@pytest.mark.parametrize("fault", sorted({*UNCLEAR, "error_500", "error_503"}))
def test_ses_is_asked_once_whatever_its_library_does_by_default(doubles: Doubles, settings: Settings, fault: str) -> None:
    use_ses(settings, doubles)
    doubles.faults.script("ses", fault, times=5, seconds=3)

    receipt = send_one(EmailChannel(), make_email())

    assert receipt.outcome is Outcome.UNKNOWN
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [fault in UNCLEAR]


def test_ses_takes_a_message_under_our_attempt(doubles: Doubles, settings: Settings) -> None:
    use_ses(settings, doubles)
    mail = make_email()

    receipt = send_one(EmailChannel(), mail)

    (entry,) = doubles.ledger.entries()
    assert (receipt.outcome, entry["provider"], entry["token"], entry["accepted"]) == (Outcome.ACCEPTED, "ses", mail.token, True)
    assert entry["body"] == "Two new answers"


def use_ses(settings: Settings, doubles: Doubles) -> None:
    # As the environment writes it: JSON, in which nobody thinks of retries.
    client = {"endpoint_url": doubles.http, "region_name": "us-east-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}
    settings.ANYMAIL = {"AMAZON_SES_CLIENT_PARAMS": {**client, "config": {"read_timeout": 1}}}
    settings.EMAIL_BACKEND = "anymail.backends.amazon_ses.EmailBackend"


def test_ses_says_when_to_come_back(service: Service, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.amazon_ses.EmailBackend"
    service.status, service.answer = 429, {"message": "slower"}
    service.extra_headers = {"x-amzn-ErrorType": "TooManyRequestsException", "Retry-After": "9"}

    receipt = send_one(EmailChannel(), make_email())

    assert (receipt.outcome, receipt.retry_after_seconds, service.asked) == (Outcome.REFUSED, 9, 1)


def test_a_service_that_cannot_be_reached_has_accepted_nothing(service: Service, settings: Settings) -> None:
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "t", "POSTMARK_API_URL": "http://127.0.0.1:1/"}

    receipt = send_one(EmailChannel(), make_email())

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "no_connection")


def postmark_tells(metadata: dict[str, str]) -> Any:
    return {
        "RecordType": "Delivery",
        "MessageID": "one of its own",
        "Recipient": "ada@example.org",
        "DeliveredAt": "2026-03-02T12:00:09Z",
        "Metadata": metadata,
    }


def sparkpost_tells(metadata: dict[str, str]) -> Any:
    event = {"type": "delivery", "event_id": "e1", "timestamp": "1772452809", "rcpt_to": "ada@example.org", "message_id": "one of its own"}
    return [{"msys": {"message_event": {**event, "transmission_id": "another", "rcpt_meta": metadata}}}]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "answer", "where", "tells"),
    [("postmark", POSTMARK_OK, "Metadata", postmark_tells), ("sparkpost", SPARKPOST_OK, "metadata", sparkpost_tells)],
)
def test_a_service_that_drops_our_message_id_tells_of_our_attempt(
    service: Service, settings: Settings, name: str, answer: dict[str, Any], where: str, tells: Callable[[dict[str, str]], Any]
) -> None:
    settings.EMAIL_BACKEND, service.answer = f"anymail.backends.{name}.EmailBackend", answer
    say([make_user(email="ada@example.org")], NEWS, channels=["email"])
    deliver_all(NOW)
    attempt = Attempt.objects.get()
    assert service.heard[where] == {"attempt": str(attempt.token)}

    [address] = tracking_addresses()
    request = RequestFactory().post(
        f"/webhooks/anymail/{name}/tracking/",
        json.dumps(tells(service.heard[where])),
        content_type="application/json",
        headers={"Authorization": f"Basic {b64encode(b'name:password').decode()}"},
    )
    assert address.callback(request).status_code == 200

    assert Delivery.objects.get().state == Delivery.State.DELIVERED


def test_a_service_that_takes_no_metadata_gets_the_mail_without(service: Service, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.mailersend.EmailBackend"
    service.status, service.answer, service.extra_headers = 202, MAILERSEND_OK, {"X-Message-Id": "ms-1"}

    receipt = send_one(EmailChannel(), make_email())

    assert receipt.code != "unsendable"
    assert service.asked == 1
