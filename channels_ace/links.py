"""Where a link of a message leads by the time it is sent. Read next: rendering.py, prepare.py.

Another app says so, by dotted path in CHANNELS_ACE["LINKS"]; without it a link leads where it led when the message was made.
"""

from collections.abc import Callable
from functools import cache
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string


def leads_to(link: str) -> str:
    """This function will give the address to which a message's link leads now; empty for a message without one."""
    path = settings.CHANNELS_ACE.get("LINKS")
    return _found(path)(link) if path else link


@cache
def _found(path: str) -> Callable[[str], str]:
    return cast(Callable[[str], str], import_string(path))
