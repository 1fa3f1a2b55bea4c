"""What the icon of an app shows: one number for each person, from another app, by dotted path in CHANNELS_ACE["BADGES"].

Read next: prepare.py.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cache
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

Badges = Callable[[Collection[int], datetime], Mapping[int, int]]


def badges_of(user_ids: Collection[int], now: datetime) -> Mapping[int, int]:
    """This function will give the number for each of these people, asked for all at once; without anybody who knows it none."""
    path = settings.CHANNELS_ACE.get("BADGES")
    return _found(path)(user_ids, now) if path else {}


@cache
def _found(path: str) -> Badges:
    return cast(Badges, import_string(path))
