"""The suite that `make faults` runs: that it breaks things on servers of its own, and says so when a promise does not hold."""

import json
import subprocess
import sys

import pytest

from faults import suite
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
    assert (len(WORDS), len(MUTANTS)) == (14, 8)
    assert set(SENDING) < set(WORDS)


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


@pytest.mark.skipif(not can_make_servers(), reason="Needs PostgreSQL's server programs and a redis-server")
def test_the_suite_makes_its_servers_and_notices_a_wrong_engine() -> None:
    command = [sys.executable, "-m", "faults", "FI-25", "FI-41-record_before_sending"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)

    said = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, said["ok"], len(said["faults"])) == (0, True, 2), done.stdout + done.stderr
    assert said["faults"][1]["dose"].startswith("caught: I2")
