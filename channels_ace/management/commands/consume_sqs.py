"""A process that waits at the queue; the task poll_receipts does the same every half minute. Read next: channels_ace/sqs.py."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from channels_ace.sqs import drain, queue_url

LONGEST_WAIT_SECONDS = 5


class Command(BaseCommand):
    help = "Take in what providers report through the queue SQS_RECEIPTS_QUEUE_URL, until told to end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        if not queue_url():
            raise CommandError("SQS_RECEIPTS_QUEUE_URL is not set.")
        if once:
            self.stdout.write(f"{drain(timezone.now(), most=1_000_000)} messages taken in")
            return
        told_to_end = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told_to_end.set())
        while not told_to_end.is_set():
            close_old_connections()
            try:
                drain(timezone.now(), wait_seconds=LONGEST_WAIT_SECONDS)
            except Exception as error:  # AWS or the database is away: neither is for long
                self.stderr.write(f"The queue cannot be read now: {type(error).__name__}")
                told_to_end.wait(LONGEST_WAIT_SECONDS)
