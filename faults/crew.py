"""Starts processes, watches them and breaks them. Read next: worker.py, which they are."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from tests.channels_ace.saying import let_leases_end
from tests.factories import NOW
from tests.fakes import Doubles, fcm, sns_topic

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a process does, and the moment (points.py) or the mutant (mutations.py) that it gets."""

    do: str = "deliver"
    now: datetime = NOW
    point: str = ""
    after: int = 1
    signal: str = "SIGKILL"
    mutant: str = ""
    limit: int = 40
    lane: str = ""
    # Generous: on a busy machine a slow answer would be one more unknown. Who wants it short says so.
    timeout: float = 8.0
    endpoint: str = ""
    seconds: float = 60.0
    at: float = 0.0
    visibility: int = 3600
    port: int = 0
    account: str = ""
    rests: bool = False
    name: str = "worker"


class Crew:
    """The processes of one run of the suite. A mutant set here is in all of them."""

    def __init__(self, parent: "subprocess.Popen[str]", folder: Path) -> None:
        self._parent, self._log = parent, folder / "ended"
        self._started: list[int] = []
        self.mutant = ""

    @property
    def ended(self) -> int:
        """How many processes died or stopped at their moment since `forget`."""
        return len(self._log.read_text(encoding="utf-8").splitlines()) if self._log.exists() else 0

    def forget(self) -> None:
        """This function will end every process and begin to count anew."""
        for one in self._started:
            end(one)
        self._started.clear()
        self._log.unlink(missing_ok=True)

    def start(self, job: Job) -> int:
        """This function will start a process and give its id."""
        line = {**asdict(job), "now": job.now.isoformat(), "log": str(self._log), "mutant": job.mutant or self.mutant}
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(line) + "\n")
        self._parent.stdin.flush()
        self._started.append(int(self._parent.stdout.readline()))
        return self._started[-1]

    def run(self, job: Job, *, seconds: float = 90) -> bool:
        """This function will start a process, wait until it is gone, and say whether it died at its moment."""
        before = self.ended
        wait_until_gone(self.start(job), seconds)
        return self.ended > before

    def wait(self, process: int) -> None:
        """This function will wait until a process is done."""
        wait_until_gone(process)

    def drain(self, now: datetime = NOW) -> None:
        """This function will let a healthy worker finish what is due; leases of the dead end at once."""
        let_leases_end()
        self.run(Job(now=now))


def state_of(process: int) -> str:
    """This function will give the kernel's letter for a process: T is stopped; "" is gone."""
    try:
        letter = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if letter == "Z" else letter


def wait_until_gone(process: int, seconds: float = 90) -> None:
    """This function will wait until a process is gone."""
    until = time.monotonic() + seconds
    while state_of(process):
        if time.monotonic() > until:
            raise TimeoutError(f"Process {process} does not end.")
        time.sleep(0.005)


def end(process: int) -> None:
    """This function will kill a process of ours, if it still runs."""
    if state_of(process):
        os.kill(process, signal.SIGKILL)
        wait_until_gone(process)


@contextmanager
def crew_for(doubles: Doubles, folder: Path) -> Iterator[Crew]:
    """This function will keep a parent of processes, whose complaints go to a file."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": doubles.http,
        "FCM_BASE_URL": doubles.http,
        "FCM_PROJECT_ID": fcm.PROJECT,
        "AWS_SNS_TOPICS": sns_topic.TOPIC,
        "SQS_RECEIPTS_QUEUE_URL": f"{doubles.http}/123456789012/receipts",
    }
    command = [sys.executable, "-W", "ignore", "-m", "faults.worker"]
    pipe = subprocess.PIPE
    with (
        (folder / "workers.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=log, text=True) as parent,
    ):
        crew = Crew(parent, folder)
        try:
            if parent.stdout is None or parent.stdout.readline() != "ready\n":
                raise RuntimeError((folder / "workers.log").read_text(encoding="utf-8"))
            yield crew
        finally:
            crew.forget()
            parent.kill()
