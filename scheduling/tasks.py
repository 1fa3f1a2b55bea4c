"""One call each. Read next: nudges.py, self_check.py."""

import logging

from celery import shared_task

from channels_ace.api import read_clock
from scheduling import drawn_times, nudges, tellings
from scheduling.self_check import find_gaps

logger = logging.getLogger(__name__)


@shared_task
def tick() -> None:
    nudges.tick(read_clock())


@shared_task
def tell_participants() -> None:
    tellings.tell_all(read_clock())


@shared_task
def forget_tellings() -> None:
    tellings.forget(read_clock())
    drawn_times.forget(read_clock())


@shared_task
def check_nudges() -> None:
    for gap in find_gaps(read_clock()):
        logger.error("%s: rule %s of study %s, %s, %s, %d people", gap.kind, gap.rule, gap.study, gap.time_zone, gap.local_date, gap.people)
