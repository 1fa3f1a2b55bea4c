"""The HTTP side of the doubles: which provider a request is for, the faults it meets, and the pages to look into the ledger."""

import json
import os
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.fakes import aws, fcm, ses, sns_topic, twilio
from tests.fakes.answer import Answer, Asked
from tests.fakes.aws_account import AwsAccount
from tests.fakes.faults import Faults, is_unclear
from tests.fakes.ledger import Ledger
from tests.fakes.receipts import Receipts


@dataclass(frozen=True, kw_only=True)
class _Provider:
    read: Callable[[bytes], Asked]
    refuse: Callable[[Asked], Answer | None]
    accept: Callable[[Asked], Answer]
    throttle: Callable[[float | None], Answer]
    fail: Callable[[int], Answer]
    opted_out: Callable[[Asked], Answer] | None = None


_PROVIDERS = {
    "eum": _Provider(
        read=aws.read_eum,
        refuse=aws.refuse_eum,
        accept=aws.accept_eum,
        throttle=aws.throttle_eum,
        fail=aws.fail_eum,
        opted_out=aws.refuse_opted_out,
    ),
    "sns": _Provider(
        read=aws.read_sns,
        refuse=aws.refuse_sns,
        accept=aws.accept_sns,
        throttle=aws.throttle_sns,
        fail=aws.fail_sns,
        opted_out=aws.refuse_opted_out_of_sns,
    ),
    "twilio": _Provider(
        read=twilio.read_twilio,
        refuse=twilio.refuse_twilio,
        accept=twilio.accept_twilio,
        throttle=twilio.throttle_twilio,
        fail=twilio.fail_twilio,
        opted_out=twilio.refuse_opted_out,
    ),
    "ses": _Provider(read=ses.read_ses, refuse=ses.refuse_ses, accept=ses.accept_ses, throttle=ses.throttle_ses, fail=ses.fail_ses),
    "fcm": _Provider(read=fcm.read_fcm, refuse=fcm.refuse_fcm, accept=fcm.accept_fcm, throttle=fcm.throttle_fcm, fail=fcm.fail_fcm),
}


class DoublesServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, ledger: Ledger, faults: Faults) -> None:
        super().__init__((host, port), _Handler)
        self.ledger = ledger
        self.faults = faults
        self.account = AwsAccount()
        self.receipts = Receipts(self.account)
        self.certificate: Answer | None = None  # what is served in its place
        self.requests: Counter[str] = Counter()  # every one, also what no ledger holds
        self._counting = threading.Lock()

    def count(self, name: str) -> None:
        """This function will count a request by its path or operation."""
        with self._counting:
            self.requests[name] += 1

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that hangs up first is what half of the faults are about.
        return


