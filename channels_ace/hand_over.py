"""Handing a batch to a channel: an attempt is committed when the channel asks for it, alone or with a few more. Read next: steps.py."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import overload
from uuid import UUID

from channels_ace.channel import Outcome, Outgoing, Receipt
from channels_ace.health import note
from channels_ace.models import Attempt, Delivery
from channels_ace.pacing import parts_of, parts_per_second, wait_turn
from channels_ace.prepare import Sending
from channels_ace.steps import take_step

logger = logging.getLogger(__name__)

# A step, and an answer that is not yet recorded, last no longer than about this.
QUICK_SECONDS = 0.1
# So long ago a provider's last step is still what the next batch begins with.
RECENT_SECONDS = 5.0

BAD = (Outcome.REFUSED, Outcome.UNKNOWN)

_steps: dict[str, tuple[int, float]] = {}


class HandOver(Sequence[Outgoing]):
    """What a channel is given to iterate over, once.

    With each step the last answers are recorded and the next attempts committed, in one transaction. A step is one attempt for a
    text: whoever is killed leaves one in doubt, not a batch of them. For channels that allow `at_once` more it grows while the
    provider is quick, to what goes out in a tenth of a second, and the next batch goes on with that. A channel that takes the whole
    batch at once gets it. It ends early when the deadline passes (on the local monotonic clock) or the provider fails; what was not asked
    for by then is `left`.
    """

    def __init__(
        self,
        sendings: Sequence[Sending],
        provider: str,
        deadline: float,
        now: datetime,
        *,
        at_once: int = 1,
        originator: Callable[[str], str] = lambda _type: "",
    ) -> None:
        self._sendings = sendings
        self._provider = provider
        self._deadline = deadline
        self._now = now
        self._asked = 0
        self._at_once = at_once
        self._originator = originator
        step, known_at = _steps.get(provider, (1, 0.0))
        self._step = min(step, at_once) if time.monotonic() - known_at < RECENT_SECONDS else 1
        self._ready: list[Sending] = []
        self._open: dict[str, Sending] = {}
        self._answers: list[tuple[Sending, Receipt]] = []
        self._answered_at = 0.0
        self._outcomes: list[Outcome] = []
        self._is_well = True

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
            if self._must_end():
                return
            sending = self._sendings[self._asked]
            originator = self._originator(sending.outgoing.type)
            if parts_per_second(self._provider, originator):
                # Waiting may be the moment at which we are killed: no answer may hang on it.
                self._record()
                if not wait_turn(self._provider, originator, parts_of(sending.outgoing), self._deadline):
                    return
            began = time.monotonic()
            self._commit_step()
            yield from self._give_out()
            if self._ready:
                return
            quick = time.monotonic() - began < QUICK_SECONDS
            self._step = min(self._step * 2, self._at_once) if quick else max(self._step // 2, 1)

    def _must_end(self) -> bool:
        return time.monotonic() > self._deadline or self._provider_rests()

    def _commit_step(self) -> None:
        """This function will record the last answers and commit the next attempts, which are then ready."""
        step = self._sendings[self._asked : self._asked + self._step]
        self._asked += len(step)
        answers, self._answers = self._answers, []
        self._ready = take_step(answers, step, self._provider, self._now)

    def _give_out(self) -> Iterator[Outgoing]:
        """This function will yield what is ready, as long as it may go out."""
        while self._ready:
            sending = self._ready.pop(0)
            self._open[sending.outgoing.token] = sending
            yield sending.outgoing
            if self._ready and self._must_end():
                return

    @property
    def left(self) -> list[Delivery]:
        """The deliveries that the channel was never given."""
        return [sending.delivery for sending in [*self._ready, *self._sendings[self._asked :]]]

    def answered(self, outgoing: Outgoing, receipt: Receipt) -> None:
        """This method will keep an answer for the transaction that commits the next attempts."""
        if len(self._answers) >= self._step or (self._answers and time.monotonic() - self._answered_at > QUICK_SECONDS):
            self._record()
        if not self._answers:
            self._answered_at = time.monotonic()
        self._answers.append((self._open.pop(outgoing.token), receipt))
        self._outcomes.append(receipt.outcome)
        self._is_well = self._is_well and receipt.outcome not in BAD

    def close(self) -> None:
        """This method will record the last answers; an attempt that got none stays open, and becomes unknown with its lease."""
        self._record()
        if self._ready:
            # Committed, and never given to the channel: nobody was asked.
            Attempt.objects.filter(token__in=[UUID(sending.outgoing.token) for sending in self._ready]).delete()
        note(self._provider, self._outcomes, self._now)
        _steps[self._provider] = self._step if self._is_well and not self._open else 1, time.monotonic()
        if self._open:
            logger.error("%s left %d attempts without an answer", self._provider, len(self._open))

    def _provider_rests(self) -> bool:
        """This function will tell of a bad answer at once, so that no further one goes to a provider that is down; good ones can wait."""
        if not self._outcomes or self._outcomes[-1] not in BAD:
            return False
        outcomes, self._outcomes = self._outcomes, []
        return note(self._provider, outcomes, self._now)

    def _record(self) -> None:
        answers, self._answers = self._answers, []
        if answers:
            take_step(answers, [], self._provider, self._now)
