"""One line each: tasks call, and carry no more than a lane's name. Read next: delivery.py, sweep.py."""

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from channels_ace import delivery
from channels_ace import sweep as sweeping

logger = logging.getLogger(__name__)


def poke(lane: str) -> None:
    """This function will tell a worker that something is due; a broker that is away costs a little time, nothing else."""
    try:
        deliver_lane.apply_async([lane], queue=lane)
    except (OperationalError, OSError):
        logger.warning("The broker is away; the sweep will find what is due in lane %s", lane)


@shared_task
def deliver_lane(lane: str) -> None:
    delivery.deliver_all(timezone.now(), lane=lane)


@shared_task
def sweep() -> None:
    now = timezone.now()
    sweeping.sweep(now)
    delivery.deliver_all(now)
