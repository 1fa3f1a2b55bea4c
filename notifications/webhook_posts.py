"""Posting events to webhooks until they are taken, for a day. Read next: public_address.py.

A post is claimed by a lease in a transaction of its own, posted outside any, and recorded. A lost worker's lease ends, and the event is
posted again: receivers see by its id that they had it.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http.client import HTTPException

from django.db import transaction
from django.db.models import F

from notifications.models import WebhookPost
from notifications.public_address import post
from notifications.webhooks import end_webhook, headers_of

# After the first failure, the second, and so on: 23.6 hours in all.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 21_600))
# Longer than a connection and an answer may take.
LEASE = timedelta(seconds=60)
AT_ONCE = 10
State = WebhookPost.State


def post_due(now: datetime) -> int:
    """This function will post what is due, one post for each webhook at a time, and give how many it posted."""
    claimed = _claim(now)
    if not claimed:
        return 0
    # Only the network in the threads: the rows stay with this one.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda one: _post(one, now), claimed))
    for one, (answer, wait) in zip(claimed, answers, strict=True):
        _record(one, answer, wait, now)
    return len(claimed)


def replay(one: WebhookPost, now: datetime) -> bool:
    """This function will post an event again from the beginning, under the same id, and tell whether: not to a webhook that has ended."""
    living = WebhookPost.objects.filter(pk=one.pk, webhook__ended_at=None)
    return bool(living.update(state=State.WAITING, next_at=now, attempts=0, first_at=None, lease_until=None, answer=""))


def forget_posts(now: datetime) -> int:
    """This function will delete what was posted or given up a month ago, and say how many those were."""
    return WebhookPost.objects.exclude(state=State.WAITING).filter(happened_at__lte=now - timedelta(days=30)).delete()[0]


def _claim(now: datetime) -> list[WebhookPost]:
    due = WebhookPost.objects.filter(state=State.WAITING, next_at__lte=now).exclude(lease_until__gt=now)
    # A receiver that is slow holds up its own posts only.
    busy = WebhookPost.objects.filter(state=State.WAITING, lease_until__gt=now).values("webhook")
    found = due.exclude(webhook__in=busy).select_related("webhook").order_by("webhook_id", "next_at", "pk")
    firsts = {one.webhook_id: one for one in reversed(found[:1_000])}
    return [one for one in list(firsts.values())[:AT_ONCE] if _take(one, now)]


def _take(one: WebhookPost, now: datetime) -> bool:
    with transaction.atomic():
        free = WebhookPost.objects.filter(pk=one.pk, state=State.WAITING, attempts=one.attempts).exclude(lease_until__gt=now)
        if not free.update(attempts=F("attempts") + 1, lease_until=now + LEASE, last_at=now, first_at=one.first_at or now):
            return False
    one.attempts += 1
    one.first_at = one.first_at or now
    return True


def _post(one: WebhookPost, now: datetime) -> tuple[str, float | None]:
    body = json.dumps({"type": one.event, "timestamp": one.happened_at.isoformat(), "data": one.payload}).encode()
    try:
        status, wait = post(one.webhook.url, body, headers_of(one.webhook, one.event_id, body, now))
    except (OSError, HTTPException, ValueError) as error:
        return type(error).__name__, None
    return str(status), wait


def _record(one: WebhookPost, answer: str, wait: float | None, now: datetime) -> None:
    mine = WebhookPost.objects.filter(pk=one.pk, attempts=one.attempts, state=State.WAITING)
    if answer.startswith("2"):
        mine.update(state=State.TAKEN, answer=answer, lease_until=None)
    elif answer == "410":
        mine.update(state=State.GIVEN_UP, answer=answer, lease_until=None)
        end_webhook(one.webhook, "The receiver answered 410 Gone.", now)
    elif one.attempts > len(WAITS):
        mine.update(state=State.GIVEN_UP, answer=answer, lease_until=None)
    else:
        rest = max(WAITS[one.attempts - 1], timedelta(seconds=min(wait or 0, 3_600)))
        mine.update(answer=answer, lease_until=None, next_at=now + rest)
