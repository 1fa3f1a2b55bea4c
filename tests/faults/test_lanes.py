"""Faults side by side, each in a lane of its own, and what processors worked for them."""

import os
import queue
import subprocess
import sys

from faults.lanes import keep_busy
from faults.processors import seconds_of
from faults.scene import Row

# Answers for one fault, and dies at the next.
LANE = """
import sys
name = sys.stdin.readline().strip()
print('{"fault": "%s", "dose": "1", "messages": 2}' % name, flush=True)
sys.stdin.readline()
"""


def test_a_lane_that_dies_breaks_the_fault_that_it_was_at_and_leaves_the_rest_to_others() -> None:
    waiting, rows = queue.SimpleQueue[str](), dict[str, Row]()
    for name in ("FI-00-a", "FI-00-b", "FI-00-c"):
        waiting.put(name)

    with subprocess.Popen([sys.executable, "-c", LANE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lane:
        keep_busy(lane, waiting, rows)

    assert rows["FI-00-a"] == Row(fault="FI-00-a", dose="1", messages=2)
    assert rows["FI-00-b"].broken == ["its lane ended"]
    assert waiting.get_nowait() == "FI-00-c"


def test_what_children_worked_counts_while_they_live_and_after_they_ended() -> None:
    busy = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\nsys.stdin.read()"
    before = seconds_of([os.getpid()])

    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        of_child, living = seconds_of([child.pid]), seconds_of([os.getpid()])
    ended = seconds_of([os.getpid()])

    assert of_child >= 0.25
    assert living >= before + 0.25
    assert ended >= before + 0.25
