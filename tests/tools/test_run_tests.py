from pathlib import Path

import pytest

from tests.machine import redis_server
from tools import run_tests

# Port 9 is discard, which nobody serves.
DEAD = "127.0.0.1:9"


def test_a_database_that_was_asked_for_and_is_away_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgres://user:hunter2@{DEAD}/name")
    with pytest.raises(SystemExit) as ended:
        run_tests.pick_database(tmp_path)
    assert str(ended.value).startswith(f"DATABASE_URL is set, but no PostgreSQL answers at {DEAD}.")
    assert "hunter2" not in str(ended.value)


def test_without_postgresql_the_tests_run_on_sqlite_and_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(run_tests, "USUAL_DATABASES", (f"postgres://nobody@{DEAD}/none",))
    url, words = run_tests.pick_database(tmp_path)
    assert url.startswith(f"sqlite:///{tmp_path}")
    assert words.startswith("SQLite, since no PostgreSQL answers")


def test_sqlite_that_was_asked_for_is_used_beside_a_private_redis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////some/where.sqlite3")
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert run_tests.pick_database(tmp_path) == ("sqlite:////some/where.sqlite3", "SQLite (DATABASE_URL)")
    with run_tests.picked_redis(tmp_path) as (url, words):
        expected = "redis+socket://" if redis_server() else "filesystem://"
        assert url.startswith(expected)
        assert words != ""


def test_a_redis_that_was_asked_for_and_is_away_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@{DEAD}/0")
    with pytest.raises(SystemExit) as ended, run_tests.picked_redis(tmp_path):
        pytest.fail("A Redis that is away was picked")
    assert str(ended.value).startswith(f"REDIS_URL is set, but no Redis answers at {DEAD}.")
    assert "hunter2" not in str(ended.value)
