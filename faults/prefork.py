"""Celery with children of its own: a child, the parent, or both are killed while they send (FI-05)."""

import os
import signal
import time
from pathlib import Path

from django.utils import timezone

from channels_ace.api import Delivery
from faults.crew import Job, end, state_of
from faults.deliveries import poking, sweep_until_done
from faults.scene import Fault, Row, Scene
from faults.types import ANY_HOUR
from tests.channels_ace.saying import let_leases_end, say

State = Delivery.State
CHILDREN = 2


def kill_family(scene: Scene) -> Row:
    """This function will keep two workers with two children each, kill a part of one in mid-work, and bring another worker.

    The sweep finds what was left. That Redis gives a poke back after an hour plays no part in it.
    """
    scene.begin()
    rounds, kills = scene.times(10), 0
    workers = [start(scene) for _ in range(2)]
    for number in range(rounds):
        for whom in (children_of, parent_of, all_of):
            before = len(scene.doubles.ledger.entries())
            with poking():
                say(scene.people[number * 40 % 400 :][:40], ANY_HOUR, timezone.now())
            scene.wait_for_requests(before + 5)
            worker = workers.pop(0)
            for process in whom(worker):
                os.kill(process, signal.SIGKILL)
                kills += 1
            let_leases_end()
            if whom is children_of:
                # Celery itself brings a child for a dead one.
                workers.append(worker)
            else:
                for left in all_of(worker):
                    end(left)
                workers.append(start(scene))
    with scene.draining():
        let_leases_end()
        sweep_until_done(scene)
    for worker in workers:
        for process in all_of(worker):
            end(process)
    unknown = Delivery.objects.filter(state=State.UNKNOWN).count()
    scene.expect(unknown <= kills, f"{unknown} unknown after {kills} kills")
    return scene.row("FI-05 a prefork child, its parent, both killed", f"{3 * rounds} times, {kills} processes")


def start(scene: Scene) -> int:
    """This function will start a worker with children."""
    return scene.crew.start(Job(do="celery", children=CHILDREN, name=f"family{time.monotonic_ns()}"))


def children_of(worker: int) -> list[int]:
    """This function will give the first child of a worker that still runs."""
    return _children(worker)[:1]


def parent_of(worker: int) -> list[int]:
    """This function will give the worker itself."""
    return [worker] if state_of(worker) else []


def all_of(worker: int) -> list[int]:
    """This function will give the worker and its children."""
    return [*parent_of(worker), *_children(worker)]


def _children(worker: int) -> list[int]:
    # Whoever lost a parent keeps its session.
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != worker:
            try:
                is_theirs = os.getsid(int(folder.name)) == worker
            except ProcessLookupError:
                continue
            if is_theirs and state_of(int(folder.name)):
                found.append(int(folder.name))
    return sorted(found)


FAULTS: dict[str, Fault] = {"FI-05": kill_family}
