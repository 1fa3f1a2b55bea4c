"""Providers that take everything, as fast as one process can: `python -m bench.sinks` prints its ports. Read next: emails.py.

The doubles of the tests look at each request and keep a ledger; here that would be most of what is measured.
"""

import asyncio
import json
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from tests.fakes import fcm


@dataclass(frozen=True)
class Sinks:
    """Where they listen on loopback."""

    smtp_port: int
    http: str


@contextmanager
def running_sinks() -> Iterator[Sinks]:
    """This function will keep both in a process of their own while they are used."""
    command = [sys.executable, "-m", "bench.sinks"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdout is None:
            raise RuntimeError("The sinks have no output.")
        try:
            yield Sinks(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()


class _Sink(asyncio.Protocol, ABC):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (answer := self._take()) is not None:
            self._transport.write(answer)

    @abstractmethod
    def _take(self) -> bytes | None:
        """This function will take one whole request off what waits and give its answer, or None."""


class MailSink(_Sink):
    """As much SMTP as a client needs that sends."""

    _in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._transport.write(b"220 sink\r\n")

    def _take(self) -> bytes | None:
        end = b"\r\n.\r\n" if self._in_data else b"\r\n"
        taken, found, rest = self._waiting.partition(end)
        if not found:
            return None
        self._waiting = rest
        if self._in_data:
            self._in_data = False
            return b"250 queued\r\n"
        verb = taken[:4].upper()
        if verb == b"EHLO":
            return b"250-sink\r\n250 8BITMIME\r\n"
        self._in_data = verb == b"DATA"
        return {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")


class HttpSink(_Sink):
    """Accepts a push, a text or the request for an access token, by the first line and the headers alone."""

    def _take(self) -> bytes | None:
        head, found, rest = self._waiting.partition(b"\r\n\r\n")
        length = _length_of(head.lower())
        if not found or len(rest) < length:
            return None
        self._waiting = rest[length:]
        return _TOKEN if head.startswith(b"POST /token") else _PUSH if b"messages:send" in head else _TEXT


def _length_of(head: bytes) -> int:
    _, found, after = head.partition(b"content-length:")
    return int(after.partition(b"\r\n")[0]) if found else 0


def _answer(body: str, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


_TOKEN = _answer(fcm.grant_token().body)
_PUSH = _answer(json.dumps({"name": f"projects/{fcm.PROJECT}/messages/0:1500415314455276%31bd1c9631bd1c96"}))
_TEXT = _answer(json.dumps({"MessageId": "6d0b6ad2-a5a5-4b0e-8e0a-6f3a3c7f2b11"}), "application/x-amz-json-1.0")


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(MailSink, "127.0.0.1", 0)
    http = await loop.create_server(HttpSink, "127.0.0.1", 0)
    ports = [server.sockets[0].getsockname()[1] for server in (mail, http)]
    print(json.dumps({"smtp_port": ports[0], "http": f"http://127.0.0.1:{ports[1]}"}), flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
