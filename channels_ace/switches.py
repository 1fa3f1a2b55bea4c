"""What an operator turned off waits: kept out of the claims' way, not lost, and freed once nothing covers it. Read next: policies.py.

A delivery that is covered is deferred for a day, so that a million of them are looked at once a day and not at each claim;
the sweep brings them back within seconds after the switch is lifted. What is stale by then expires.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, Q

from channels_ace.channel import carriers
from channels_ace.decision import Question, Rule, defer
from channels_ace.models import Delivery, Switch

SWITCHED_OFF = "switched_off"
HOLD = timedelta(days=1)


class SwitchedOff:
    """What is turned off by channel, provider, type or scope waits. An inbox keeps its own rows, and is never turned off."""

    def rules(self, question: Question) -> Iterable[Rule]:
        channel = carriers().get(question.channel)
        if channel is None:
            return
        covered = (
            Q(kind=Switch.Kind.CHANNEL, name=question.channel)
            | Q(kind=Switch.Kind.PROVIDER, name=channel.provider)
            | Q(kind=Switch.Kind.TYPE, name=question.type.name)
            | Q(kind=Switch.Kind.SCOPE, name=question.scope)
        )
        # A condition and no query of its own: planning and deciding stay one statement each.
        yield defer(Q(Exists(Switch.objects.filter(covered))), SWITCHED_OFF, question.now + HOLD)


def resume(now: datetime) -> int:
    """This function will make ready what waits for a switch that is no longer there, and say how many deliveries that were."""
    held = Delivery.objects.filter(state=Delivery.State.DEFERRED, reason=SWITCHED_OFF)
    if not held.exists():
        return 0
    freed = held.exclude(_covered())
    return Delivery.objects.filter(pk__in=freed.values("pk"), state=Delivery.State.DEFERRED, reason=SWITCHED_OFF).update(
        state=Delivery.State.READY, reason="", due_at=now, changed_at=now
    )


def _covered() -> Q:
    names: dict[str, list[str]] = {kind: [] for kind in Switch.Kind.values}
    for kind, name in Switch.objects.values_list("kind", "name"):
        names[kind].append(name)
    channels = [name for name, channel in carriers().items() if channel.provider in names[Switch.Kind.PROVIDER]]
    return (
        Q(channel__in=names[Switch.Kind.CHANNEL] + channels)
        | Q(message__type__in=names[Switch.Kind.TYPE])
        | Q(message__scope__in=names[Switch.Kind.SCOPE])
    )
