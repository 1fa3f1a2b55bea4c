"""One line each: tasks call, and carry nothing. Read next: date_reminders.py, service_messages.py."""

import logging
import time

from celery import shared_task
from kombu.exceptions import OperationalError

from channels_ace.api import read_clock
from notifications import date_reminders, inbox_retention, service_messages, webhook_events, webhook_posts
from notifications.rest_api import idempotency

logger = logging.getLogger(__name__)

# Celery kills a task after CELERY_TASK_TIME_LIMIT: a round begun before this ends before that.
POSTING_SECONDS = 20


@shared_task
def tick_dates() -> None:
    date_reminders.tick_dates(read_clock())


@shared_task
def forget_answers() -> None:
    idempotency.forget_answers(read_clock())


@shared_task
def plan_service_messages() -> None:
    service_messages.plan_due(read_clock())


def poke_service_messages() -> None:
    """This function will tell a worker that a service wants something said; with the broker away, the next tick finds it."""
    try:
        plan_service_messages.apply_async(queue="bulk")
    except (OperationalError, OSError):
        logger.warning("The broker is away; the next tick will find what services want said")


# What a day leaves behind in a large site takes longer than what is due now.
@shared_task(time_limit=3_600)
def forget_old_items() -> None:
    inbox_retention.forget_old_items(read_clock())


@shared_task
def tell_webhooks() -> None:
    webhook_events.tell_changes(read_clock())


@shared_task
def post_to_webhooks() -> None:
    until = time.monotonic() + POSTING_SECONDS
    while webhook_posts.post_due(read_clock()) and time.monotonic() < until:
        pass


@shared_task
def forget_webhook_posts() -> None:
    webhook_posts.forget_posts(read_clock())
