"""What a person's present choices would have sent of the messages of the last weeks. Read next: preferences.py, cadences.py."""

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Count, Value

from channels_ace.api import Delivery
from notifications.cadences import cadence_in, chosen_cadences
from notifications.models import InboxItem, Mute, Preference
from notifications.overrides import standing_for
from notifications.registry import WHOLE_CHANNEL, NotificationType

DAYS = 30
DIGEST = "digest"


def would_have_sent(user_id: int, now: datetime) -> Counter[str]:
    """This function will count by channel what the choices of today let through of the last thirty days' messages.

    E-mail that a digest would have gathered is counted as DIGEST. The person's own messages only, in two grouped statements.
    """
    chosen = {(scope, channel): is_on for scope, channel, is_on in Preference.objects.filter(user_id=user_id).values_list(*_COLUMNS)}
    often, muted = chosen_cadences(user_id), set(Mute.objects.filter(user_id=user_id).values_list("key", flat=True))
    standing, types = standing_for(user_id), dict[int | None, dict[str, NotificationType]]()
    found: Counter[str] = Counter()
    for name, scope, channel, count in _messages(user_id, now):
        brand = standing.brand_of(scope) or standing.own
        if brand not in types:
            types[brand] = {known.name: known for known in standing.types_of(brand)}
        known = types[brand].get(name)
        if known is not None and (channel in known.locked or (scope not in muted and _is_on(known, channel, chosen))):
            waits = channel == "email" and cadence_in(known, often) != "now"
            found[DIGEST if waits else channel] += count
    return found


_COLUMNS = ("scope", "channel", "is_on")


def _messages(user_id: int, now: datetime) -> list[tuple[str, str, str, int]]:
    since = now - timedelta(days=DAYS)
    sent = Delivery.objects.filter(user_id=user_id, created_at__gt=since, created_at__lte=now).order_by()
    # What lies in the inbox has no delivery of its own; what was kept out of it has.
    kept = InboxItem.objects.filter(user_id=user_id, message__created_at__gt=since, message__created_at__lte=now).order_by()
    named = ("message__type", "message__scope")
    return [
        *sent.values_list(*named, "channel").annotate(count=Count("message_id", distinct=True)),
        *kept.values_list(*named).annotate(way=Value("inbox"), count=Count("message_id")),
    ]


def _is_on(known: NotificationType, channel: str, chosen: dict[tuple[str, str], bool]) -> bool:
    default = chosen.get((str(known.category), channel), channel in known.on)
    return chosen.get((WHOLE_CHANNEL, channel), True) and chosen.get((known.scope, channel), default)
