"""A PostgreSQL and a Redis of our own, to be broken: nobody else's data is near. Read next: scene.py."""

import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis

from faults.processors import seconds_of
from tests.machine import redis_server

NAME = "carillon_faults"


class Missing(Exception):
    """This machine has no PostgreSQL server to make a cluster with; the text says what was looked for."""


class Cluster:
    """A PostgreSQL cluster in a folder. It runs as `postgres` where we are root, since the server refuses to run as root."""

    def __init__(self, folder: Path) -> None:
        self._programs = find_programs()
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self.data = folder / "data"
        self._log = folder / "postgresql.log"
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/{NAME}"
        self._worked = 0.0

    @property
    def worked(self) -> float:
        """How many seconds processors worked for the server so far, and for those before its restarts."""
        return self._worked + seconds_of([int((self.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])])

    def make(self) -> None:
        """This function will make the cluster, start it, and make the database."""
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", str(self.data))
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n")
            # The machine does not lose power here, only the server's processes die: what they wrote is still in the page cache.
            settings.write("fsync = off\nmax_connections = 60\nautovacuum_naptime = 5s\n")
        self._control("start")
        self.execute(f"CREATE DATABASE {NAME}", database="postgres")

    def copy_to(self, folder: Path) -> None:
        """This function will copy what is in the cluster, which is stopped, for `start_copy` of the one of that folder."""
        subprocess.run(["cp", "-a", str(self.data), str(folder / "data")], check=True)

    def start_copy(self) -> None:
        """This function will start what was copied, at a port of its own."""
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"port = {self.port}\n")
        self._control("start")

    def restart_at_once(self) -> None:
        """This function will restart the server as after a crash: every connection is cut, nothing is finished."""
        self._worked = self.worked
        self._control("restart", "-m", "immediate")

    @contextmanager
    def full(self) -> Iterator[None]:
        """This function will take every connection that the server has to give, also those that get free meanwhile, and keep them."""
        taken: list[psycopg.Connection[Any]] = []
        is_full, is_over = threading.Event(), threading.Event()

        def take() -> None:
            while not is_over.is_set():
                try:
                    taken.append(psycopg.connect(self.url))
                except psycopg.OperationalError:
                    is_full.set()
                    is_over.wait(0.01)

        taking = threading.Thread(target=take)
        taking.start()
        is_full.wait(10)
        try:
            yield
        finally:
            is_over.set()
            taking.join()
            for one in taken:
                one.close()

    def stop(self, mode: str = "immediate") -> None:
        """This function will stop the server, if it runs: without a goodbye, where nothing else is asked for."""
        if (self.data / "postmaster.pid").exists():
            self._control("stop", "-m", mode)

    def execute(self, statement: Any, *, database: str = NAME) -> Any:
        """This function will run one statement outside Django's connections, and give what it returns."""
        with psycopg.connect(f"postgres://postgres@127.0.0.1:{self.port}/{database}", autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else None

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self._log), "-w", "-s", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            **self._as,
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr}")


class Broker:
    """A Redis without persistence, as the worst of them runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self._worked = 0.0

    @property
    def worked(self) -> float:
        """How many seconds processors worked for the server so far, and for those that were killed."""
        return self._worked + (seconds_of([self._process.pid]) if self._process is not None else 0.0)

    def start(self) -> None:
        """This function will start the server, empty, and wait until it answers."""
        program = redis_server()
        if not program:
            raise Missing("No redis-server.")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        for _ in range(200):
            try:
                self.client().ping()
            except redis.RedisError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("Redis does not start.")

    def kill(self) -> None:
        """This function will kill the server; what was in it is gone."""
        if self._process is not None:
            self._worked = self.worked
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """This function will have the server take connections and answer nothing meanwhile."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, socket_timeout=5)


def find_programs() -> Path:
    """This function will find PostgreSQL's own programs, the newest version first. Raises Missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise Missing("No initdb in /usr/lib/postgresql/*/bin nor on PATH.")
    return Path(on_path).resolve().parent


def free_port() -> int:
    """This function will find a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def point_django_at(cluster: Cluster, broker: Broker) -> None:
    """This function will set Django up on the two, in this process and for those it starts."""
    os.environ.update(DATABASE_URL=cluster.url, REDIS_URL=broker.url, DJANGO_SETTINGS_MODULE="settings.test")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    import django

    django.setup()
    # That the broker is away, and the like, is what we are here for.
    logging.getLogger("channels_ace").setLevel(logging.ERROR)
