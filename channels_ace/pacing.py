"""No more parts of texts a second than an originator (a number, a short code) may send, over all workers. Read next: hand_over.py.

AWS counts message parts, not messages: by default 1 a second for a US 10DLC number, 3 for a toll-free one, 100 for a short code.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField
from django.db.models.functions import Now

from channels_ace.channel import Outgoing
from channels_ace.models import OriginatorPace
from channels_ace.segments import count_segments, write_plainly


def parts_per_second(provider: str, originator: str) -> float:
    """This function will tell how fast an originator may send: its own rate, else that of each at its provider; 0 means no limit."""
    rates = settings.CHANNELS_ACE.get("PARTS_PER_SECOND", {})
    return float(rates.get(originator, rates.get(provider, 0)))


def parts_of(outgoing: Outgoing) -> int:
    """This function will count what a provider counts: the parts of a text, one for anything else."""
    return count_segments(write_plainly(outgoing.parts["text"]).strip()).parts if outgoing.to_kind == "phone" else 1


def wait_turn(provider: str, originator: str, parts: int, deadline: float) -> bool:
    """This function will wait until so many parts may go, and say whether that was before a deadline on the monotonic clock.

    A turn is taken in the database and by its clock, so that any number of workers share one rate; nothing is locked while waiting.
    """
    remaining = deadline - time.monotonic()
    takes = timedelta(seconds=parts / parts_per_second(provider, originator))
    with transaction.atomic():
        rows = OriginatorPace.objects.filter(provider=provider, originator=originator)
        OriginatorPace.objects.bulk_create([OriginatorPace(provider=provider, originator=originator, free_at=Now())], ignore_conflicts=True)
        free_at, clock = rows.select_for_update().values_list("free_at", Now(output_field=DateTimeField())).get()
        starts = max(free_at, clock)
        wait = (starts - clock).total_seconds()
        is_in_time: bool = wait < remaining
        if is_in_time:
            rows.update(free_at=starts + takes)
    time.sleep(max(0, min(wait, remaining)))
    return is_in_time
