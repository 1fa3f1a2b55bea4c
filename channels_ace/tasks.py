"""One line each: tasks call, and carry no more than a lane's name. Read next: delivery.py, sweep.py."""

import logging
import time

from celery import shared_task
from kombu.exceptions import OperationalError

from channels_ace import contact_points, delivery, opt_out_lists, silent_telling, sqs
from channels_ace import sweep as sweeping
from channels_ace.clock import read_clock

logger = logging.getLogger(__name__)

# Celery kills a task after CELERY_TASK_TIME_LIMIT, whatever it is sending: a batch begun before this ends before that.
RUN_SECONDS = 20


def poke(lane: str) -> None:
    """This function will tell a worker that something is due; a broker that is away costs a little time, nothing else."""
    try:
        deliver_lane.apply_async((lane,), queue=lane)
    except (OperationalError, OSError):
        logger.warning("The broker is away; the sweep will find what is due in lane %s", lane)


@shared_task
def deliver_lane(lane: str) -> None:
    until = time.monotonic() + RUN_SECONDS
    while delivery.deliver(read_clock(), lane=lane):
        if time.monotonic() > until:
            poke(lane)
            return


@shared_task
def sweep() -> None:
    now = read_clock()
    sweeping.sweep(now)
    for lane in sweeping.due_lanes(now):
        poke(lane)


@shared_task
def poll_receipts() -> None:
    if sqs.queue_url():
        sqs.drain(read_clock())


@shared_task
def sync_opt_outs() -> None:
    opt_out_lists.sync_opt_outs(read_clock())


@shared_task
def forget_stale_devices() -> None:
    contact_points.forget_stale_devices(read_clock())


@shared_task
def tell_devices() -> None:
    until = time.monotonic() + RUN_SECONDS
    while silent_telling.tell_due(read_clock()) and time.monotonic() < until:
        pass
