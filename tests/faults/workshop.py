"""Starts, kills and waits for real workers on the database of the test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.db import connection

from tests.channels_ace.saying import let_leases_end
from tests.fakes import Doubles

ROOT = Path(__file__).resolve().parents[2]


class Workshop:
    def __init__(self, parent: "subprocess.Popen[str]", log: Path) -> None:
        self._parent = parent
        self._log = log
        self.kills = 0

    def start(self, now: datetime) -> int:
        """This function will start a worker and return its process id."""
        self.look_for_failures()
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(f"{now.isoformat()}\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())

    def look_for_failures(self) -> None:
        """This function will fail with what a worker said when it broke by itself."""
        said = self._log.read_text(encoding="utf-8")
        assert "Traceback" not in said, said[-4_000:]

    def kill(self, worker: int) -> None:
        """This function will kill a worker as the kernel does, if it still works."""
        if is_running(worker):
            os.kill(worker, signal.SIGKILL)
            self.kills += 1

    def drain(self, now: datetime) -> None:
        """This function will let one worker finish what is due; leases of the dead end at once."""
        let_leases_end()
        wait_for(self.start(now))
        self.look_for_failures()


def wait_for(worker: int, seconds: float = 40) -> None:
    """This function will wait until a worker is gone."""
    until = time.monotonic() + seconds
    while is_running(worker):
        assert time.monotonic() < until, "The worker does not finish."
        time.sleep(0.01)


def is_running(worker: int) -> bool:
    try:
        state = Path(f"/proc/{worker}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@contextmanager
def open_workshop(doubles: Doubles, log: Path) -> Iterator["subprocess.Popen[str]"]:
    """This function will keep a parent of workers, whose logs go to a file."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "settings.test",
        "DATABASE_URL": database_url(),
        "AWS_ENDPOINT_URL": doubles.http,
        "PROVIDER_TIMEOUT": "0.5",
    }
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults.worker"]
    pipe = subprocess.PIPE
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=errors, text=True) as parent,
    ):
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n", log.read_text(encoding="utf-8")
        yield parent
        parent.kill()


def database_url() -> str:
    """This function will give the address of the database that the test itself is connected to."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    password = f":{known['PASSWORD']}" if known["PASSWORD"] else ""
    return f"postgres://{known['USER']}{password}@{known['HOST']}:{known['PORT'] or 5432}/{known['NAME']}"
