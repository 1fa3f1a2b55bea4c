"""Somebody answered a text: keep it, and do what it asks for. Read next: keywords.py, answers.py.

A STOP holds for everything but what signs a person in, from the next claim on (policies.py). Only a START from the same number takes
it back. It ends texts and nothing else: nobody leaves a study by it.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from channels_ace.answers import confirm_stop, tell_who_we_are
from channels_ace.contact_points import BadAddress, hint, normal, suppress_index
from channels_ace.crypto import blind_indexes, indexes_since
from channels_ace.inbound_models import ConsentRecord, InboundText
from channels_ace.index_writing import index_to_write
from channels_ace.keywords import Intent, classify
from channels_ace.models import ContactPoint, Recipient, Suppression

Decision, Source = ConsentRecord.Decision, ConsentRecord.Source
CHANNEL = "sms"
LIFTED_BY_START = (Suppression.Reason.STOP, Suppression.Reason.UNSURE)


def receive_text(
    provider: str, event_id: str, from_number: str, to_number: str, text: str, now: datetime, *, sent_at: datetime | None = None
) -> InboundText:
    """This function will keep a text and do what it asks for, once for each event of a provider.

    `sent_at` is when it was sent, where that is known: a START that comes late takes back no STOP that was sent after it.
    """
    clear = _clear(from_number)
    with transaction.atomic():
        index = index_to_write(blind_indexes(ContactPoint.Kind.PHONE, clear))
        received, created = InboundText.objects.get_or_create(
            provider=provider,
            event_id=event_id,
            defaults={
                "index": index,
                "hint": hint(ContactPoint.Kind.PHONE, clear),
                "to": to_number[:32],
                "text": text,
                "intent": classify(text, _languages(index)),
                "sent_at": sent_at or now,
                "received_at": now,
            },
        )
        if created:
            _act(received, now)
    return received


def resolve(received: InboundText, decision: ConsentRecord.Decision, now: datetime) -> bool:
    """This function will settle an unclear text by what a person read in it: STOPPED or RESUMED. False when it was settled before."""
    with transaction.atomic():
        unread = InboundText.objects.filter(pk=received.pk, intent=Intent.UNSURE, read_at=None)
        if not unread.update(read_at=now):
            return False
        # Another key may have been put around the number since the text was read.
        received.index = index_to_write(indexes_since(received.index))
        if decision is Decision.STOPPED:
            _suppress(received, Suppression.Reason.STOP)
        elif not _others_unread(received):
            _held(received, Suppression.Reason.UNSURE).update(lifted_at=now)
        _keep(received, decision, Source.OPERATOR, now)
    return True


def _act(received: InboundText, now: datetime) -> None:
    if received.intent == Intent.STOP:
        stopped = _suppress(received, Suppression.Reason.STOP)
        _keep(received, Decision.STOPPED, Source.TEXT, now)
        confirm_stop(received.index, stopped.since, now)
    elif received.intent == Intent.UNSURE:
        _suppress(received, Suppression.Reason.UNSURE)
        _keep(received, Decision.PAUSED, Source.TEXT, now)
    elif received.intent == Intent.START:
        _start(received, now)
    elif received.intent == Intent.HELP:
        tell_who_we_are(received.index, now)


def _start(received: InboundText, now: datetime) -> None:
    # Locked first: a STOP that is being stored right now is seen, or suppresses again after us.
    held = [block.pk for block in _held(received, *LIFTED_BY_START).select_for_update()]
    newer = InboundText.objects.filter(index=received.index, sent_at__gt=received.sent_at, intent__in=[Intent.STOP, Intent.UNSURE])
    if held and not newer.exists():
        Suppression.objects.filter(pk__in=held).update(lifted_at=now)
        InboundText.objects.filter(index=received.index, intent=Intent.UNSURE, read_at=None).update(read_at=now)
    _keep(received, Decision.STARTED, Source.TEXT, now)


def _suppress(received: InboundText, reason: Suppression.Reason) -> Suppression:
    return suppress_index(channel=CHANNEL, index=received.index, reason=reason, now=received.sent_at, scope=received.scope)


def _held(received: InboundText, *reasons: Suppression.Reason) -> QuerySet[Suppression]:
    return Suppression.objects.filter(channel=CHANNEL, index=received.index, reason__in=reasons, lifted_at=None)


def _others_unread(received: InboundText) -> bool:
    others = InboundText.objects.filter(index=received.index, intent=Intent.UNSURE, read_at=None)
    return others.exclude(pk=received.pk).exists()


def _keep(received: InboundText, decision: ConsentRecord.Decision, source: ConsentRecord.Source, now: datetime) -> None:
    ConsentRecord.objects.create(
        channel=CHANNEL,
        index=received.index,
        scope=received.scope,
        decision=decision,
        source=source,
        evidence=f"{received.provider}:{received.event_id}"[:191],
        at=now,
    )


def _clear(number: str) -> str:
    try:
        return normal(ContactPoint.Kind.PHONE, number)
    except BadAddress:
        # A short code or a name: nobody of ours has it, yet what it said is kept.
        return number.strip()


def _languages(index: str) -> set[str]:
    readers = Recipient.objects.filter(user__carillon_contact_points__index=index).exclude(language="")
    return set(readers.values_list("language", flat=True))
