"""What other services ask us to say: kept at once, said by a worker when its time comes, followed until its end. Read next: tasks.py.

The row is written with the answer to the caller; a poke, or the next tick, finds it. Said twice it is one message: its key is the row's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, Q, QuerySet

from channels_ace.api import EVERYONE, Delivery, Refused, UnknownType, cancel, check_message
from notifications.audience import course_audience
from notifications.links import allowed_link
from notifications.models import ServiceMessage
from notifications.notify import notify
from notifications.registry import Category, find

# A course's filters, as a service names them and as course_audience does.
FILTERS = {"roles": "discussion_roles", "modes": "enrollments", "cohorts": "cohorts", "teams": "teams"}
_ENDS = ("delivered", "undeliverable", "suppressed", "expired", "cancelled", "in_digest", "unknown_final", "dead")
_AT_ONCE = 50


def ask(draft: ServiceMessage) -> ServiceMessage:
    """This function will keep what a service wants said. Raises Refused and UnknownType, as saying it would, before anything is written."""
    try:
        known = find(draft.type)
    except TypeError as error:
        raise UnknownType(str(error)) from error
    if known.category == Category.ACCOUNT:
        raise Refused("Only this site itself tells people about their accounts.")
    draft.link = allowed_link(draft.link)
    check_message(type=draft.type, context=draft.context, scope=draft.scope, link=draft.link, channels=draft.channels, now=draft.asked_at)
    audience_of(draft.audience)
    draft.save(force_insert=True)
    return draft


def plan_due(now: datetime) -> int:
    """This function will say what is due, and go on where an earlier run was cut short; it gives how many messages that were."""
    waiting = ServiceMessage.objects.filter(planned_at=None, cancelled_at=None, refused_because="")
    due = list(waiting.filter(Q(send_after=None) | Q(send_after__lte=now)).order_by("asked_at")[:_AT_ONCE])
    for asked in due:
        _plan(asked, now)
    return len(due)


def cancel_message(asked: ServiceMessage, now: datetime) -> int:
    """This function will stop what has not been sent, and give how many deliveries that were; the second time changes nothing."""
    with transaction.atomic():
        asked = ServiceMessage.objects.select_for_update().get(pk=asked.pk)
        if asked.cancelled_at is None:
            ServiceMessage.objects.filter(pk=asked.pk).update(cancelled_at=now)
        return cancel(asked.message, now) if asked.message else 0


def state_of(asked: ServiceMessage, now: datetime) -> str:
    """This function will name where a message stands: refused, cancelled, waiting, planning, planned or expired."""
    if asked.refused_because:
        return "refused"
    if asked.cancelled_at:
        return "cancelled"
    if asked.planned_at:
        return "planned"
    return "waiting" if asked.send_after and asked.send_after > now else "planning"


def counts_of(asked: ServiceMessage) -> list[dict[str, Any]]:
    """This function will count a message's deliveries by channel, state and reason, in one statement."""
    if asked.message is None:
        return []
    rows = asked.message.deliveries.values("channel", "state", "reason").annotate(count=Count("pk"))
    counts: list[dict[str, Any]] = [dict(row) for row in rows.order_by("channel", "state", "reason")]
    if "inbox" in asked.message.channels:
        # An inbox row is its own delivery; only what was held back has one beside it.
        held_back = sum(row["count"] for row in counts if row["channel"] == "inbox")
        counts.insert(0, {"channel": "inbox", "state": "delivered", "reason": "", "count": max(asked.people - held_back, 0)})
    return counts


def is_end(state: str) -> bool:
    """This function will tell whether a delivery stays in this state."""
    return Delivery.State(state) in _ENDS


def audience_of(document: Mapping[str, Any]) -> QuerySet[Any]:
    """This function will give the people whom an audience document means. Raises Refused."""
    active = get_user_model()._default_manager.filter(is_active=True)
    if "usernames" in document:
        return active.filter(username__in=document["usernames"])
    if "platform_ids" in document:
        return active.filter(carillon_platform_user__platform_id__in=document["platform_ids"])
    if "course" in document:
        course = document["course"]
        members = course_audience(course["key"], _filters(course), but_not=_filters(course.get("but_not", {})))
        return members.filter(is_active=True)
    return active


def unknown_people(document: Mapping[str, Any]) -> list[str]:
    """This function will list the names and numbers in an audience document that nobody has."""
    if "usernames" in document:
        known = set(audience_of(document).values_list("username", flat=True))
        return [name for name in document["usernames"] if name not in known]
    if "platform_ids" in document:
        known = set(audience_of(document).values_list("carillon_platform_user__platform_id", flat=True))
        return [str(number) for number in document["platform_ids"] if number not in known]
    return []


def _filters(course: Mapping[str, Any]) -> dict[str, list[str]]:
    return {ours: course[name] for name, ours in FILTERS.items() if name in course}


def _plan(asked: ServiceMessage, now: datetime) -> None:
    if asked.expires_at and asked.expires_at <= now:
        _refuse(asked, "It had expired before its time came.")
        return
    people = audience_of(asked.audience)
    try:
        message = notify(
            type=asked.type,
            audience=EVERYONE if "everyone" in asked.audience else people,
            context=asked.context,
            link=asked.link,
            scope=asked.scope,
            channels=asked.channels,
            expires_at=asked.expires_at,
            idempotency_key=f"service-message:{asked.public_id}",
            now=now,
        )
    except (Refused, UnknownType) as error:
        # A type that is gone, or a host that is no longer allowed, since it was asked.
        _refuse(asked, str(error))
        return
    with transaction.atomic():
        held = ServiceMessage.objects.select_for_update().get(pk=asked.pk)
        ServiceMessage.objects.filter(pk=asked.pk).update(message=message, people=people.count(), planned_at=now)
        if held.cancelled_at:
            # Cancelled while it was planned.
            cancel(message, now)


def _refuse(asked: ServiceMessage, reason: str) -> None:
    ServiceMessage.objects.filter(pk=asked.pk).update(refused_because=reason[:300])
