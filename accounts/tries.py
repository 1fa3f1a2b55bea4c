"""How often something may be tried, counted in the database: with Redis away, no door stands open. Read next: rest_api/problems.py."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.db.models import Min
from django.db.models.aggregates import Count
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.models import Try

logger = logging.getLogger(__name__)


class TooMany(Exception):
    """It was tried too often. `wait` is how long until it may be tried again."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"Too many tries; wait {wait}.")
        self.wait = wait


@dataclass(frozen=True)
class Limit:
    most: int
    within: timedelta


MINUTES, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
# By what is tried and for whom it is counted. A text costs money, and a guess of six digits costs safety: OWASP's cheat sheets on
# authentication and on multi-factor authentication have the attacks, the figures are ours.
LIMITS: Mapping[str, Mapping[str, tuple[Limit, ...]]] = {
    "sign_in": {"account": (Limit(10, MINUTES),), "address": (Limit(100, MINUTES),)},
    # A guess of six digits, of which three are right at any time: 20 a day are one in 16,000 for somebody who has the password.
    "second_factor": {"account": (Limit(5, MINUTES), Limit(20, DAY))},
    "single_sign_on": {"address": (Limit(100, MINUTES),)},
    # By whom it is asked for, and for which account: a letter-box is not filled, and nobody learns whether there is one.
    "password_reset": {"account": (Limit(3, HOUR),), "address": (Limit(20, HOUR),)},
    # 200 an hour for the whole site are at most 4,800 a day: about 40 US dollars at the price of a text in the US.
    "data_copy": {"account": (Limit(5, DAY),)},
    "phone_code": {
        "number": (Limit(1, timedelta(minutes=1)), Limit(3, HOUR), Limit(5, DAY)),
        "account": (Limit(5, DAY),),
        "address": (Limit(10, HOUR),),
        "site": (Limit(200, HOUR),),
    },
}


def allow(what: str, now: datetime, **who: str) -> None:
    """This function will count a try for each of those who make it, such as account="ana". Raises TooMany.

    A try counts before it is judged, so that many at once are not all let through; one that is refused counts too.
    """
    keys = {name: _key(what, name, value) for name, value in who.items()}
    Try.objects.bulk_create([Try(what=f"{what}.{name}", key=key, at=now) for name, key in keys.items()])
    for name, key in keys.items():
        for limit in LIMITS[what][name]:
            recent = Try.objects.filter(what=f"{what}.{name}", key=key, at__gt=now - limit.within, at__lte=now)
            found = recent.aggregate(tries=Count("pk"), first=Min("at"))
            if found["tries"] > limit.most:
                if name == "site":
                    logger.error("The whole site has used up %s: %d within %s.", what, limit.most, limit.within)
                raise TooMany(found["first"] + limit.within - now)


def address_of(request: HttpRequest) -> str:
    """This function will give where a request comes from: an IPv4 address, or the /64 network in which an IPv6 address is one of many.

    Behind settings.TRUSTED_PROXIES proxies it is what the outermost of them saw; what a client writes itself is not believed.
    """
    chain = [*(part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip())]
    chain.append(request.META.get("REMOTE_ADDR", ""))
    seen = chain[max(0, len(chain) - 1 - settings.TRUSTED_PROXIES)]
    try:
        address = ip_address(seen)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def forget_tries(now: datetime) -> int:
    """This function will delete the tries that no limit counts any more, and say how many those were."""
    longest = max(limit.within for kinds in LIMITS.values() for limits in kinds.values() for limit in limits)
    return Try.objects.filter(at__lte=now - longest).delete()[0]


def _key(what: str, name: str, value: str) -> str:
    return salted_hmac(f"carillon.try.{what}.{name}", value.casefold(), algorithm="sha256").hexdigest()
