"""The ledger of the providers held against the database: what must be true whatever was killed."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from channels_ace.api import Attempt, Delivery

State = Delivery.State
ENDS = {
    State.ACCEPTED,
    State.DELIVERED,
    State.UNDELIVERABLE,
    State.SUPPRESSED,
    State.EXPIRED,
    State.CANCELLED,
    State.UNKNOWN_FINAL,
    State.DEAD,
}
TAKEN = {State.ACCEPTED, State.DELIVERED}
UNKNOWNS = {State.UNKNOWN, State.UNKNOWN_FINAL}


def violations(ledger: Iterable[Mapping[str, Any]]) -> list[str]:
    """This function will list, in words, everything that is not as promised; nothing may be running."""
    entries = list(ledger)
    delivery_of = {str(token): key for token, key in Attempt.objects.values_list("token", "delivery_id")}
    accepted = Counter(delivery_of.get(entry["token"]) for entry in entries if entry["accepted"])
    found: dict[str, list[object]] = defaultdict(list)
    found["I1 sent twice"] = [key for key, times in accepted.items() if key is not None and times > 1]
    found["I3 sent without an attempt"] = [entry["n"] for entry in entries if entry["token"] not in delivery_of]
    found["I7 an attempt asked twice"] = [token for token, times in Counter(entry["token"] for entry in entries).items() if times > 1]
    known = set(Delivery.objects.order_by().values_list("message_id", flat=True).distinct())
    for delivery in Delivery.objects.all():
        if delivery.state in TAKEN and not accepted[delivery.pk]:
            found["I2 called sent, but nobody took it"].append(delivery.pk)
        if not _is_accounted_for(delivery, known):
            found["I4 left without an end or a reason"].append((delivery.pk, delivery.state, delivery.reason))
        if accepted[delivery.pk] and delivery.state not in TAKEN | UNKNOWNS:
            found["I5 sent, but not called sent or unknown"].append((delivery.pk, delivery.state))
    return [f"{rule}: {which}" for rule, which in found.items() if which]


def _is_accounted_for(delivery: Delivery, known: Collection[int]) -> bool:
    """This function will tell whether a delivery has come to an end, or is told when it will; `known` are messages with a delivery."""
    if delivery.state == State.UNKNOWN:
        return bool(delivery.reason) and delivery.reconcile_at is not None
    if delivery.state == State.IN_DIGEST:
        return delivery.digest_id in known
    return delivery.state in ENDS and bool(delivery.reason)
