"""manage.py load_demo_world: the demo's people, study and course, on a virtual clock."""

import time
from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from demo.people import make_learners
from demo.world import is_loaded, load


class Command(BaseCommand):
    help = "Loads the demo world into the database of the settings. Run again, it changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--today", type=date.fromisoformat, default=None, help="the day the world ends before (default: today, UTC)")

        parser.add_argument("--only-people", action="store_true", help="the learners and nothing of their past")

    def handle(self, *args: Any, today: date | None, only_people: bool, **options: Any) -> None:
        # The virtual clock delivers by itself: a worker on the real one would find all of this long expired.
        settings.CHANNELS_ACE["POKE"] = "channels_ace.send.leave_to_the_sweep"
        if only_people:
            make_learners(datetime.now(UTC))
            return
        if is_loaded():
            self.stdout.write("  · the world is there already; RESET=1 starts over")
            return
        began = time.monotonic()
        load(today or datetime.now(UTC).date(), lambda line: self.stdout.write(f"  · {line}  ({time.monotonic() - began:.1f} s)"))
