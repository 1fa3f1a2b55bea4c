"""What AWS tells afterwards, by script: delivery events and answers of people, signed by SNS to a webhook or put into the queue.

Nothing is told until a script says where. Read next: sns_topic.py, aws_account.py.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.error import URLError
from uuid import uuid4

from tests.fakes import sns_topic
from tests.fakes.answer import Asked
from tests.fakes.aws_account import AwsAccount

# How events are dealt: early ones come before the answer to the request, held ones when `flush` is called.
DEALS = frozenset({"in_order", "reversed", "twice", "lost", "early", "held"})
ARRIVES = ("TEXT_QUEUED", "TEXT_PENDING", "TEXT_DELIVERED")
_INVALID = "0197"


class Receipts:
    def __init__(self, account: AwsAccount) -> None:
        self._account = account
        self._changed = threading.Condition()
        self._to_tell = 0
        self._held: list[dict[str, Any]] = []
        self.refused: list[int] = []
        self.script()

    @property
    def is_on(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._webhook) or self._to_queue

    def forget(self) -> None:
        """This function will tell nobody anything any more."""
        self.script()
        self._held.clear()
        self.refused.clear()

    def script(
        self,
        *,
        webhook: str = "",
        to_queue: bool = False,
        deal: str = "in_order",
        story: Sequence[str] = ARRIVES,
        calls_back: bool = False,
    ) -> None:
        """This function will say where events go from now on (a webhook's address, the queue), how, and which. With `calls_back` Twilio
        posts to the address that each text names.
        """
        if deal not in DEALS:
            raise ValueError(f"no such deal: {deal}")
        self.calls_back = calls_back
        self._webhook, self._to_queue, self._deal, self._story = webhook, to_queue, deal, tuple(story)

    def tell(self, asked: Asked, message_id: str, *, before_answer: bool) -> None:
        """This function will tell what became of an accepted text, if its time is now; it is asked before and after the answer."""
        if before_answer:
            self.count(1)
        if before_answer == (self._deal == "early"):
            self._tell(asked, message_id)
        if not before_answer:
            self.count(-1)

    def count(self, more: int) -> None:
        """This function will note that so many texts more (or fewer) are being told about."""
        with self._changed:
            self._to_tell += more
            self._changed.notify_all()

    def _tell(self, asked: Asked, message_id: str) -> None:
        story = ("TEXT_INVALID",) if asked.to.endswith(_INVALID) else self._story
        events = [event(name, asked.token, message_id, to=asked.to, is_final=name == story[-1]) for name in story]
        if self._deal == "held":
            self._held += events
            return
        dealt = {"lost": [], "reversed": events[::-1], "twice": [*events, *events]}.get(self._deal, events)
        for one in dealt:
            self.send(one)

    def wait_until_told(self, seconds: float = 10.0) -> None:
        """This function will wait for events that are being told after their text was answered."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._to_tell == 0, seconds):
                raise TimeoutError("events are still being told")

    def flush(self) -> int:
        """This function will tell what was held, and say how many events that were."""
        events, self._held[:] = list(self._held), []
        for one in events:
            self.send(one)
        return len(events)

    def answer(self, from_number: str, text: str, *, to_number: str = "+12065550100") -> None:
        """This function will let a person text us."""
        self.send(inbound(from_number, text, to_number=to_number))

    def send(self, message: dict[str, Any]) -> None:
        """This function will hand over one message as SNS does."""
        envelope = sns_topic.notification(message)
        if self._to_queue:
            self._account.put(envelope)
        if self._webhook:
            try:
                sns_topic.post(self._webhook, envelope)
            except (URLError, OSError) as error:
                self.refused.append(getattr(error, "code", 0))


def event(name: str, token: str, message_id: str, *, to: str = "+12065550123", is_final: bool = True) -> dict[str, Any]:
    """This function will write a delivery event of End User Messaging."""
    return {
        "eventType": name,
        "eventVersion": "1.0",
        "eventTimestamp": int(time.time() * 1000),
        "isFinal": is_final,
        "originationPhoneNumber": "+12065550100",
        "destinationPhoneNumber": to,
        "isoCountryCode": "US",
        "messageId": message_id,
        "messageEncoding": "GSM",
        "messageType": "TRANSACTIONAL",
        "messageStatus": name.removeprefix("TEXT_"),
        "messageStatusDescription": f"What became of the text to {to}",
        "context": {"attempt": token},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.00645,
        "totalCarrierFee": 0.0,
    }


def inbound(from_number: str, text: str, *, to_number: str = "+12065550100", event_id: str = "") -> dict[str, Any]:
    """This function will write the payload of a text to one of our numbers."""
    return {
        "originationNumber": from_number,
        "destinationNumber": to_number,
        "messageKeyword": "KEYWORD_123456789012",
        "messageBody": text,
        "inboundMessageId": event_id or str(uuid4()),
    }
