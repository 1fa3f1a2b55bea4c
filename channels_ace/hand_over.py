"""Handing a batch to a channel one by one: each attempt is committed when the channel asks for it. Read next: record.py."""

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import overload
from uuid import UUID

from django.db import transaction
from django.db.models import DateTimeField, UUIDField, Value
from django.db.models.expressions import Combinable

from channels_ace.channel import Outcome, Outgoing, Receipt
from channels_ace.health import note
from channels_ace.insert import insert_from
from channels_ace.models import Attempt, Delivery
from channels_ace.pacing import parts_of, parts_per_second, wait_turn
from channels_ace.prepare import Sending
from channels_ace.record import ours, record

logger = logging.getLogger(__name__)


class HandOver(Sequence[Outgoing]):
    """What a channel is given to iterate over, once.

    With each step the last answer is recorded and the next attempt committed, in one transaction: whoever is killed leaves one
    attempt in doubt, not a batch of them. A channel that takes the whole batch at once gets it, with all attempts committed.
    It ends early when the deadline passes (on the local monotonic clock) or the provider fails; what was not asked for by then is `left`.
    """

    def __init__(self, sendings: Sequence[Sending], provider: str, deadline: float, now: datetime) -> None:
        self._sendings = sendings
        self._provider = provider
        self._deadline = deadline
        self._now = now
        self._asked = 0
        self._open: dict[str, Sending] = {}
        self._answer: tuple[Sending, Receipt] | None = None
        self._outcomes: list[Outcome] = []

    def __len__(self) -> int:
        return len(self._sendings)

    @overload
    def __getitem__(self, index: int) -> Outgoing: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Outgoing]: ...
    def __getitem__(self, index: int | slice) -> Outgoing | Sequence[Outgoing]:
        raise TypeError("A batch is iterated over, since asking for one is what commits its attempt.")

    def __iter__(self) -> Iterator[Outgoing]:
        while self._asked < len(self._sendings):
            # Read right before the request: the worker may have been stopped since the last one.
            if time.monotonic() > self._deadline or self._provider_rests():
                return
            sending = self._sendings[self._asked]
            if parts_per_second(self._provider):
                # Waiting may be the moment at which we are killed: no answer may hang on it.
                self._record()
                if not wait_turn(self._provider, parts_of(sending.outgoing), self._deadline):
                    return
            self._asked += 1
            with transaction.atomic():
                self._record()
                is_ours = self._commit_attempt(sending)
            if is_ours:
                self._open[sending.outgoing.token] = sending
                yield sending.outgoing
            else:
                logger.warning("Delivery %s was claimed by another worker before it was sent", sending.delivery.pk)

    @property
    def left(self) -> list[Delivery]:
        """The deliveries that the channel was never given."""
        return [sending.delivery for sending in self._sendings[self._asked :]]

    def answered(self, outgoing: Outgoing, receipt: Receipt) -> None:
        """This method will keep an answer for the transaction that commits the next attempt."""
        self._record()
        self._answer = self._open.pop(outgoing.token), receipt
        self._outcomes.append(receipt.outcome)

    def close(self) -> None:
        """This method will record the last answer; an attempt that got none stays open, and becomes unknown with its lease."""
        self._record()
        note(self._provider, self._outcomes, self._now)
        if self._open:
            logger.error("%s left %d attempts without an answer", self._provider, len(self._open))

    def _provider_rests(self) -> bool:
        """This function will tell of a bad answer at once, so that no further one goes to a provider that is down; good ones can wait."""
        if not self._outcomes or self._outcomes[-1] not in (Outcome.REFUSED, Outcome.UNKNOWN):
            return False
        outcomes, self._outcomes = self._outcomes, []
        return note(self._provider, outcomes, self._now)

    def _record(self) -> None:
        if self._answer is not None:
            record(*self._answer, self._now)
            self._answer = None

    def _commit_attempt(self, sending: Sending) -> bool:
        """This function will insert the attempt if the delivery is ours at that moment, and say whether it was."""
        columns: dict[str, str | Combinable] = {
            "token": Value(UUID(sending.outgoing.token), output_field=UUIDField()),
            "delivery_id": "pk",
            "fence": "fence",
            "provider": Value(self._provider),
            "started_at": Value(self._now, output_field=DateTimeField()),
            "parts": Value(1),
            **{name: Value("") for name in ("outcome", "code", "detail", "provider_message_id")},
        }
        return insert_from(Attempt, columns, ours([sending.delivery])) == 1
