"""One warm parent of workers for all tests of faults; each test has a workshop of its own that counts its kills."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import Doubles
from tests.faults.workshop import Workshop, open_workshop


@pytest.fixture(scope="session")
def worker_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers") / "log"


@pytest.fixture(scope="session")
def parent_of_workers(django_db_setup: None, running_doubles: Doubles, worker_log: Path) -> Iterator["subprocess.Popen[str]"]:
    with open_workshop(running_doubles, worker_log) as parent:
        yield parent


@pytest.fixture
def workshop(parent_of_workers: "subprocess.Popen[str]", worker_log: Path) -> Workshop:
    return Workshop(parent_of_workers, worker_log)
