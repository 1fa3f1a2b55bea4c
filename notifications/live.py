"""Telling open pages that an inbox has changed: a poke by Redis, without any content. Read next: live_server.py.

A poke says whose: the first and the last user id of those concerned, one person or a chunk of a large audience. Pages then ask
for the count themselves. A poke that is lost costs a little time: pages ask now and then anyway.
"""

import logging
import time
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

# Redis that is away must cost whoever says something a moment, not a moment each time.
TIMEOUT_SECONDS = 0.5
REST_SECONDS = 5.0
_rests_until = 0.0


def announce(first_user_id: int, last_user_id: int | None = None) -> None:
    """This function will tell, once the transaction is committed, the open pages of a person (or of all from the first id to the last)
    that their inbox changed. It raises nothing.
    """
    if settings.LIVE_REDIS_URL:
        last = first_user_id if last_user_id is None else last_user_id
        transaction.on_commit(lambda: _publish(first_user_id, last), robust=True)


def channel_name() -> str:
    """This function will name the channel of the pokes. Redis' channels know no databases: two sites on one Redis share none."""
    return f"carillon:live:{urlsplit(settings.LIVE_REDIS_URL).path.strip('/') or '0'}"


def read_poke(data: bytes) -> tuple[int, int] | None:
    """This function will read the first and the last user id of a poke; None for what is none of ours."""
    first, _dash, last = data.partition(b"-")
    return (int(first), int(last)) if first.isdigit() and last.isdigit() else None


def opaque_id(user_id: int) -> str:
    """This function will give a name of a person for their own browser, which tells nobody who they are."""
    return salted_hmac("carillon.live", str(user_id)).hexdigest()[:20]


def _publish(first: int, last: int) -> None:
    global _rests_until
    if time.monotonic() < _rests_until:
        return
    try:
        _redis().publish(channel_name(), f"{first}-{last}")
    except (RedisError, OSError):
        _rests_until = time.monotonic() + REST_SECONDS
        logger.warning("Redis is away; open pages will ask for their count by themselves")


@cache
def _redis() -> Redis:
    return Redis.from_url(
        settings.LIVE_REDIS_URL,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
