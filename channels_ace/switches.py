"""What an operator turned off waits: kept out of the claims' way, not lost, and freed once nothing covers it. Read next: policies.py.

A delivery that is covered is deferred for a day, so that a million of them are looked at once a day and not at each claim;
the sweep brings them back within seconds after the switch is lifted, and until then does not read them. What is stale by then expires.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, Q

from channels_ace.channel import carriers, providers
from channels_ace.decision import Question, Rule, defer
from channels_ace.models import Delivery, Switch, SwitchesSeen

SWITCHED_OFF = "switched_off"
HOLD = timedelta(days=1)
# Longer than any transaction that decides: what it held under a switch that was still there may come after the switch is gone.
DECIDING = timedelta(minutes=2)


class SwitchedOff:
    """What is turned off by channel, type or scope waits, and so does a channel all of whose providers are turned off.

    An inbox keeps its own rows, and is never turned off.
    """

    def rules(self, question: Question) -> Iterable[Rule]:
        if question.channel not in carriers():
            return
        covered = (
            Q(kind=Switch.Kind.CHANNEL, name=question.channel)
            | Q(kind=Switch.Kind.TYPE, name=question.type.name)
            | Q(kind=Switch.Kind.SCOPE, name=question.scope)
        )
        # Conditions and no queries of their own: planning and deciding stay one statement each.
        yield defer(Q(Exists(Switch.objects.filter(covered))), SWITCHED_OFF, question.now + HOLD)
        no_provider = Q()
        for one in providers(question.channel):
            no_provider &= Q(Exists(Switch.objects.filter(kind=Switch.Kind.PROVIDER, name=one.provider)))
        yield defer(no_provider, SWITCHED_OFF, question.now + HOLD)


def resume(now: datetime) -> int:
    """This function will make ready what waits for a switch that is no longer there, and say how many deliveries that were."""
    held = Delivery.objects.filter(state=Delivery.State.DEFERRED, reason=SWITCHED_OFF)
    if not held.exists():
        return 0
    on = [list(switch) for switch in Switch.objects.order_by("kind", "name").values_list("kind", "name")]
    last = SwitchesSeen.objects.first()
    if last is not None and all(switch in on for switch in last.seen):
        held = held.filter(channel__in=list(carriers()), changed_at__gt=last.looked_at - DECIDING)
    waiting = held.exclude(_covered())
    freed = Delivery.objects.filter(pk__in=waiting.values("pk"), state=Delivery.State.DEFERRED, reason=SWITCHED_OFF).update(
        state=Delivery.State.READY, reason="", due_at=now, changed_at=now
    )
    # Last: whoever is stopped before this looks through everything again.
    SwitchesSeen.objects.update_or_create(pk=1, defaults={"seen": on, "looked_at": now})
    return freed


def _covered() -> Q:
    names: dict[str, list[str]] = {kind: [] for kind in Switch.Kind.values}
    for kind, name in Switch.objects.values_list("kind", "name"):
        names[kind].append(name)
    off = set(names[Switch.Kind.PROVIDER])
    channels = [name for name in carriers() if {one.provider for one in providers(name)} <= off]
    return (
        Q(channel__in=names[Switch.Kind.CHANNEL] + channels)
        | Q(message__type__in=names[Switch.Kind.TYPE])
        | Q(message__scope__in=names[Switch.Kind.SCOPE])
    )
