"""What every test may ask for, and which tests this machine cannot run."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from channels_ace import hand_over
from scheduling.planner import forget_protocols
from tests.machine import CHROMIUM_MISSING, chromium, has_redis_server

pytest_plugins = ["tests.fakes.fixtures"]


@pytest.fixture
def now() -> datetime:
    # A Monday noon in New York, 09:00 in Los Angeles, 21:30 in Kolkata; no zone changes its clocks that day.
    return datetime(2026, 6, 15, 16, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fresh_protocols() -> None:
    # Versions never change, so they are read once a process; tests use a key again for another version.
    forget_protocols()


@pytest.fixture(autouse=True)
def fresh_steps() -> None:
    # How quick a provider was in the test before says nothing of this one.
    hand_over._steps.clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    # Its own database for each run: two runs on one server, or in one checkout, do not take it from each other.
    name = f"test_carillon_{os.getpid()}"
    if connection.vendor == "sqlite":
        # A file, since tests with threads and processes share it.
        name = str(tmp_path_factory.mktemp("database") / f"{name}.sqlite3")
    connection.settings_dict["TEST"]["NAME"] = name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {"browser": missing_for_browser(), "services": missing_for_services()}
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def missing_for_browser() -> str:
    if not chromium():
        return CHROMIUM_MISSING
    # Twice the time for the same pages; the pages' own tests run on both.
    return "" if connection.vendor == "postgresql" else "Browser tests run on PostgreSQL only: set DATABASE_URL"


def missing_for_services() -> str:
    if connection.vendor != "postgresql":
        return "Needs PostgreSQL: set DATABASE_URL"
    return "" if has_redis_server() else "Needs a redis-server: apt-get install redis-server"


def pytest_report_header() -> str:
    return f"carillon: database {connection.vendor}, chromium {chromium() or 'none'}, in {Path.cwd().name}"
