"""One delivery from its planning to what happens next, for an operator's eyes. Read next: history.py, which shows it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from channels_ace.ask_again import ask_again
from channels_ace.channel import Outcome
from channels_ace.explain import MEANS
from channels_ace.message_types import Repeat, UnknownType, find
from channels_ace.models import Attempt, ContactPoint, Delivery, ProviderEvent
from channels_ace.reasons import is_explained, sentence
from channels_ace.receipts import Kind

State = Delivery.State
# What a state is beside its word: colour alone says nothing to many.
_GLYPHS = {
    State.ACCEPTED: "✓",
    State.DELIVERED: "✓",
    State.UNKNOWN: "?",
    State.UNKNOWN_FINAL: "?",
    State.UNDELIVERABLE: "✕",
    State.DEAD: "✕",
    State.SUPPRESSED: "–",
    State.EXPIRED: "–",
    State.CANCELLED: "–",
}
_TONES = {"✓": "ok", "✕": "bad", "?": "warn"}


def glyph_of(state: str) -> str:
    """This function will give the sign that goes with a state's word."""
    return _GLYPHS.get(State(state), "…")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that happened: when, what it is called, the words for it, and facts as (name, value)."""

    at: datetime
    what: str
    words: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Story:
    """A delivery as an operator reads it."""

    state: str
    glyph: str
    tone: str
    words: str
    reason: str
    person: str
    contact: str
    lines: tuple[Line, ...]
    next: tuple[str, ...]


def story_of(delivery: Delivery, now: datetime) -> Story:
    """This function will tell a delivery's whole story in a handful of statements. No address is decrypted for it."""
    attempts = list(delivery.attempts.order_by("pk"))
    tokens = [attempt.token for attempt in attempts]
    receipts = list(ProviderEvent.objects.filter(token__in=tokens).order_by("occurred_at", "pk"))
    point = ContactPoint.objects.defer("address").filter(pk=delivery.contact_point_id).first()
    state = State(delivery.state)
    glyph = glyph_of(state)
    return Story(
        state=str(state.label),
        glyph=glyph,
        tone=_TONES.get(glyph, "plain"),
        words=_words(delivery.reason, "refused_for_good" if state == State.UNDELIVERABLE else ""),
        reason=delivery.reason,
        person=_("Person %(number)s") % {"number": delivery.user_id},
        contact=str(point) if point else _("none"),
        lines=tuple(sorted(_lines(delivery, attempts, receipts), key=lambda line: line.at)),
        next=tuple(_what_next(delivery, attempts, now)),
    )


def _lines(delivery: Delivery, attempts: Iterable[Attempt], receipts: Iterable[ProviderEvent]) -> Iterator[Line]:
    attempts = list(attempts)
    if delivery.changed_at == delivery.created_at and not attempts:
        yield Line(at=delivery.created_at, what=_("Planned"), words=_words(delivery.reason), facts=_facts(code=delivery.reason))
        return
    yield Line(at=delivery.created_at, what=_("Planned"), words=_("No rule forbade it for good."))
    for number, attempt in enumerate(attempts, start=1):
        yield from _attempt(number, attempt)
    for receipt in receipts:
        yield _receipt(receipt)
    if delivery.withdrawn_at is not None:
        words = _("It was read, archived or withdrawn, and the device was told so.")
        yield Line(at=delivery.withdrawn_at, what=_("Taken off the screen"), words=words)
    yield Line(
        at=delivery.changed_at,
        what=str(State(delivery.state).label),
        words=_words(delivery.reason, "refused_for_good" if delivery.state == State.UNDELIVERABLE else ""),
        facts=_facts(code=delivery.reason),
    )


def _attempt(number: int, attempt: Attempt) -> Iterator[Line]:
    asked = _("Attempt %(number)d") % {"number": number}
    words = _("It was handed to %(provider)s.") % {"provider": attempt.provider}
    yield Line(at=attempt.started_at, what=asked, words=words, facts=_facts(attempt=str(attempt.token)))
    if not attempt.outcome:
        return
    yield Line(
        at=attempt.finished_at or attempt.started_at,
        what=_("Answer"),
        words=_words(attempt.code, MEANS[Outcome(attempt.outcome)]),
        facts=_facts(
            outcome=attempt.outcome,
            code=attempt.code,
            said=attempt.detail,
            provider_id=attempt.provider_message_id,
            parts=str(attempt.parts),
            estimate=f"{attempt.price_estimate:.5f} USD" if attempt.price_estimate is not None else "",
        ),
    )


