"""The demo from end to end, as a stranger runs it, with its real processes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.management.commands.demo import fresh_database, prepare, start_workers
from demo.supervisor import ROOT, Supervisor, supervised

# Waiting for the leases of killed workers would take a minute.
END_LEASES = """
from datetime import timedelta
from django.db.models import F
from channels_ace.models import Delivery
Delivery.objects.filter(state="sending").update(lease_until=F("lease_until") - timedelta(minutes=2))
"""

pytestmark = pytest.mark.timeout(400)


def environment(var: Path, database: str) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": database, "CARILLON_VAR": str(var), "DJANGO_SETTINGS_MODULE": "settings.dev"}


def test_the_demo_agrees_with_the_providers_ledger() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--check"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=390
    )

    report = json.loads(done.stdout.splitlines()[-1])
    assert report["agrees"], report
    assert done.returncode == 0
    assert report["comparison"]["ledger"] == report["comparison"]["database"] > 1_000
    assert report["silent_protocol"] == {"early": 9, "pre_burst": 8}
    kinds = {(row["kind"], row["burst"]): row["count"] for row in report["nudges"]}
    # 14 who miss days 3 to 5, 14 silent ones, 4 who leave on day 6; opted out and without a phone get none.
    assert kinds["early", 1] == 32
    assert {row["state"] for row in report["deliveries"] if row["channel"] == "sms"} == {"accepted", "undeliverable"}


def test_killing_the_worker_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(9)
    ledger = tmp_path / "ledger.jsonl"
    with (
        fresh_database(os.environ.get("DATABASE_URL"), tmp_path) as database,
        supervised(tmp_path, environment(tmp_path, database), talk_to=sys.stderr) as demo,
    ):
        # given
        prepare(demo)
        demo.manage("load_demo_world", "--only-people")
        start_workers(demo)

        # when
        for lab in range(4):
            before = size_of(ledger)
            demo.manage("announce_lab", "--lab", f"Lab {lab}")
            wait_for_more(ledger, before)
            time.sleep(chance.random() / 3)
            kill(demo, "worker")
        demo.manage("shell", "-v", "0", "-c", END_LEASES)

        # then
        report = demo.manage("report_demo", "--ledger", str(ledger), "--json", "--only-ledger", check=False)
        assert report == 0


def size_of(ledger: Path) -> int:
    return ledger.stat().st_size if ledger.exists() else 0


def wait_for_more(ledger: Path, before: int) -> None:
    """This function will wait until the providers have taken something more: then the worker is in the middle."""
    until = time.monotonic() + 40
    while size_of(ledger) <= before and time.monotonic() < until:
        time.sleep(0.02)
    assert size_of(ledger) > before


def kill(demo: Supervisor, name: str) -> None:
    """This function will kill a process without warning and start it again, as its supervisor would."""
    child = next(child for child in demo.children if child.name == name)
    os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()
    demo.children.remove(child)
    demo.start(name, child.command, may_restart=True)
