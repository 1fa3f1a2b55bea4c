"""What webhooks are told: compared with what they were told before, at each tick. Read next: webhook_posts.py.

Only messages of services with a webhook are looked at, for a week, and one by one up to MOST_PEOPLE recipients: what becomes of a
larger one is asked of its resource. The rows are written here; another task posts them, so that no delivery waits for a receiver.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F, Q

from channels_ace.api import Delivery
from notifications.models import ServiceMessage, Webhook, WebhookPost
from notifications.service_messages import state_of

TOLD_FOR = timedelta(days=7)
MOST_PEOPLE = 10_000
IN_ONE_EVENT = 200
# A change is told once it is a little old: what was written a moment ago may not have been committed in order.
SETTLED = timedelta(seconds=10)
_TOLD_STATES = ("planned", "refused", "cancelled")


def tell_changes(now: datetime) -> int:
    """This function will write the posts for what changed since the last time, and give how many those were."""
    webhooks: dict[str, list[Webhook]] = {}
    for webhook in Webhook.objects.filter(ended_at=None):
        webhooks.setdefault(webhook.service, []).append(webhook)
    recent = ServiceMessage.objects.filter(service__in=webhooks, asked_at__gt=now - TOLD_FOR)
    # Of a large message it is told once that it is planned; after that there is nothing to look for.
    planned = Q(planned_at__isnull=False) & (Q(people__lte=MOST_PEOPLE) | ~Q(told_state="planned"))
    changed = recent.filter(planned | Q(cancelled_at__isnull=False) | ~Q(refused_because=""))
    return sum(_tell(key, webhooks, now) for key in list(changed.order_by("pk").values_list("pk", flat=True)))


def _tell(key: int, webhooks: dict[str, list[Webhook]], now: datetime) -> int:
    with transaction.atomic():
        held = ServiceMessage.objects.select_for_update(skip_locked=connection.vendor == "postgresql", of=("self",))
        asked = held.select_related("message").filter(pk=key).first()
        if asked is None:
            return 0
        events = [*_state_event(asked, now), *_delivery_events(asked, now)]
        asked.save(update_fields=["told_state", "told_through", "told_key"])
        posts = [
            WebhookPost(webhook=webhook, event_id=event_id, event=name, payload=data, happened_at=at, next_at=now)
            for event_id, name, at, data in events
            for webhook in webhooks[asked.service]
            if name in webhook.events
        ]
        WebhookPost.objects.bulk_create(posts, ignore_conflicts=True)
    return len(posts)


def _state_event(asked: ServiceMessage, now: datetime) -> Iterable[tuple[str, str, datetime, dict[str, Any]]]:
    state = state_of(asked, now)
    if state == asked.told_state or state not in _TOLD_STATES:
        return
    asked.told_state = state
    at = {"planned": asked.planned_at, "cancelled": asked.cancelled_at}.get(state) or now
    data = {"message_id": asked.public_id, "state": state, "people": asked.people, "refused_because": asked.refused_because}
    yield f"evt_{asked.public_id}_{state}", f"message.{state}", at, data


def _delivery_events(asked: ServiceMessage, now: datetime) -> Iterable[tuple[str, str, datetime, dict[str, Any]]]:
    if asked.message is None or asked.people > MOST_PEOPLE:
        return
    changed = Delivery.objects.filter(message=asked.message, changed_at__lte=now - SETTLED)
    if asked.told_through is not None:
        changed = changed.filter(Q(changed_at__gt=asked.told_through) | Q(changed_at=asked.told_through, pk__gt=asked.told_key))
    rows = list(
        changed.order_by("changed_at", "pk").values("pk", "user_id", "channel", "state", "reason", "changed_at")[: 10 * IN_ONE_EVENT]
    )
    names = dict(get_user_model()._default_manager.filter(pk__in={row["user_id"] for row in rows}).values_list("pk", F("username")))
    for start in range(0, len(rows), IN_ONE_EVENT):
        part = rows[start : start + IN_ONE_EVENT]
        asked.told_through, asked.told_key = part[-1]["changed_at"], part[-1]["pk"]
        told = [
            {
                "username": names.get(row["user_id"]),
                "channel": row["channel"],
                "state": row["state"],
                "reason": row["reason"],
                "changed_at": row["changed_at"].isoformat(),
            }
            for row in part
        ]
        event_id = f"evt_{asked.public_id}_{part[-1]['pk']}_{int(part[-1]['changed_at'].timestamp() * 1000)}"
        yield event_id, "deliveries.changed", part[-1]["changed_at"], {"message_id": asked.public_id, "deliveries": told}
