"""Taking in what a learning platform wants said, and who is in its courses: each event once, each in its own transaction.

A line that cannot be used is kept with its reason and stops nobody else. Stopped at any point and run again, the same
file changes nothing that was taken in. Read next: platform_event.py, membership_events.py.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.contrib.auth import get_user_model
from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from channels_ace.api import Message, Refused, UnknownType
from notifications.audience import course_audience
from notifications.membership_events import is_about_member, take_in_member
from notifications.models import IngestedEvent, PlatformUser
from notifications.notification_types import platform_type
from notifications.notify import notify
from notifications.platform_event import LONGEST_LINE, Envelope, PlatformEvent, open_envelope, read_event

logger = logging.getLogger(__name__)

Outcome = IngestedEvent.Outcome
_REASON_LENGTH = 300
_TYPE_LENGTH = 191


@dataclass(frozen=True)
class Ingested:
    """One line's end: its event, whether we had it before, and how many of the users it names nobody here knows."""

    event: IngestedEvent
    is_again: bool = False
    unknown_users: int = 0


@dataclass(frozen=True)
class _Said:
    message: Message | None
    unknown_users: int = 0
    reason: str = ""


def ingest_line(line: str | bytes, now: datetime) -> IngestedEvent:
    """This function will take in one line, or give what it already came to. It raises only when the database is gone."""
    return take_in(line, now).event


def take_in(line: str | bytes, now: datetime) -> Ingested:
    """This function will take in one line as ingest_line does, and tell besides whether it was new."""
    envelope = open_envelope(line.encode(errors="surrogatepass") if isinstance(line, str) else line)
    known = IngestedEvent.objects.filter(event_id=envelope.event_id).first()
    if known is not None and known.fingerprint != envelope.fingerprint:
        envelope = _conflict(envelope)
        known = IngestedEvent.objects.filter(event_id=envelope.event_id).first()
    if known is not None:
        return Ingested(known, is_again=True)
    try:
        with transaction.atomic():
            return _record(envelope, now)
    except IntegrityError:
        # Another process took the same event in at the same moment.
        return Ingested(IngestedEvent.objects.get(event_id=envelope.event_id), is_again=True)


def ingest_lines(lines: Iterable[str | bytes], now: datetime) -> Counter[str]:
    """This function will take in many lines, and count them by outcome, with `again` and `unknown users`."""
    counts: Counter[str] = Counter()
    for line in lines:
        add_up(take_in(line, now), counts)
    return counts


def add_up(ingested: Ingested, counts: Counter[str]) -> None:
    """This function will add one line's end to the counts."""
    counts["lines"] += 1
    counts["again" if ingested.is_again else str(ingested.event.outcome)] += 1
    counts["unknown users"] += ingested.unknown_users


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """This function will read the lines of a stream that are not blank, holding one at a time, and of an endless one only its start."""
    while line := stream.readline(LONGEST_LINE + 1):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE + 1)
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield line


def _conflict(envelope: Envelope) -> Envelope:
    """The first body of an id stays what it was; another is kept beside it, under the id and its own fingerprint."""
    return Envelope(
        f"{envelope.event_id}#{envelope.fingerprint[:16]}",
        envelope.fingerprint,
        envelope.body,
        "An event with this id came before with another body.",
    )


def _record(envelope: Envelope, now: datetime) -> Ingested:
    event = IngestedEvent.objects.create(
        event_id=envelope.event_id, fingerprint=envelope.fingerprint, received_at=now, outcome=Outcome.REFUSED, reason=envelope.problem
    )
    if envelope.problem:
        return Ingested(event)
    said = None
    try:
        if is_about_member(envelope.body):
            event.type = str(envelope.body["type"])
            with transaction.atomic():
                event.reason = take_in_member(envelope.body, envelope.event_id, now)
            event.outcome = Outcome.NOBODY if event.reason else Outcome.KEPT
        else:
            wanted = read_event(envelope.body)
            event.type = f"{wanted.app}.{wanted.name}"[:_TYPE_LENGTH]
            with transaction.atomic():
                said = _say(wanted, envelope.event_id, now)
    except (Refused, UnknownType) as error:
        event.reason = str(error)[:_REASON_LENGTH]
    except (OperationalError, InterfaceError):
        # The database is gone or busy, which is no fault of the line: nothing is kept, and the line can be taken in again.
        raise
    except Exception as error:
        logger.exception("Platform event %s could not be taken in", envelope.event_id)
        event.reason = f"It could not be taken in: {type(error).__name__}."
    if said is not None:
        event.message, event.reason = said.message, said.reason
        event.outcome = Outcome.NOTIFIED if said.message else Outcome.NOBODY
    event.save(update_fields=["type", "message", "reason", "outcome"])
    return Ingested(event, unknown_users=said.unknown_users if said else 0)


def _say(wanted: PlatformEvent, event_id: str, now: datetime) -> _Said:
    known = platform_type(wanted.app, wanted.name)
    if known is None:
        raise Refused(f"The platform has no notification type {wanted.app[:80]}.{wanted.name[:80]} that we know.")
    sender = PlatformUser.objects.filter(platform_id=wanted.sender_id).first() if wanted.sender_id is not None else None
    unknown = 0
    if wanted.user_ids is None:
        people = course_audience(wanted.course_key, wanted.filters)
    else:
        people = get_user_model()._default_manager.filter(carillon_platform_user__platform_id__in=wanted.user_ids)
        unknown = len(wanted.user_ids) - people.count()
    if sender is not None:
        people = people.exclude(pk=sender.user_id)
    reason = f"{unknown} of the users it names are not known here." if unknown else ""
    if not people.exists():
        return _Said(None, unknown, reason or "It is for nobody.")
    message = notify(
        type=known.name,
        audience=people,
        context=wanted.context,
        link=wanted.link,
        scope=wanted.course_key,
        thread=wanted.thread,
        idempotency_key=f"platform:{event_id}",
        now=now,
    )
    return _Said(message, unknown, reason)
