"""The same events from a queue, which keeps them for days where a webhook gets three tries in a minute. Read next: intake.py.

Who may write to the queue is for its policy to say. A message is deleted after what it says is committed; one that breaks on the way
stays, and goes where the queue's own redrive policy sends it.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from channels_ace.aws import client
from channels_ace.channel import provider_settings
from channels_ace.intake import take_in
from channels_ace.provider_events import NotUnderstood

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 10  # of ReceiveMessage


def drain(now: datetime, *, most: int = 500, wait_seconds: int = 0) -> int:
    """This function will take in what waits in the queue, up to `most` messages, and say how many were taken off it."""
    url = queue_url()
    sqs, taken, seen = client("sqs"), 0, 0
    while seen < most:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=MOST_AT_ONCE, WaitTimeSeconds=wait_seconds).get("Messages", [])
        if not found:
            break
        seen += len(found)
        for message in found:
            if _take(message, now):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                taken += 1
    return taken


def queue_url() -> str:
    """This function will give the address of the queue, "" where there is none."""
    return str(provider_settings("AWS").get("receipts_queue_url") or "")


def _take(message: Mapping[str, Any], now: datetime) -> bool:
    try:
        with transaction.atomic():
            text, sent_at = _unwrapped(message.get("Body", ""))
            take_in(text, now, sent_at=sent_at)
    except NotUnderstood as error:
        logger.warning("Message %s of the queue is none that we know: %s", message.get("MessageId"), error)
    except Exception as error:
        # Not its words: they hold what somebody wrote.
        logger.error("Message %s of the queue stays there: %s", message.get("MessageId"), type(error).__name__)
        return False
    return True


def _unwrapped(body: str) -> tuple[str, datetime | None]:
    """The message and when it was sent: SNS wraps it, unless raw delivery is on."""
    try:
        wrapped = json.loads(body)
    except (ValueError, RecursionError):
        raise NotUnderstood("no JSON") from None
    if not isinstance(wrapped, dict) or wrapped.get("Type") != "Notification":
        return body, None
    topics = provider_settings("AWS").get("sns_topics", ())
    if topics and wrapped.get("TopicArn") not in topics:
        raise NotUnderstood("foreign topic")
    try:
        sent_at = datetime.fromisoformat(str(wrapped.get("Timestamp")))
    except ValueError:
        raise NotUnderstood("no time") from None
    return str(wrapped.get("Message", "")), sent_at
