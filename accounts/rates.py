"""How many calls a minute the API takes, by address, person and service. Read next: rest_api/rates.py.

Counted in Redis, or in the database where there is none or it does not answer. What must never be tried more often, such as a code, is
counted by tries.py, in the database alone.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import redis
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from accounts.models import RateCount

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Use:
    """One call counted: how many are allowed in a window of so many seconds, which one this was, and when the window ends."""

    name: str
    most: int
    window_seconds: int
    used: int
    resets_in_seconds: int

    @property
    def is_over(self) -> bool:
        return self.used > self.most


def count_call(name: str, who: str, now: datetime) -> Use | None:
    """This function will count a call of `who` by the rate of this name in settings.API_RATES; None: it has no limit."""
    rate = settings.API_RATES.get(name)
    if rate is None:
        return None
    most, seconds = rate
    window, passed = divmod(int(now.timestamp()), seconds)
    key = f"carillon:rate:{name}:{salted_hmac('carillon.rate', who, algorithm='sha256').hexdigest()[:32]}:{window}"
    return Use(name, most, seconds, _count(key, seconds, datetime.fromtimestamp((window + 1) * seconds, UTC)), seconds - passed)


def forget_counts(now: datetime) -> int:
    """This function will delete the counts of windows that have ended, and say how many those were."""
    return RateCount.objects.filter(ends_at__lte=now - timedelta(minutes=1)).delete()[0]


def _count(key: str, seconds: int, ends_at: datetime) -> int:
    store = _redis()
    if store is not None:
        try:
            with store.pipeline(transaction=False) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, seconds)
                used: int = pipeline.execute()[0]
            return used
        except redis.RedisError:
            logger.warning("Redis does not answer; calls are counted in the database")
    return _count_in_database(key, ends_at)


def _count_in_database(key: str, ends_at: datetime) -> int:
    with transaction.atomic():
        if not RateCount.objects.filter(key=key).update(used=F("used") + 1):
            try:
                with transaction.atomic():
                    RateCount.objects.create(key=key, used=1, ends_at=ends_at)
            except IntegrityError:
                RateCount.objects.filter(key=key).update(used=F("used") + 1)
        return RateCount.objects.values_list("used", flat=True).get(key=key)


@cache
def _redis() -> redis.Redis | None:
    """This function will give the client of the broker's Redis, where the broker is one."""
    url = settings.RATES_REDIS_URL
    return redis.Redis.from_url(url, socket_connect_timeout=0.3, socket_timeout=0.3) if url else None