class _Handler(BaseHTTPRequestHandler):
    server: DoublesServer
    protocol_version = "HTTP/1.1"
    # Without these two a stream of small requests waits for delayed acknowledgements: 500 took 22 seconds instead of half of one.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self.server.count(self.path)
        url = urlsplit(self.path)
        if url.path == sns_topic.CERTIFICATE_PATH:
            self._answer(self.server.certificate or Answer(200, sns_topic.signer().pem.decode()))
        elif url.path == "/ledger":
            after = int(parse_qs(url.query).get("after", ["0"])[0])
            self._say({"entries": self.server.ledger.entries(after=after)})
        elif url.path == "/ledger/summary":
            self._say(self.server.ledger.summary())
        elif url.path == "/service-account.json":
            self._say(fcm.make_service_account(f"http://{self.headers['Host']}"))
        elif url.path == "/healthz":
            self._say({"ok": True})
        else:
            self._say({"error": "no such page"}, status=404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        target = self.headers.get("X-Amz-Target", "")
        self.server.count(target or self.path)
        if self.path == "/faults":
            self._script(body)
        elif self.path.startswith("/receipts"):
            self._script_receipts(body)
        elif self.path == "/token":
            self._answer(fcm.grant_token())
        elif self.path.startswith("/v1/projects/") and self.path.endswith("/messages:send"):
            self._serve_fcm(body)
        elif self.path.startswith("/2010-04-01/Accounts/"):
            self._serve_twilio(body)
        elif self.path == ses.PATH:
            self._serve(_PROVIDERS["ses"], body)
        elif target == "PinpointSMSVoiceV2.SendTextMessage":
            self._serve(_PROVIDERS["eum"], body)
        elif b"Action=Publish" in body:
            self._serve(_PROVIDERS["sns"], body)
        elif answer := self.server.account.answer(target, body):
            self._answer(answer)
        else:
            self._say({"error": "no such operation"}, status=404)

    def do_DELETE(self) -> None:
        if self.path == "/faults":
            self.server.faults.clear()
            self._say({"ok": True})
        else:
            self._say({"error": "no such page"}, status=404)

    def _script(self, body: bytes) -> None:
        try:
            wanted = json.loads(body)
            self.server.faults.script(
                wanted["provider"], wanted["fault"], times=int(wanted.get("times", 1)), seconds=float(wanted.get("seconds", 30))
            )
        except (ValueError, KeyError, TypeError) as error:
            self._say({"error": str(error)}, status=400)
        else:
            self._say({"ok": True})

    def _script_receipts(self, body: bytes) -> None:
        receipts = self.server.receipts
        try:
            wanted = json.loads(body or b"{}")
            if self.path == "/receipts/flush":
                self._say({"told": receipts.flush()})
            elif self.path == "/receipts/answer":
                receipts.answer(wanted["from"], wanted["text"])
                self._say({"ok": True})
            else:
                receipts.script(**wanted)
                self._say({"ok": True})
        except (ValueError, KeyError, TypeError) as error:
            self._say({"error": str(error)}, status=400)

    def _serve_fcm(self, body: bytes) -> None:
        if self.headers.get("Authorization") == f"Bearer {fcm.ACCESS_TOKEN}":
            self._serve(_PROVIDERS["fcm"], body)
        else:
            self._answer(fcm.refuse_stranger())

    def _serve_twilio(self, body: bytes) -> None:
        if self.path == twilio.PATH and self.headers.get("Authorization") == twilio.AUTHORIZATION:
            self._serve(_PROVIDERS["twilio"], body)
        else:
            self._answer(twilio.refuse_stranger())

    def _serve(self, provider: _Provider, body: bytes) -> None:
        asked = provider.read(body)
        fault = self.server.faults.next_for(asked.provider)
        kind = fault.kind if fault else "error_500_after_accept" if is_unclear(asked.to) else ""
        seconds = fault.seconds if fault else 0.0
        if kind == "slow":
            self.server.faults.wait(seconds)
        refusal = provider.refuse(asked)
        if provider.opted_out is not None and self._has_opted_out(asked):
            refusal = provider.opted_out(asked)
        if kind in ("throttle", "throttle_until"):
            refusal = provider.throttle(seconds)
            if kind == "throttle_until":
                refusal = replace(refusal, headers={**refusal.headers, "Retry-After": str(int(seconds))})
        elif kind in ("error_500", "error_503"):
            refusal = provider.fail(int(kind[-3:]))
        self._record(asked, accepted=refusal is None, fault=kind)
        if refusal is not None:
            self._answer(refusal)
            return
        acceptance = provider.accept(asked)
        self._tell(asked, acceptance, before_answer=True)
        if kind == "hang_after_accept":
            self.server.faults.wait(seconds)
            self.close_connection = True
        elif kind == "reset_after_accept":
            self._reset()
        elif kind == "error_500_after_accept":
            self._answer(provider.fail(500))
        elif kind == "malformed":
            self._answer(Answer(200, "<<< not what was agreed", {"Content-Type": "text/plain"}))
        elif kind == "truncated":
            self._answer(acceptance, cut=True)
            self.close_connection = True
        else:
            self._answer(acceptance)
        self._tell(asked, acceptance, before_answer=False)

    def _has_opted_out(self, asked: Asked) -> bool:
        """SNS has one list for the whole account, the others may have one for each sender."""
        if asked.provider == "sns":
            return asked.to in self.server.account.sns_opted_out
        return self.server.account.is_opted_out(str(asked.extra.get("origination_identity") or asked.extra.get("sender")), asked.to)

    def _tell(self, asked: Asked, acceptance: Answer, *, before_answer: bool) -> None:
        if asked.provider == "twilio" and self.server.receipts.calls_back:
            if before_answer:
                self.server.receipts.count(1)
            else:
                self.wfile.flush()
                twilio.tell(asked, acceptance)
                self.server.receipts.count(-1)
        if asked.provider == "eum" and self.server.receipts.is_on:
            # What was answered must have left before anything is told about it.
            self.wfile.flush()
            self.server.receipts.tell(asked, json.loads(acceptance.body)["MessageId"], before_answer=before_answer)

    def _record(self, asked: Asked, *, accepted: bool, fault: str) -> None:
        extra = {**asked.extra, "fault": fault} if fault else asked.extra
        self.server.ledger.write(
            provider=asked.provider,
            token=asked.token,
            accepted=accepted,
            to=asked.to,
            body=asked.body,
            message_type=asked.type,
            extra=extra,
        )

    def _reset(self) -> None:
        # With a linger time of zero, closing sends RST at once instead of a polite end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def _say(self, page: object, *, status: int = 200) -> None:
        self._answer(Answer(status, json.dumps(page), {"Content-Type": "application/json"}))

    def _answer(self, answer: Answer, *, cut: bool = False) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Half of what was announced, and then the end.
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_: object) -> None:
        return
