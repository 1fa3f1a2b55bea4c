"""Starts processes, watches them and breaks them. Read next: worker.py, which they are."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from faults.processors import seconds_of
from tests.channels_ace.saying import let_leases_end
from tests.factories import NOW
from tests.fakes import Doubles, fcm, sns_topic

ROOT = Path(__file__).resolve().parents[1]
# Generous: on a busy machine a slow answer would be one more unknown. Who wants it short says so.
PATIENCE_SECONDS = 8.0
# Who takes longer than this hangs.
WAIT_SECONDS = 90.0


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
    timeout: float = PATIENCE_SECONDS
    endpoint: str = ""
    seconds: float = 60.0
    # How often it looks for something due; 0 is until nothing is.
    rounds: int = 0
    # A file at which as many processes wait for each other.
    gate: str = ""
    together: int = 0
    visibility: int = 3600
    port: int = 0
    account: str = ""
    rests: bool = False
    # Whose mail it gathers at once; 0 is as many as usual.
    people: int = 0
    # Celery's pool: solo, or prefork with as many children.
    children: int = 0
    # How far this process's clock is off, in seconds, and after how many seconds it becomes so.
    skew: float = 0.0
    skewed_after: float = 0.0
    # Parts of texts a second; 0 is no limit.
    pace: float = 0.0
    name: str = "worker"
    # Django's, over those of the tests.
    settings: dict[str, Any] = field(default_factory=dict)


class Crew:
    """The processes of one run of the suite. A mutant set here is in all of them."""

    def __init__(self, parent: "subprocess.Popen[str]", folder: Path) -> None:
        self._parent, self._log = parent, folder / "ended"
        self._started: list[int] = []
        self.mutant = ""
        # With ten times the dose there is ten times as much to do before a process is done.
        self.patience = 1

    @property
    def ended(self) -> int:
        """How many processes died or stopped at their moment since `forget`."""
        return len(self._log.read_text(encoding="utf-8").splitlines()) if self._log.exists() else 0

    @property
    def worked(self) -> float:
        """How many seconds processors worked for all of its processes so far."""
        return seconds_of([self._parent.pid])

    def forget(self) -> None:
        """This function will end every process and begin to count anew."""
        for one in self._started:
            end(one)
        self._started.clear()
        self._log.unlink(missing_ok=True)

    def start(self, job: Job) -> int:
        """This function will start a process and give its id."""
        more = {"seconds": job.seconds * self.patience, "mutant": job.mutant or self.mutant}
        line = {**asdict(job), **more, "now": job.now.isoformat(), "log": str(self._log)}
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(line) + "\n")
        self._parent.stdin.flush()
        self._started.append(int(self._parent.stdout.readline()))
        return self._started[-1]

    def run(self, job: Job, *, seconds: float = WAIT_SECONDS) -> bool:
        """This function will start a process, wait until it is gone, and say whether it died at its moment."""
        before = self.ended
        wait_until_gone(self.start(job), seconds * self.patience)
        return self.ended > before

    def run_together(self, jobs: Sequence[Job]) -> int:
        """This function will start processes, wait until all are gone, and say how many of them died or stopped at their moment."""
        before = self.ended
        for process in [self.start(job) for job in jobs]:
            self.wait(process)
        return self.ended - before

    def wait_until_ended(self, number: int, seconds: float = 30) -> None:
        """This function will wait until so many processes have met their moment, or the time is up."""
        until = time.monotonic() + seconds
        while self.ended < number and time.monotonic() < until:
            time.sleep(0.005)

    def wait(self, process: int) -> None:
        """This function will wait until a process is done."""
        wait_until_gone(process, WAIT_SECONDS * self.patience)

    def drain(self, now: datetime = NOW) -> None:
        """This function will let two healthy workers finish what is due; leases of the dead end at once."""
        let_leases_end()
        self.run_together([Job(now=now)] * 2)


def state_of(process: int) -> str:
    """This function will give the kernel's letter for a process: T is stopped; "" is gone."""
    try:
        letter = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if letter == "Z" else letter


def wait_until_gone(process: int, seconds: float = WAIT_SECONDS) -> None:
    """This function will wait until a process is gone."""
    until = time.monotonic() + seconds
    while state_of(process):
        if time.monotonic() > until:
            raise TimeoutError(f"Process {process} does not end.")
        time.sleep(0.005)


def wait_until_stopped(process: int, seconds: float = 30) -> bool:
    """This function will wait until a process stands still, and say whether it does."""
    until = time.monotonic() + seconds
    while state_of(process) != "T" and time.monotonic() < until:
        time.sleep(0.005)
    return state_of(process) == "T"


def end(process: int) -> None:
    """This function will kill a process of ours, if it still runs."""
    if state_of(process):
        os.kill(process, signal.SIGKILL)
        wait_until_gone(process)


@contextmanager
def crew_for(doubles: Doubles, folder: Path, *, root: Path = ROOT) -> Iterator[Crew]:
    """This function will keep a parent of processes of the code in `root`, whose complaints go to a file in the folder."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": doubles.http,
        "EMAIL_URL": f"smtp://{doubles.host}:{doubles.smtp_port}",
        "FCM_BASE_URL": doubles.http,
        "FCM_PROJECT_ID": fcm.PROJECT,
        "AWS_SNS_TOPICS": sns_topic.TOPIC,
        "SQS_RECEIPTS_QUEUE_URL": f"{doubles.http}/123456789012/receipts",
    }
    command = [sys.executable, "-W", "ignore", "-m", "faults.worker"]
    pipe = subprocess.PIPE
    with (
        (folder / "workers.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, cwd=root, env=environment, stdin=pipe, stdout=pipe, stderr=log, text=True) as parent,
    ):
        crew = Crew(parent, folder)
        try:
            if parent.stdout is None or parent.stdout.readline() != "ready\n":
                raise RuntimeError((folder / "workers.log").read_text(encoding="utf-8"))
            yield crew
        finally:
            crew.forget()
            parent.kill()
