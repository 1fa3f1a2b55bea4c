"""manage.py report_demo: what the demo came to, as a table or as JSON."""

import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from channels_ace.api import Delivery
from demo.report import make_report, print_report


class Command(BaseCommand):
    help = "Compares the doubles' ledger with the database and counts what was sent and held back; exits 1 where they do not agree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ledger", type=Path, required=True, help="the doubles' ledger")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--since", type=float, default=None, help="when the whole began, in seconds since 1970")
        parser.add_argument("--only-ledger", action="store_true", help="judge the comparison alone")
        parser.add_argument("--patience", type=int, default=60, help="seconds to wait for the worker to finish what is due")

    def handle(self, *args: Any, ledger: Path, json: bool, since: float | None, only_ledger: bool, patience: int, **options: Any) -> None:
        is_quiet = wait_until_quiet(patience)
        if not ledger.is_file():
            self.stderr.write(f"There is no ledger at {ledger}.")
            sys.exit(2)
        now = datetime.now(UTC)
        report = make_report(ledger, now.date())
        if not is_quiet:
            report.faults.append(f"The worker had not finished what was due after {patience} seconds.")
        report.seconds = round(time.time() - since, 1) if since else 0.0
        report.database, report.broker = connection.vendor, settings.CELERY_BROKER_URL.split(":", 1)[0]
        if json:
            self.stdout.write(report.as_json())
        else:
            print_report(report, now)
        if not (report.comparison.agrees and is_quiet if only_ledger else report.agrees):
            sys.exit(1)


def wait_until_quiet(patience: int) -> bool:
    """This function will wait until nothing is due or being sent, and tell whether that came in time."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        due = Delivery.objects.filter(state__in=Delivery.WAITING, due_at__lte=datetime.now(UTC))
        if not due.exists() and not Delivery.objects.filter(state=Delivery.State.SENDING).exists():
            return True
        time.sleep(0.3)
    return False
