"""A line to AWS asks once, signed as its library signs, and raises what a client would."""

import json
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from pytest_django import Settings

from channels_ace.aws import client, line

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-2"
SERVICE = "pinpoint-sms-voice-v2"
TEXT = {"DestinationPhoneNumber": "+12065550100", "MessageBody": "Ein “Zug” – für dich", "Context": {"attempt": "one"}, "TimeToLive": 60}


class Provider(ThreadingHTTPServer):
    """It keeps what it was asked, and answers what it is told to."""

    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.headers, self.body = 200, {"x-amzn-RequestId": "7"}, b'{"MessageId": "m-1"}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        for name, value in {**self.server.headers, "Content-Length": str(len(self.server.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """This function will run a provider, and make it AWS."""
    server = Provider()
    Thread(target=server.serve_forever, daemon=True).start()
    configure(settings, endpoint_url=f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


def configure(settings: Settings, **changes: Any) -> None:
    keys = {"access_key_id": KEY, "secret_access_key": SECRET, "region_name": REGION}
    settings.CHANNELS_ACE_PROVIDERS = {"AWS": {**settings.CHANNELS_ACE_PROVIDERS["AWS"], **keys, **changes}}


def test_it_asks_what_the_client_asks(provider: Provider) -> None:
    answer = line(SERVICE).ask("SendTextMessage", TEXT)
    client(SERVICE).send_text_message(**TEXT)

    assert answer["MessageId"] == "m-1"
    (path, ours, said), (its_path, its, its_words) = provider.asked
    assert (path, json.loads(said)) == (its_path, json.loads(its_words))
    for name in ("host", "content-type", "x-amz-target"):
        assert ours[name] == its[name]
    scope = [headers["authorization"].split("Credential=")[1].split(",")[0] for headers in (ours, its)]
    assert scope[0] == scope[1]
    assert scope[0].startswith(f"{KEY}/")
    assert scope[0].endswith(f"/{REGION}/sms-voice/aws4_request")


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzEXAMPLE=="])
def test_it_signs_what_the_library_signs(provider: Provider, token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = line(SERVICE)
    monkeypatch.setattr(asked, "_credentials", Credentials(KEY, SECRET, token))
    asked.ask("SendTextMessage", TEXT)
    ((path, headers, body),) = provider.asked

    signed_at = datetime.strptime(f"{headers['x-amz-date']}+0000", "%Y%m%dT%H%M%SZ%z")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: signed_at)
    names = {name: headers[name] for name in ("content-type", "x-amz-target")}
    request = AWSRequest("POST", f"http://{headers['host']}{path}", data=body, headers=names)
    SigV4Auth(Credentials(KEY, SECRET, token), "sms-voice", REGION).add_auth(request)
    assert headers["authorization"] == request.headers["authorization"]
    assert headers.get("x-amz-security-token") == token


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"__type": "com.amazon.coral#ConflictException", "Message": "No.", "Reason": "DESTINATION_PHONE_NUMBER_OPTED_OUT"}'),
        (429, b'{"__type": "ThrottlingException", "message": "Slower."}'),
        (403, b"not JSON"),
        (503, b"<html>gone</html>"),
        (500, b""),
    ],
)
def test_it_refuses_as_the_client_does(provider: Provider, status: int, body: bytes) -> None:
    provider.status, provider.body, provider.headers = status, body, {"Retry-After": "7"}
    with pytest.raises(ClientError) as its:
        client(SERVICE).send_text_message(**TEXT)
    with pytest.raises(ClientError) as ours:
        line(SERVICE).ask("SendTextMessage", TEXT)

    assert len(provider.asked) == 2
    for name in ("Error", "Reason"):
        assert ours.value.response.get(name) == its.value.response.get(name)
    for found in (ours, its):
        assert found.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert found.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"


def test_it_does_not_follow_where_it_is_sent(provider: Provider) -> None:
    provider.status, provider.headers = 307, {"Location": "/elsewhere"}
    with pytest.raises(ClientError):
        line(SERVICE).ask("SendTextMessage", TEXT)
    assert len(provider.asked) == 1


def test_behind_a_proxy_the_client_is_asked(provider: Provider, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{provider.server_port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    configure(settings, endpoint_url="http://texts.example")

    assert line(SERVICE).ask("SendTextMessage", TEXT)["MessageId"] == "m-1"
    ((path, headers, _),) = provider.asked
    assert (path, headers["host"]) == ("http://texts.example/", "texts.example")