def _receipt(receipt: ProviderEvent) -> Line:
    words = sentence(MEANS.get(_kind(receipt.kind), "accepted"))
    return Line(
        at=receipt.occurred_at,
        what=_("Receipt"),
        words=words if receipt.applied_at else _("It is not applied: it came too early or too late."),
        facts=_facts(
            code=str(receipt.payload.get("eventType") or receipt.payload.get("event") or receipt.kind),
            said=str(receipt.payload.get("description") or ""),
            heard=_moment(receipt.received_at),
            price=_price(receipt.payload),
        ),
    )


def _kind(name: str) -> str:
    return Kind(name) if name in set(Kind) else ""


def _price(payload: dict[str, Any]) -> str:
    """The message and the carrier's fee, as AWS tells both, in dollars."""
    try:
        told = [Decimal(str(payload[name])) for name in ("totalMessagePrice", "totalCarrierFee") if name in payload]
    except InvalidOperation:
        return ""
    return f"{sum(told):.5f} USD" if told else ""


def _facts(**facts: str) -> tuple[tuple[str, str], ...]:
    names = {
        "attempt": _("our number for it"),
        "outcome": _("taken as"),
        "code": _("code"),
        "said": _("the provider's words"),
        "provider_id": _("the provider's id"),
        "parts": _("parts"),
        "estimate": _("estimated price"),
        "heard": _("heard"),
        "price": _("price"),
    }
    return tuple((names[name], value) for name, value in facts.items() if value)


def _what_next(delivery: Delivery, attempts: list[Attempt], now: datetime) -> Iterator[str]:
    state = delivery.state
    if state in Delivery.WAITING:
        yield from _waiting(delivery, now)
    elif state == State.SENDING:
        until = _moment(delivery.lease_until) if delivery.lease_until else ""
        yield _("A worker has it until %(time)s. If it dies, the sweep takes the delivery back.") % {"time": until}
    elif state == State.UNKNOWN:
        yield _after_unknown(delivery)
    elif state == State.ACCEPTED:
        yield _("Nothing more is sent. A receipt may still say whether it arrived.")
    elif state == State.DEAD:
        yield _("It stays set aside until an operator looks at it.")
    else:
        yield _("Nothing more happens.")
    if state in (State.UNKNOWN_FINAL, State.UNDELIVERABLE) and any(not one.outcome for one in attempts):
        yield _("A receipt that comes late is still believed.")


def _waiting(delivery: Delivery, now: datetime) -> Iterator[str]:
    if delivery.due_at > now:
        yield _("Its turn comes at %(time)s.") % {"time": _moment(delivery.due_at)}
    else:
        yield _("It is due since %(time)s: the next worker of its lane takes it.") % {"time": _moment(delivery.due_at)}
    if delivery.expires_at is not None:
        yield _("It is worth sending until %(time)s.") % {"time": _moment(delivery.expires_at)}
    answer = ask_again([delivery], now).get(delivery.pk)
    if answer is None:
        yield _("The person is gone: it will be held back.")
    elif not answer.state:
        yield _("If it were its turn now, nothing would stand against it.")
    elif answer.until is not None:
        yield _("If it were its turn now, it would wait: %(reason)s") % {"reason": sentence(answer.reason)}
    else:
        yield _("If it were its turn now, it would not go: %(reason)s") % {"reason": sentence(answer.reason)}


def _after_unknown(delivery: Delivery) -> str:
    until = {"time": _moment(delivery.reconcile_at) if delivery.reconcile_at else ""}
    try:
        is_repeated = find(delivery.message.type).repeat is Repeat.AT_LEAST_ONCE
    except UnknownType:
        is_repeated = False
    if is_repeated:
        return _("If no receipt proves by %(time)s that it was taken, it is sent again.") % until
    return _("If no receipt proves by %(time)s that it was taken, it is closed as unknown and not sent again.") % until


def _words(code: str, otherwise: str = "") -> str:
    return sentence(code if is_explained(code) and (code or not otherwise) else otherwise or code)


def _moment(at: datetime) -> str:
    return date_format(localtime(at), "Y-m-d H:i:s T")
