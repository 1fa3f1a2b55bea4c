"""Why did this (not) arrive? The stored rows, in words. Read next: reasons.py."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from channels_ace.channel import Outcome
from channels_ace.models import Attempt, Delivery, Message, ProviderEvent
from channels_ace.reasons import is_explained, sentence
from channels_ace.receipts import Kind

# What a provider's answer or report is called among the reasons; its own codes say nothing to a learner.
MEANS = {
    Outcome.ACCEPTED: "accepted",
    Outcome.REFUSED: "refused",
    Outcome.PERMANENT: "refused_for_good",
    Outcome.UNKNOWN: "unanswered",
    Kind.FAILED: "refused_for_good",
    "given_up": "refused_for_good",
    Kind.DELIVERED: "delivered",
    Kind.COMPLAINED: "suppressed_complaint",
}


@dataclass(frozen=True)
class Step:
    """One thing that happened: when, what (a state, "attempt", an outcome or a report), and the words for it."""

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
    """This function will tell for every channel of a message what became of it for one person, in three statements."""
    deliveries = list(message.deliveries.filter(user_id=user_id).prefetch_related("attempts").order_by("channel", "pk"))
    tokens = [attempt.token for delivery in deliveries for attempt in delivery.attempts.all()]
    reports: dict[UUID | None, list[ProviderEvent]] = defaultdict(list)
    for report in ProviderEvent.objects.filter(token__in=tokens).defer("payload").order_by("occurred_at", "pk"):
        reports[report.token].append(report)
    return [_explain(delivery, reports) for delivery in deliveries]


def _explain(delivery: Delivery, reports: dict[UUID | None, list[ProviderEvent]]) -> Explanation:
    attempts = sorted(delivery.attempts.all(), key=lambda attempt: attempt.pk)
    words = _summed(delivery) or _words(delivery.reason, "refused_for_good" if delivery.state == Delivery.State.UNDELIVERABLE else "")
    steps = [Step(delivery.created_at, "planned", sentence(""))] if attempts or delivery.changed_at > delivery.created_at else []
    for attempt in attempts:
        steps += _steps(attempt, reports[attempt.token])
    last = Step(delivery.changed_at, delivery.state, words)
    if not steps or steps[-1].words != last.words:
        steps.append(last)
    return Explanation(delivery.channel, delivery.state, delivery.reason, words, tuple(sorted(steps, key=lambda step: step.at)))


def _summed(delivery: Delivery) -> str:
    """This function will say of what is in a digest in which one it was: its members end at the moment at which it is written."""
    if delivery.state != Delivery.State.IN_DIGEST:
        return ""
    return _("It was part of the summary of %(time)s.") % {"time": date_format(localtime(delivery.changed_at), "H:i")}


def _steps(attempt: Attempt, reports: Sequence[ProviderEvent]) -> Iterable[Step]:
    yield Step(attempt.started_at, "attempt", _("It was handed to the provider."))
    if attempt.finished_at is not None:
        yield Step(attempt.finished_at, attempt.outcome, _words(attempt.code, MEANS[Outcome(attempt.outcome)]))
    for report in reports:
        yield Step(report.occurred_at, report.kind, sentence(MEANS.get(Kind(report.kind), "accepted")))


def _words(code: str, otherwise: str) -> str:
    """This function will give the words for a code, or for what it amounts to where the code is a provider's own."""
    return sentence(code if code and is_explained(code) else otherwise or code)
