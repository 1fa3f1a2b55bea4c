import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.config import Config
from pytest_django import Settings

from channels_ace.channel import Outcome
from channels_ace.channels.email import EmailChannel
from tests.channels_ace.channels.outgoing import make_email, send_one

POSTMARK_OK = {"ErrorCode": 0, "Message": "OK", "MessageID": "pm-1", "To": "ada.lovelace@learn.example"}


class Service(HTTPServer):
    """An e-mail service on loopback that answers what it is told and counts what it was asked."""

    status = 200
    answer: dict[str, Any] = POSTMARK_OK
    extra_headers: dict[str, str] = {}
    asked = 0


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
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
            "AMAZON_SES_CLIENT_PARAMS": {
                "endpoint_url": url,
                "region_name": "us-east-1",
                "aws_access_key_id": "k",
                "aws_secret_access_key": "s",
                "config": Config(retries={"total_max_attempts": 1, "mode": "standard"}),
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
