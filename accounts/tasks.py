"""One line each: tasks call, and carry nothing. Read next: tries.py, rates.py, phone_codes.py."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from accounts import phone_codes, rates, signed_in_browsers, tries
from channels_ace.api import read_clock

logger = logging.getLogger(__name__)


def poke() -> None:
    """This function will tell a worker that codes are wanted; with the broker away, the next tick finds them."""
    try:
        send_phone_codes.apply_async(queue="urgent")
    except (OperationalError, OSError):
        logger.warning("The broker is away; the next tick will find the codes that are wanted")


@shared_task
def send_phone_codes() -> None:
    phone_codes.send_codes(read_clock())


@shared_task
def forget() -> None:
    now = read_clock()
    tries.forget_tries(now)
    phone_codes.forget_codes(now)
    signed_in_browsers.forget_browsers(now)
    rates.forget_counts(now)
