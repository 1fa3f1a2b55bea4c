"""Too many tries, as the API says it. Read next: accounts/tries.py."""

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework.exceptions import Throttled

from accounts.tries import TooMany


@contextmanager
def limited() -> Iterator[None]:
    """`with limited():` answers 429 with Retry-After where something was tried too often."""
    try:
        yield
    except TooMany as error:
        raise Throttled(wait=error.wait.total_seconds()) from error
