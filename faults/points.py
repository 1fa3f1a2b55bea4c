"""The moments at which a process dies or stops, patched from outside: the product has no hooks for it.

K1 to K14 in the order in which a nudge becomes a text and its receipt comes back. Read next: worker.py.
"""

import http.client
import importlib
import os
import signal
import smtplib
import socket
from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction

WORDS = {
    "K1": "nudges written, not committed",
    "K2": "nudges committed, nobody poked",
    "K3": "poke taken from Redis, not noted",
    "K4": "claim not committed",
    "K5": "claim committed",
    "K6": "attempt not committed",
    "K7": "attempt committed, no byte sent",
    "K8": "request half written",
    "K9": "provider accepted, answer unread",
    "K10": "answer read, not recorded",
    "K11": "outcome not committed",
    "K12": "outcome committed, poke not acknowledged",
    "K13": "event received, not committed",
    "K14": "event committed, webhook not answered",
}


# Of a run, which is one transaction: K1 is one more of these, and K2 comes after it.
PLANNER_WORDS = {
    "P1": "run noted, nobody decided about",
    "P2": "decided, nothing said",
    "P3": "message written, for nobody yet",
    "P4": "deliveries written, no nudge",
    "P5": "run counted, not committed",
}


# Of a summary by e-mail, from what it stands for to the mail server's answer.
DIGEST_WORDS = {
    "D1": "written, what is in them not ended",
    "D2": "what is in them ended, not committed",
    "D3": "committed, nobody poked",
    "D4": "attempts committed, no byte sent",
    "D5": "mail server took one, answer unread",
    "D6": "answer read, not recorded",
}


class Fuse:
    """Counts the times that a moment comes; the last one is the end. It leaves a line in a file, since the dead tell nothing."""

    def __init__(self, point: str, after: int, log: str, number: signal.Signals) -> None:
        self._point, self._left, self._log, self._number = point, after, log, number

    def burns(self) -> bool:
        """This function will count once more, and tell whether this was the last time."""
        self._left -= 1
        return self._left == 0

    def blow(self) -> None:
        """This function will end or stop this process, here and now."""
        self.note()
        os.kill(os.getpid(), self._number)

    def note(self) -> None:
        """This function will leave the line."""
        file = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{self._point}\n".encode())
        os.close(file)

    def __call__(self) -> None:
        if self.burns():
            self.blow()


def arm(job: dict[str, Any]) -> None:
    """This function will have the process die (or stop) when the moment of its job comes for the `after`th time."""
    fuse = Fuse(job["point"], job["after"], job["log"], signal.Signals[job["signal"]])
    if job["point"] == "poison":
        _at_poison(fuse, {int(user) for user in job["name"].split(",")})
    else:
        _POINTS[job["point"]](fuse)


def _before(owner: Any, name: str, fuse: Fuse) -> None:
    plain = getattr(owner, name)

    def burn_first(*arguments: Any, **named: Any) -> Any:
        fuse()
        return plain(*arguments, **named)

    setattr(owner, name, burn_first)


def _behind(owner: Any, name: str, fuse: Fuse, *, if_any: Callable[[Any], object] = lambda _: True) -> None:
    plain = getattr(owner, name)

    def burn_then(*arguments: Any, **named: Any) -> Any:
        result = plain(*arguments, **named)
        if if_any(result):
            fuse()
        return result

    setattr(owner, name, burn_then)


