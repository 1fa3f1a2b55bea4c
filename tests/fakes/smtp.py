"""A mail server that keeps a ledger: everything is accepted but what a fault or the local part of the address says otherwise."""

import asyncio
import threading
from email import message_from_bytes, policy
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.fakes.faults import Fault, Faults, is_unclear
from tests.fakes.ledger import Ledger

_KEPT_HEADERS = (
    "Message-ID",
    "Auto-Submitted",
    "Content-Language",
    "X-Carillon-Attempt",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "From",
)


class MailServer:
    """Runs in a thread with an event loop of its own."""

    def __init__(self, host: str, port: int, ledger: Ledger, faults: Faults) -> None:
        self._host, self._wanted_port = host, port
        self._mailbox = _Mailbox(ledger, faults)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._sessions: set[SMTP] = set()
        self.port = 0

    def start(self) -> None:
        """This function will listen, and know its port."""
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(timeout=10)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """This function will close every connection and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def hang_up(self) -> None:
        """This function will break every open connection and keep listening."""
        asyncio.run_coroutine_threadsafe(self._cut_all(), self._loop).result(timeout=10)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(self._make_session, self._host, self._wanted_port)

    def _make_session(self) -> SMTP:
        session = SMTP(self._mailbox, hostname="mail.double.example", loop=self._loop, decode_data=False)
        self._sessions.add(session)
        return session

    async def _close(self) -> None:
        self._server.close()
        await self._cut_all()
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _cut_all(self) -> None:
        for session in self._sessions:
            _cut(session)
        self._sessions.clear()


class _Mailbox:
    def __init__(self, ledger: Ledger, faults: Faults) -> None:
        self._ledger, self._faults = ledger, faults

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("unwelcome"):
            return "550 5.7.1 sender not allowed"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("bounce"):
            self._ledger.write(provider="smtp", token="", accepted=False, to=address, extra={"refused": "recipient"})
            return f"550 5.1.1 <{address}>: mailbox unavailable"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self._faults.next_for("smtp")
        if fault is None and any(is_unclear(address) for address in envelope.rcpt_tos):
            fault = Fault(kind="reset_after_accept")
        kind = fault.kind if fault else ""
        if fault and kind == "slow":
            await asyncio.sleep(fault.seconds)
        self._record(envelope, accepted=not (fault and fault.is_refusal), fault=kind)
        return await self._answer(server, fault)

    async def _answer(self, server: SMTP, fault: Fault | None) -> str:
        if fault is None or fault.kind == "slow":
            return "250 2.0.0 queued"
        if fault.kind in ("throttle", "throttle_until", "error_503"):
            return "451 4.7.1 slow down"
        if fault.kind == "error_500":
            return "554 5.6.0 not this one"
        if fault.kind == "malformed":
            return "what was the question"
        if fault.kind == "hang_after_accept":
            await asyncio.sleep(fault.seconds)
        _cut(server)
        return "421 gone"

    def _record(self, envelope: Envelope, *, accepted: bool, fault: str) -> None:
        message = message_from_bytes(cast(bytes, envelope.content), policy=policy.default)
        extra: dict[str, object] = {name: str(message[name]) for name in _KEPT_HEADERS if message[name] is not None}
        extra["content_types"] = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
        if fault:
            extra["fault"] = fault
        for address in envelope.rcpt_tos:
            self._ledger.write(
                provider="smtp",
                token=str(message["X-Carillon-Attempt"] or ""),
                accepted=accepted,
                to=address,
                body=str(message["Subject"] or ""),
                extra=extra,
            )


def _cut(session: SMTP) -> None:
    transport = cast(asyncio.WriteTransport | None, session.transport)
    if transport is not None:
        transport.abort()
