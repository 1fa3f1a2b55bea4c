"""Is a provider worth asking? A breaker for each, in the database, and the choice among a channel's providers. Read next: hand_over.py.

A provider that refused or left unanswered five in a row, or more than a fifth of the last fifty, rests: what would go through it goes
to the channel's next provider, or waits without using up its attempts. One delivery each half minute probes it; the first good
answer ends the rest.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from channels_ace.channel import Channel, Outcome, carriers, providers
from channels_ace.models import Delivery, ProviderHealth, Switch

logger = logging.getLogger(__name__)

PROVIDER_DOWN = "provider_down"
HANDED_ON = "handed_on"
REMEMBERED = ProviderHealth.REMEMBERED
GOOD, BAD = "+", "-"


def note(provider: str, outcomes: Iterable[Outcome], now: datetime) -> bool:
    """This function will add a provider's answers, oldest first, and say whether it rests now.

    An answer that is no for good is a good answer: the provider is there.
    """
    limits = settings.CHANNELS_ACE.get("BREAKER")
    answers = "".join(BAD if one in (Outcome.REFUSED, Outcome.UNKNOWN) else GOOD for one in outcomes)
    if not limits or not answers:
        return False
    with transaction.atomic():
        ProviderHealth.objects.bulk_create([ProviderHealth(provider=provider)], ignore_conflicts=True)
        health = ProviderHealth.objects.select_for_update().get(pk=provider)
        if health.opened_at is not None and GOOD in answers:
            logger.warning("Provider %s answers again", provider)
            health.opened_at, health.recent = None, ""
            answers = answers[answers.rindex(GOOD) :]
        health.recent = (health.recent + answers)[-REMEMBERED:]
        if health.opened_at is None and _is_bad(health.recent, limits["in_a_row"], limits["share"]):
            logger.error("Provider %s rests: its last answers were %s", provider, health.recent)
            health.opened_at, health.probe_at = now, now + timedelta(seconds=limits["probe_seconds"])
        health.save(update_fields=["recent", "opened_at", "probe_at"])
    return health.opened_at is not None


def next_provider(channel: str, after: str) -> Channel | None:
    """This function will give the first well provider of a channel behind another, for what that one refused."""
    names = [one.provider for one in providers(channel)]
    further = providers(channel)[names.index(after) + 1 :] if after in names else []
    if not further:
        return None
    resting, off = dict(_resting(names)), _turned_off(names)
    return next((one for one in further if one.provider not in resting and one.provider not in off), None)


def choose(channel: str, now: datetime, *, refused_by: str = "") -> tuple[Channel | None, bool]:
    """This function will give the first of a channel's providers that may be asked, and whether only by one delivery, as a probe.

    One that an operator turned off is passed over; where all of them are, the policy `SwitchedOff` says so. What one has just refused
    goes to one behind it.
    """
    behind = next_provider(channel, refused_by) if refused_by else None
    if behind is not None:
        return behind, False
    carriers = providers(channel)
    names = [one.provider for one in carriers]
    off = _turned_off(names)
    resting = dict(_resting(names))
    left = [one for one in carriers if one.provider not in off]
    for one in left:
        if one.provider not in resting:
            return one, False
        if _takes_probe(one.provider, resting[one.provider], now):
            return one, True
    return (None, False) if left else (carriers[0], False)


def resume(now: datetime) -> int:
    """This function will make ready what waited for a provider that is well again, and one delivery where a probe is due."""
    held = Delivery.objects.filter(state=Delivery.State.DEFERRED, reason=PROVIDER_DOWN)
    freed = 0
    for channel in carriers() if held.exists() else ():
        names = [one.provider for one in providers(channel)]
        off = _turned_off(names)
        left = [name for name in names if name not in off]
        resting = dict(_resting(left))
        waiting = held.filter(channel=channel)
        # With nothing left the switch is what holds them: they are asked again, and then say so.
        if len(resting) == len(left) > 0:
            if not any(probe_at is None or probe_at <= now for probe_at in resting.values()):
                continue
            waiting = waiting.filter(pk__in=list(waiting.order_by("changed_at").values_list("pk", flat=True)[:1]))
        freed += waiting.update(state=Delivery.State.READY, reason="", due_at=now, changed_at=now)
    return freed


def resting_providers() -> list[str]:
    """This function will name the providers that rest."""
    return list(ProviderHealth.objects.filter(opened_at__isnull=False).order_by("provider").values_list("provider", flat=True))


def _is_bad(recent: str, in_a_row: int, share: float) -> bool:
    return recent.endswith(BAD * in_a_row) or (len(recent) == REMEMBERED and recent.count(BAD) > share * REMEMBERED)


def _turned_off(names: Iterable[str]) -> set[str]:
    return set(Switch.objects.filter(kind=Switch.Kind.PROVIDER, name__in=names).values_list("name", flat=True))


def _resting(names: Iterable[str]) -> Iterable[tuple[str, datetime | None]]:
    return ProviderHealth.objects.filter(provider__in=names, opened_at__isnull=False).values_list("provider", "probe_at")


def _takes_probe(provider: str, probe_at: datetime | None, now: datetime) -> bool:
    """This function will take the probe that is due, unless another worker took it."""
    if probe_at is not None and probe_at > now:
        return False
    following = now + timedelta(seconds=settings.CHANNELS_ACE["BREAKER"]["probe_seconds"])
    due = ProviderHealth.objects.filter(Q(probe_at=probe_at), provider=provider, opened_at__isnull=False)
    return due.update(probe_at=following) == 1
