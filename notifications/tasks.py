"""One line each. Read next: date_reminders.py."""

from celery import shared_task
from django.utils import timezone

from notifications import date_reminders


@shared_task
def tick_dates() -> None:
    date_reminders.tick_dates(timezone.now())
