import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.settings.production import ROOT

TABLE = [*("inbox", "million", "channels", "everyone", "claims", "email", "push", "sms", "bytes", "memory")]
TABLE += ["hour4", "hour5", "hour", "orm", "loop", "worst", "idle", "enrol", "weight", "re-plan", "adherence"]
TABLE += ["list", "list2", "deep", "tabs", "badge", "mark", "merged", "merged2", "digest"]
NOT_BUILT = {"everyone"}


@pytest.fixture
def database() -> Iterator[str]:
    name = f"carillon_bench_test_{os.getpid()}"
    yield name
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def run_bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def not_finite(name: str) -> float:
    raise AssertionError(f"a figure is {name}")


@pytest.mark.services
@pytest.mark.timeout(300)
def test_every_figure_runs_and_the_last_line_holds_the_table_in_numbers(database: str) -> None:
    done = run_bench("--database", database, "--scale", "0.0004", "--repeats", "1")

    assert done.returncode == 0, done.stderr
    figures: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1], parse_constant=not_finite)["figures"]
    assert [figure["name"] for figure in figures] == TABLE
    measured = [figure for figure in figures if figure["name"] not in NOT_BUILT]
    assert [figure for figure in measured if min(figure[name] for name in ("n", "seconds", "bare_seconds", "ratio")) <= 0] == []
    assert {name for figure in figures for name in figure} == {"name", "n", "seconds", "bare_seconds", "ratio", "goal", "ok", "note"}
    # As people read it: a line of headings, a line for each.
    assert [line.split()[0] for line in done.stdout.splitlines()[1:-1]] == TABLE


@pytest.mark.services
def test_a_figure_that_nobody_knows_is_an_error_that_names_those_there_are(database: str) -> None:
    done = run_bench("--database", database, "speed-of-light")

    assert done.returncode == 2
    assert "no figure is named speed-of-light; there are inbox, million" in done.stderr
