"""`manage.py check_nudges`: what of yesterday's reminders was never decided or said; exit code 1 if anything is missing."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from scheduling.self_check import find_gaps


class Command(BaseCommand):
    help = "Prints one JSON line for each run that was missed, each decision that is missing and each nudge that nobody sent."

    def handle(self, *args: Any, **options: Any) -> None:
        gaps = find_gaps(timezone.now())
        for gap in gaps:
            self.stdout.write(json.dumps({**asdict(gap), "local_date": gap.local_date.isoformat()}))
        if gaps:
            sys.exit(1)
