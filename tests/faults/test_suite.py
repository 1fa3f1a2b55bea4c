"""The suite that `make faults` runs: that it breaks things on servers of its own, and says so when a promise does not hold."""

import json
import subprocess
import sys

import pytest

from faults import suite
from faults.__main__ import DOCUMENT
from faults.cluster import Missing, find_programs
from faults.kills import SENDING
from faults.mutations import MUTANTS
from faults.points import WORDS
from faults.scene import Row
from tests.machine import has_redis_server

ROW = Row(fault="FI-00 nothing", dose="1", messages=1200, unknown=3, drained=1.26)


def can_make_servers() -> bool:
    try:
        find_programs()
    except Missing:
        return False
    return has_redis_server()


def test_every_kill_point_and_every_mutant_has_its_fault() -> None:
    assert {f"FI-01-{point}" for point in WORDS} <= set(suite.FAULTS)
    assert {f"FI-41-{mutant}" for mutant in MUTANTS} <= set(suite.FAULTS)
    assert (len(WORDS), len(MUTANTS)) == (14, 9)
    assert set(SENDING) < set(WORDS)


def test_every_mutant_still_finds_the_rule_that_it_takes_away() -> None:
    # In a process of its own, which is wrong from then on.
    command = "import django; django.setup(); from faults import mutations; [mutations.apply(name) for name in mutations.MUTANTS]"

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", command], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_stands_for_all_that_begin_with_it() -> None:
    assert suite.wanted(["FI-41"]) == [f"FI-41-{mutant}" for mutant in MUTANTS]
    assert suite.wanted(["FI-01-K1"]) == ["FI-01-K1"]
    assert suite.wanted([]) == list(suite.FAULTS)
    assert suite.wanted(["FI-99"]) == []


def test_the_table_says_what_came_of_each_fault() -> None:
    broken = Row(fault="FI-00 worse", dose="1", messages=2, doubled=1, broken=["I1 sent twice: [1]"])

    table = suite.as_text([ROW, broken]).splitlines()

    assert table[2] == "| FI-00 nothing | 1 | 1,200 | 0 | 0 | 3 | 1.3 s | kept |"
    assert table[3].endswith("| BROKEN |")
    assert json.loads(suite.as_json([ROW], 2.4))["ok"] is True
    assert json.loads(suite.as_json([ROW, broken], 2.4))["ok"] is False


def test_the_table_in_the_docs_is_the_one_that_was_made_last() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")

    written = suite.into_document(document, [ROW], "Made by a test.")

    assert f"\n## The table\n\nMade by a test.\n\n{suite.as_text([ROW])}\n\n" in written
    assert written.split("## The table")[0] == document.split("## The table")[0]
    assert written.rpartition("| kept |\n\n")[2] == document.rpartition("| kept |\n\n")[2]
    assert suite.into_document(written, [ROW], "Made by a test.") == written


@pytest.mark.timeout(600)
@pytest.mark.skipif(not can_make_servers(), reason="Needs PostgreSQL's server programs and a redis-server")
def test_the_quick_faults_keep_every_promise_and_notice_a_wrong_engine() -> None:
    command = [sys.executable, "-m", "faults", "--quick"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=590, check=False)

    said = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, said["ok"], len(said["faults"])) == (0, True, len(suite.wanted(suite.QUICK))), done.stdout + done.stderr
    assert said["faults"][-1]["dose"].startswith("caught: I2")
    assert sum(row["fault"].startswith("FI-01") for row in said["faults"]) == len(WORDS)
