"""One line each. Read next: nudges.py."""

from celery import shared_task
from django.utils import timezone

from scheduling import nudges


@shared_task
def tick() -> None:
    nudges.tick(timezone.now())
