import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from django.db import connection

from tests.machine import redis_server
from tests.settings.production import ROOT
from tools.as_production import made_up

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
OURS = [name for name, service in SERVICES.items() if service.get("image") == "carillon"]
WELL_WITHIN_SECONDS = 60


def test_the_compose_file_follows_the_compose_schema() -> None:
    command = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_that_stays_has_a_health_check() -> None:
    assert [name for name, service in SERVICES.items() if name != "migrate" and "healthcheck" not in service] == []


def test_the_compose_file_names_every_part_of_the_site() -> None:
    assert set(SERVICES) == {"migrate", "web", "live", "worker", "webhooks", "beat", "postgres", "redis", "doubles"}


def test_redis_refuses_rather_than_forgets() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the services: production settings, a database and a Redis of their own, migrated by the service that migrates."""
    folder = tmp_path_factory.mktemp("site")
    with own_database() as database, own_redis(folder) as redis:
        environment = {
            **{name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ},
            **made_up(),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "CARILLON_VAR": str(folder),
            "HOSTNAME": socket.gethostname(),
        }
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput"],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        subprocess.run(SERVICES["migrate"]["command"], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=60)
        yield environment


@pytest.mark.services
@pytest.mark.parametrize("name", [name for name in OURS if name != "migrate"])
def test_a_service_starts_gets_well_and_stops(name: str, site: dict[str, str], tmp_path: Path) -> None:
    here = Here(tmp_path)
    command = here.command(SERVICES[name]["command"])
    check = here.health_check(SERVICES[name]["healthcheck"]["test"])

    with running(command, site, tmp_path / "log") as service:
        wait_until_well(service, check, site, tmp_path / "log")
        service.terminate()
        # Uvicorn finishes, and then ends by the signal it was sent.
        assert service.wait(timeout=30) in (0, -signal.SIGTERM), (tmp_path / "log").read_text(encoding="utf-8")


class Here:
    """What a container has to itself, here: free ports instead of fixed ones, a folder instead of absolute paths."""

    def __init__(self, folder: Path) -> None:
        self.replaced = {port: str(free_port()) for port in ("8000", "8001", "8025", "8026")}
        self.replaced |= {"/tmp/": f"{folder}/", "/doubles/": f"{folder}/", "0.0.0.0": "127.0.0.1"}  # noqa: S108  what is replaced

    def command(self, words: list[str]) -> list[str]:
        return [self._here(word) for word in words]

    def health_check(self, words: list[str]) -> list[str]:
        kind, *rest = words
        # Compose writes $$ where the shell is to see $.
        return ["sh", "-c", self._here(rest[0]).replace("$$", "$")] if kind == "CMD-SHELL" else self.command(rest)

    def _here(self, word: str) -> str:
        for old, new in self.replaced.items():
            word = word.replace(old, new)
        return word


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        service = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield service
        finally:
            if service.poll() is None:
                service.kill()
            service.wait(timeout=10)


def wait_until_well(service: subprocess.Popen[bytes], check: list[str], environment: dict[str, str], log: Path) -> None:
    ends = time.monotonic() + WELL_WITHIN_SECONDS
    while time.monotonic() < ends:
        assert service.poll() is None, log.read_text(encoding="utf-8")
        if subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, timeout=30, check=False).returncode == 0:
            return
        time.sleep(0.3)
    pytest.fail(f"{shlex.join(check)} never passed:\n{log.read_text(encoding='utf-8')}")


@contextmanager
def own_database() -> Iterator[str]:
    """A database beside the one of the tests, which the services could not see into."""
    given = connection.settings_dict
    name = f"carillon_compose_{secrets.token_hex(4)}"
    account = given["USER"] + (f":{given['PASSWORD']}" if given["PASSWORD"] else "")
    server = f"postgres://{account}@{given['HOST'] or '127.0.0.1'}:{given['PORT'] or 5432}"
    with closing(psycopg.connect(f"{server}/postgres", autocommit=True)) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield f"{server}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def own_redis(folder: Path) -> Iterator[str]:
    """A Redis on a free port: production takes no socket, and another worker on this machine must not take our pokes."""
    port = free_port()
    command = [redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(command, dict(os.environ), folder / "redis.log"):
        yield f"redis://127.0.0.1:{port}/0"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
