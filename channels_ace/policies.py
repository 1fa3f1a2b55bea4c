"""The router's own rules before sending; other apps add theirs in settings. Read next: decision.py.

Reason codes are explained to people in reasons.py.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, time

from django.db.models import Exists, Q

from channels_ace.decision import Question, Rule, defer, deny
from channels_ace.local_time import ZONES, Window, openings
from channels_ace.message_types import Hours
from channels_ace.models import ContactPoint, Suppression

TEXTING = Window(opens=time(9), closes=time(20))
# Push and e-mail rest at night; a person may narrow it further (notifications/preferences.py).
AWAKE = Window(opens=time(8), closes=time(22))


class Expired:
    """What is no longer worth sending is not sent late."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if question.expiry:
            yield deny(Q(**{f"{question.expiry}__lte": question.now}), "expired")


class Reachable:
    """A channel needs a contact point that is the recipient's own, verified and not removed (audience.py, with_contact)."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if not question.contact_kinds:
            return
        missing = Q(**{f"{question.contact_point}__isnull": True})
        mine = ContactPoint.objects.filter(user_id=question.outer(question.user), kind__in=question.contact_kinds)
        yield deny(missing & Q(Exists(mine.filter(verified_at=None, removed_at=None))), "contact_unverified")
        yield deny(missing & Q(Exists(mine.filter(removed_at__isnull=False))), "contact_removed")
        yield deny(missing, "no_contact_point")


class NotSuppressed:
    """An address that said STOP, bounced or complained is not used; what signs a person in goes past a study's STOP."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if not question.contact_kinds:
            return
        blocked = Suppression.objects.filter(channel=question.channel, lifted_at=None, index=question.outer(question.address))
        for reason in Suppression.Reason:
            if reason in (Suppression.Reason.STOP, Suppression.Reason.UNSURE) and question.type.hours is Hours.ANY:
                continue
            scopes = Q(scope="") if question.type.hours is Hours.ANY else Q(scope="") | Q(scope=question.scope)
            yield deny(Exists(blocked.filter(scopes, reason=reason)), f"suppressed_{reason.value}")


class TextingHours:
    """Texts go out between 09:00 and 20:00 where the recipient is, every day; without a zone they do not go out at all."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if question.channel != "sms" or question.type.hours is Hours.ANY:
            return
        # Also a zone that this machine does not know (any more): nobody can tell whether it is daytime there.
        yield deny(~Q(**{f"{question.zone}__in": sorted(ZONES)}), "no_time_zone")
        yield from _until_open(question, TEXTING, "texting_hours")


class QuietHours:
    """Push and e-mail wait for the morning."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if question.channel in ("push", "email") and question.type.hours is not Hours.ANY:
            yield from _until_open(question, AWAKE, "quiet_hours")


def _until_open(question: Question, window: Window, reason: str) -> Iterable[Rule]:
    """This function will yield one rule for each instant at which closed zones open: at most some forty, whatever the audience."""
    closed: dict[datetime, list[str]] = defaultdict(list)
    for zone, opening in openings(question.now, window, ZONES).items():
        if opening is not None:
            closed[opening].append(zone)
    for opening in sorted(closed):
        yield defer(Q(**{f"{question.zone}__in": closed[opening]}), reason, opening)
