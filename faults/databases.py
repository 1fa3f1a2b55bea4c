"""A PostgreSQL that crashes, hangs up at COMMIT, has no connection or no room left (FI-10, FI-11, FI-15, FI-13)."""

import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from django.db import connection
from django.utils import timezone

from channels_ace.api import Delivery
from faults.cluster import free_port
from faults.crew import Job, end, state_of
from faults.deliveries import poking, sweep_until_done
from faults.scene import Fault, Row, Scene, close_unknowns
from faults.types import ANY_HOUR
from tests.channels_ace.saying import let_leases_end, say

State = Delivery.State


def crash(scene: Scene) -> Row:
    """This function will crash the database under two workers, several times."""
    scene.begin()
    times = scene.times(6)
    scene.doubles.receipts.script(to_queue=True, story=("TEXT_DELIVERED",))
    for _ in range(times):
        say(scene.people[:200])
        workers = [scene.crew.start(Job(limit=20)) for _ in range(2)]
        sent = len(scene.doubles.ledger.entries())
        scene.wait_for_requests(sent + 40)
        connection.close()
        scene.cluster.restart_at_once()
        let_leases_end()
        for worker in workers:
            scene.crew.wait(worker)
    scene.finish_work(with_events=True)
    close_unknowns(scene)
    return scene.row("FI-10 PostgreSQL restart -m immediate", f"{times} times")


def hang_up_at_commit(scene: Scene) -> Row:
    """This function will cut workers' connections right before COMMIT, or right after it, where nobody can tell."""
    scene.begin()
    times = scene.times(20)
    scene.doubles.receipts.script(to_queue=True, story=("TEXT_DELIVERED",))
    for number in range(times):
        say(scene.people[:15])
        point = "before_commit" if number % 2 else "after_commit"
        worker = scene.crew.start(Job(point=point, after=2 + number % 9, limit=5))
        scene.crew.wait_until_ended(number + 1)
        let_leases_end()
        scene.crew.wait(worker)
    scene.expect(scene.crew.ended == times, f"{scene.crew.ended} connections cut, not {times}")
    scene.finish_work(with_events=True)
    close_unknowns(scene)
    return scene.row("FI-11 connection cut at COMMIT", f"{times} times")


def take_every_connection(scene: Scene) -> Row:
    """This function will leave PostgreSQL no connection to give: pages say when to come back, a worker lives on, and both recover."""
    scene.begin()
    seconds, port, answers = scene.times(4, 60), free_port(), Counter[tuple[int, str]]()
    with scene.cluster.full():
        # Whoever was there before has a connection, and keeps it.
        server, worker = scene.crew.start(Job(do="web", port=port)), scene.crew.start(Job(do="celery", name="poor"))
        wait_for_page(port)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with poking():
                say(scene.people[10 * answers.total() % 400 :][:10], ANY_HOUR, timezone.now())
            answers[ask(port)] += 1
            time.sleep(0.1)
    with scene.draining():
        sweep_until_done(scene)
    scene.expect(state_of(worker), "the worker ended")
    scene.expect(set(answers) == {(503, "10")}, f"pages answered {dict(answers)}")
    scene.expect(ask(port)[0] == 200, "pages stay away")
    end(server)
    end(worker)
    return scene.row(f"FI-15 no connection left ({answers.total()} pages asked to come back)", f"{seconds} s")


def ask(port: int) -> tuple[int, str]:
    """This function will ask for a page that needs the database, and give its status and when it says to come back."""
    asking = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        asking.request("GET", "/sign-in/", headers={"Cookie": f"sessionid={'a' * 32}"})
        answer = asking.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Retry-After", "")
    except OSError:
        return 0, ""
    finally:
        asking.close()


def wait_for_page(port: int, seconds: float = 30) -> None:
    """This function will wait until somebody answers."""
    until = time.monotonic() + seconds
    while not ask(port)[0] and time.monotonic() < until:
        time.sleep(0.05)


def fill_the_disk(scene: Scene) -> Row:
    """This function will put attempts and deliveries on a small disk, fill it for four seconds, and make room again."""
    scene.begin()
    with small_disk() as disk:
        if disk is None:
            return Row(fault="FI-13 disk full (skipped: no right to mount a tmpfs)", dose="-", messages=0)
        move_tables_to(scene, disk)
        try:
            scene.doubles.receipts.script(to_queue=True, story=("TEXT_DELIVERED",))
            say(scene.people[:400])
            filler = disk.parent / "filler"
            fill(filler)
            workers = [scene.crew.start(Job(limit=20)) for _ in range(2)]
            time.sleep(scene.times(4, 60))
            sent = len(scene.doubles.ledger.entries())
            scene.expect(sent < 400, "the disk was not full")
            filler.unlink()
            with scene.draining():
                let_leases_end()
                for worker in workers:
                    scene.crew.wait(worker)
            scene.crew.drain()
            close_unknowns(scene)
            return scene.row(f"FI-13 disk full ({sent} of 400 sent meanwhile)", f"{scene.times(4, 60)} s")
        finally:
            move_tables_back(scene)


@contextmanager
def small_disk() -> Iterator[Path | None]:
    """This function will mount a disk of 24 MB in memory for a tablespace, where we may."""
    folder = Path(tempfile.mkdtemp(prefix="carillon-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", str(folder)], capture_output=True, check=False)
    try:
        if mounted.returncode:
            yield None
            return
        (folder / "space").mkdir()
        shutil.chown(folder / "space", "postgres", "postgres")
        yield folder / "space"
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", str(folder)], capture_output=True, check=False)
        folder.rmdir()


_TABLES = ("carillon_channels_attempt", "carillon_channels_delivery")


def move_tables_to(scene: Scene, disk: Path) -> None:
    """This function will make the tablespace, and move what workers write there."""
    scene.cluster.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
    for table in _TABLES:
        scene.cluster.execute(f"ALTER TABLE {table} SET TABLESPACE small")


def move_tables_back(scene: Scene) -> None:
    """This function will bring the tables back and drop the tablespace."""
    scene.begin()
    for table in _TABLES:
        scene.cluster.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default")
    scene.cluster.execute("DROP TABLESPACE small")


def fill(file: Path) -> None:
    """This function will write until there is no room."""
    with file.open("wb", buffering=0) as written:
        try:
            while True:
                written.write(os.urandom(1) * 4096)
        except OSError:
            return


FAULTS: dict[str, Fault] = {"FI-10": crash, "FI-11": hang_up_at_commit, "FI-15": take_every_connection, "FI-13": fill_the_disk}
