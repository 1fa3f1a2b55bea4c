from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import RequestFactory

from accounts.models import Try
from accounts.tries import LIMITS, TooMany, address_of, allow, forget_tries

NOW = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
MOST, WITHIN = LIMITS["sign_in"]["account"][0].most, LIMITS["sign_in"]["account"][0].within


def test_the_try_after_the_last_waits_until_the_first_is_old(db: None) -> None:
    for _number in range(MOST):
        allow("sign_in", NOW, account="ana", address="192.0.2.1")

    with pytest.raises(TooMany) as error:
        allow("sign_in", NOW + timedelta(minutes=1), account="ANA", address="192.0.2.2")

    assert error.value.wait == WITHIN - timedelta(minutes=1)
    allow("sign_in", NOW + timedelta(minutes=1), account="bo", address="192.0.2.1")


def test_old_tries_are_forgotten(db: None) -> None:
    allow("sign_in", NOW, account="ana", address="192.0.2.1")

    longest = max(limit.within for kinds in LIMITS.values() for limits in kinds.values() for limit in limits)
    assert forget_tries(NOW + longest - timedelta(seconds=1)) == 0
    assert forget_tries(NOW + longest) == 2
    assert not Try.objects.exists()


SEEN = [
    (0, "192.0.2.1", "", "192.0.2.1"),
    (0, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
    (1, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
    (1, "10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
    (2, "10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
    (1, "10.0.0.1", "", "10.0.0.1"),
    (1, "10.0.0.1", "nonsense", "unknown"),
    (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
    (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
]


@pytest.mark.parametrize(("proxies", "remote", "forwarded", "expected"), SEEN)
def test_an_address_is_what_our_own_proxies_saw(settings: Any, proxies: int, remote: str, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded else {}

    assert address_of(RequestFactory(REMOTE_ADDR=remote).get("/", headers=headers)) == expected
