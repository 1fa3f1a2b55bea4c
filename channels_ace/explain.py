"""Why did this (not) arrive? The stored rows, in words. Read next: reasons.py."""

from dataclasses import dataclass
from datetime import datetime

from channels_ace.models import Delivery, Message
from channels_ace.reasons import sentence


@dataclass(frozen=True)
class Step:
    """One thing that happened: when, what (a state or an outcome), and the words for it."""

    at: datetime
    what: str
    words: str


@dataclass(frozen=True)
class Explanation:
    """One channel's answer: its state, the reason in words, and the steps in order of time."""

    channel: str
    state: str
    reason: str
    words: str
    steps: tuple[Step, ...]


def explain(message: Message, user_id: int) -> list[Explanation]:
    """This function will tell for every channel of a message what became of it for one person."""
    deliveries = message.deliveries.filter(user_id=user_id).prefetch_related("attempts").order_by("channel", "pk")
    return [_explain(delivery) for delivery in deliveries]


def _explain(delivery: Delivery) -> Explanation:
    steps = [Step(delivery.created_at, "planned", sentence("") if delivery.attempts.all() else sentence(delivery.reason))]
    for attempt in delivery.attempts.all():
        steps.append(Step(attempt.started_at, "attempt", attempt.provider))
        if attempt.finished_at is not None:
            steps.append(Step(attempt.finished_at, attempt.outcome, attempt.detail or sentence(attempt.code)))
    steps.append(Step(delivery.changed_at, delivery.state, sentence(delivery.reason)))
    return Explanation(delivery.channel, delivery.state, delivery.reason, sentence(delivery.reason), tuple(steps))
