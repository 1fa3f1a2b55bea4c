"""`manage.py after_restore`: once, after the database went back in time, before workers and beat are started again."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from channels_ace.api import quarantine
from scheduling.restored import close_lost_runs


class Command(BaseCommand):
    help = "Keeps what may have been sent in the time that a restored database does not know of from being sent again."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        with transaction.atomic():
            runs, deliveries = close_lost_runs(now), quarantine(now)
        self.stdout.write(f"{deliveries} deliveries may have been sent and are called unknown; {runs} runs of nudges are left out.")
