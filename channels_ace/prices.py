"""What a text probably costs, by the table in the settings; the bill may say otherwise. Read next: segments.py, record.py."""

from collections.abc import Mapping
from decimal import Decimal

import phonenumbers
from django.conf import settings


def estimate(provider: str, number: str, parts: int) -> Decimal | None:
    """This function will give the price of a text of so many parts in dollars; None where the table has none for its country."""
    prices: Mapping[str, Decimal] = settings.CHANNELS_ACE.get("PRICES") or {}
    if not prices:
        return None
    country = phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    for key in (f"{provider}:{country}", country, f"{provider}:*", "*"):
        if key in prices:
            return prices[key] * parts
    return None
