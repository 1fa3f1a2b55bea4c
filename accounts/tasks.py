"""One line each: tasks call, and carry nothing. Read next: tries.py, rates.py, phone_codes.py."""

import logging

from celery import Task, shared_task
from kombu.exceptions import OperationalError

from accounts import data_copies, phone_codes, rates, signed_in_browsers, tries
from channels_ace.api import read_clock

logger = logging.getLogger(__name__)


def poke() -> None:
    """This function will tell a worker that codes are wanted; with the broker away, the next tick finds them."""
    _poke(send_phone_codes, "urgent")


def poke_for_copies() -> None:
    """This function will tell a worker that copies of data are wanted; with the broker away, the next tick finds them."""
    _poke(make_data_copies, "bulk")


def _poke(task: Task[[], None], queue: str) -> None:
    try:
        task.apply_async(queue=queue)
    except (OperationalError, OSError):
        logger.warning("The broker is away; the next tick will find what is wanted")


@shared_task
def send_phone_codes() -> None:
    phone_codes.send_codes(read_clock())


@shared_task
def make_data_copies() -> None:
    data_copies.make_copies(read_clock())


@shared_task
def forget() -> None:
    now = read_clock()
    tries.forget_tries(now)
    phone_codes.forget_codes(now)
    signed_in_browsers.forget_browsers(now)
    rates.forget_counts(now)
    data_copies.forget_copies(now)