def _statement(fuse: Fuse, *words: str) -> None:
    """The end comes right after a statement that holds all these words, before anybody commits it."""

    def watch(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        result = execute(sql, parameters, many, context)
        if all(word in f"{sql} {parameters}" for word in words):
            fuse()
        return result

    connection.execute_wrappers.append(watch)


def _no_poke(fuse: Fuse) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POKE": "faults.points.poke"}
    _pokes.append(fuse)


_pokes: list[Fuse] = []


def poke(_lane: str) -> None:
    """This function will stand in for the poke of a process that dies instead."""
    for fuse in _pokes:
        fuse()


def _at_claim(fuse: Fuse) -> None:
    _statement(fuse, 'UPDATE "carillon_channels_delivery"', '"claims" + ')


def _at_claimed(fuse: Fuse) -> None:
    from channels_ace import delivery

    _behind(delivery, "claim", fuse, if_any=lambda claimed: claimed.deliveries)


def _at_attempt(fuse: Fuse) -> None:
    _at_step(fuse, lambda _answers, sendings: bool(sendings))


def _at_step(fuse: Fuse, holds: Callable[[Any, Any], bool]) -> None:
    """The end comes after the statement of a step, which is given a transaction, and before anybody commits it."""
    steps: Any = importlib.import_module("channels_ace.steps")
    plain = steps.accept_and_begin

    def burn_then(answers: Any, sendings: Any, *rest: Any) -> Any:
        with transaction.atomic():
            result = plain(answers, sendings, *rest)
            if holds(answers, sendings):
                fuse()
            return result

    steps.accept_and_begin = burn_then


def _at_request(fuse: Fuse) -> None:
    from channels_ace.channels.sms_aws import EndUserMessagingChannel

    _before(EndUserMessagingChannel, "_request", fuse)


def _at_half_request(fuse: Fuse) -> None:
    from channels_ace.channels import sms_aws

    channel: Any = sms_aws.EndUserMessagingChannel
    request, sendall = channel._request, socket.socket.sendall

    def cut(to: socket.socket, data: Any, *flags: Any) -> None:
        sendall(to, bytes(data)[: len(data) // 2], *flags)
        fuse.blow()

    def burn_first(self: Any, *arguments: Any) -> Any:
        if fuse.burns():
            socket.socket.sendall = cut  # type: ignore[method-assign,assignment]
        return request(self, *arguments)

    channel._request = burn_first


def _at_answer(fuse: Fuse) -> None:
    answer: Any = http.client.HTTPResponse
    begin = answer.begin

    def wait_and_burn(response: Any) -> None:
        # Something is there to read: the provider has done what it was asked.
        response.fp.peek(1)
        fuse()
        begin(response)

    answer.begin = wait_and_burn


def _at_answered(fuse: Fuse) -> None:
    from channels_ace.hand_over import HandOver

    _before(HandOver, "answered", fuse)


def _at_mail(fuse: Fuse) -> None:
    from channels_ace.channels.email import _Line

    _before(_Line, "_hand_over", fuse)


def _at_mail_answer(fuse: Fuse) -> None:
    line: Any = smtplib.SMTP
    send = line.send

    def wait_and_burn(self: Any, data: Any) -> None:
        send(self, data)
        if data[-5:] == b"\r\n.\r\n":
            # There is an answer to the whole mail: the server has it.
            self.sock.recv(1, socket.MSG_PEEK)
            fuse()

    line.send = wait_and_burn


def _at_outcome(fuse: Fuse) -> None:
    _at_step(fuse, lambda answers, _sendings: bool(answers))


def _at_poke(fuse: Fuse) -> None:
    from kombu.transport.redis import QoS

    _before(QoS, "append", fuse)


def _at_acknowledgement(fuse: Fuse) -> None:
    from channels_ace import tasks

    _behind(tasks.deliver_lane._get_current_object(), "run", fuse)  # type: ignore[attr-defined]


def _at_web_answer(fuse: Fuse) -> None:
    from django.core.handlers.wsgi import WSGIHandler

    _behind(WSGIHandler, "__call__", fuse)


def _at_commit(*, is_before: bool) -> Callable[[Fuse], None]:
    """The server ends the connection when something is to be committed, or the answer to that is lost on the way.

    A step of a hand-over is one statement, and commits without a COMMIT of ours.
    """

    def patch(fuse: Fuse) -> None:
        from django.db import OperationalError
        from django.db.backends.postgresql import base

        def cut(commit: Callable[..., Any], open_connection: Any, *arguments: Any) -> Any:
            if not fuse.burns():
                return commit(*arguments)
            if is_before:
                fuse.note()
                with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
                    other.execute("SELECT pg_terminate_backend(%s)", [open_connection.info.backend_pid])
                return commit(*arguments)
            commit(*arguments)
            # Not before: what was claimed in it must be there when whoever waits for the cut ends all leases.
            fuse.note()
            open_connection.close()
            raise OperationalError("the connection broke after COMMIT")

        wrapper: Any = base.DatabaseWrapper
        steps: Any = importlib.import_module("channels_ace.steps")
        commit, step = wrapper._commit, steps.accept_and_begin
        wrapper._commit = lambda self: cut(commit, self.connection, self)
        steps.accept_and_begin = lambda *arguments: cut(step, connection.connection, *arguments)

    return patch


def _fails(code: str) -> Callable[[Fuse], None]:
    """In place of a statement the server raises an error, as it does of two transactions that wait for each other."""

    def patch(fuse: Fuse) -> None:
        def fail(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
            if not fuse.burns():
                return execute(sql, parameters, many, context)
            fuse.note()
            return execute(f"DO $$ BEGIN RAISE EXCEPTION 'by the suite' USING ERRCODE = '{code}'; END $$", None, False, context)

        connection.execute_wrappers.append(fail)

    return patch


def _at_poison(fuse: Fuse, people: set[int]) -> None:
    delivery: Any = importlib.import_module("channels_ace.delivery")
    prepare = delivery.prepare

    def die_of_poison(deliveries: Any, *arguments: Any) -> Any:
        if any(one.user_id in people for one in deliveries):
            fuse.blow()
        return prepare(deliveries, *arguments)

    delivery.prepare = die_of_poison


_POINTS: dict[str, Callable[[Fuse], None]] = {
    "K1": lambda fuse: _statement(fuse, 'INSERT INTO "scheduling_nudge" '),
    "K2": _no_poke,
    "K3": _at_poke,
    "K4": _at_claim,
    "K5": _at_claimed,
    "K6": _at_attempt,
    "K7": _at_request,
    "K8": _at_half_request,
    "K9": _at_answer,
    "K10": _at_answered,
    "K11": _at_outcome,
    "K12": _at_acknowledgement,
    "K13": lambda fuse: _statement(fuse, 'INSERT INTO "carillon_channels_providerevent"'),
    "K14": _at_web_answer,
    "P1": lambda fuse: _statement(fuse, 'INSERT INTO "scheduling_runledger"'),
    "P2": lambda fuse: _statement(fuse, 'INSERT INTO "scheduling_nudgedecision"'),
    "P3": lambda fuse: _statement(fuse, 'INSERT INTO "carillon_channels_message"'),
    "P4": lambda fuse: _statement(fuse, 'INSERT INTO "carillon_channels_delivery"'),
    "P5": lambda fuse: _statement(fuse, 'UPDATE "scheduling_runledger"'),
    "D1": lambda fuse: _statement(fuse, 'INSERT INTO "carillon_channels_delivery"'),
    "D2": lambda fuse: _statement(fuse, 'UPDATE "carillon_channels_delivery"', "in_digest"),
    "D3": _no_poke,
    "D4": _at_mail,
    "D5": _at_mail_answer,
    "D6": _at_answered,
    "fails_40P01": _fails("40P01"),
    "fails_40001": _fails("40001"),
    "before_commit": _at_commit(is_before=True),
    "after_commit": _at_commit(is_before=False),
}
