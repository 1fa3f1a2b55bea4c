"""No more parts of texts a second than an originator may send, over all workers. Read next: hand_over.py.

AWS counts message parts, not messages: by default 1 a second for a US 10DLC number, 3 for a toll-free one, 100 for a short code.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField
from django.db.models.functions import Now

from channels_ace.channel import Outgoing
from channels_ace.models import ProviderHealth
from channels_ace.segments import count_segments, write_plainly


def parts_per_second(provider: str) -> float:
    """This function will tell how fast a provider may be asked; 0 means as fast as it answers."""
    return float(settings.CHANNELS_ACE.get("PARTS_PER_SECOND", {}).get(provider, 0))


def parts_of(outgoing: Outgoing) -> int:
    """This function will count what a provider counts: the parts of a text, one for anything else."""
    return count_segments(write_plainly(outgoing.parts["text"]).strip()).parts if outgoing.to_kind == "phone" else 1


def wait_turn(provider: str, parts: int, deadline: float) -> bool:
    """This function will wait until so many parts may go, and say whether that was before a deadline on the monotonic clock.

    A turn is taken in the database and by its clock, so that any number of workers share one rate; nothing is locked while waiting.
    """
    remaining = deadline - time.monotonic()
    with transaction.atomic():
        ProviderHealth.objects.bulk_create([ProviderHealth(provider=provider)], ignore_conflicts=True)
        rows = ProviderHealth.objects.select_for_update().annotate(clock=Now(output_field=DateTimeField()))
        health = rows.get(pk=provider)
        starts = max(health.free_at or health.clock, health.clock)
        wait = (starts - health.clock).total_seconds()
        is_in_time = wait < remaining
        if is_in_time:
            ProviderHealth.objects.filter(pk=provider).update(free_at=starts + timedelta(seconds=parts / parts_per_second(provider)))
    time.sleep(max(0, min(wait, remaining)))
    return is_in_time
