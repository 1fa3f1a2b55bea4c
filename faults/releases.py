"""Workers of the release before and of this one on one database and one Redis, as during a deploy (FI-36)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.apps import apps
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Delivery
from faults.crew import ROOT, Crew, Job, crew_for, end
from faults.deliveries import ENROLLED, NOON, poking, sweep_until_done
from faults.people import JOINED, phone
from faults.scene import Fault, Row, Scene, close_unknowns
from faults.types import ANY_HOUR
from faults.upgrades import STOP_BEFORE
from scheduling.models import Nudge
from tests.channels_ace.saying import let_leases_end, say
from tests.scheduling.worlds import join, make_study

State = Delivery.State
# Where nothing has been released yet.
COMMITS_BEFORE = 50
# What the release before says it says with its own code, and so do its pokes.
SAY = """
import sys, django
django.setup()
from django.conf import settings
from django.utils import timezone
settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POKE": "channels_ace.tasks.poke", "CAPS": []}
from faults.types import ANY_HOUR
from tests.channels_ace.saying import say
people = [int(one) for one in sys.argv[1].split(",")]
for start in range(0, len(people), 10):
    say(people[start : start + 10], ANY_HOUR, timezone.now())
"""


def old_and_new(scene: Scene) -> Row:
    """This function will have workers of two releases take each other's messages, plan together, and the old ones end in mid-work."""
    scene.begin()
    before = release_before()
    if not before:
        return Row(fault="FI-36 old and new code together (skipped: no release before this one here)", dose="-", messages=0)
    # What that release rehearses with has names that others may have by now.
    User.objects.filter(username__startswith="person").delete()
    texts = scene.times(200, 400)
    noted = log_of(scene.folder)
    with checked_out(before, scene.folder) as root, crew_for(scene.doubles, root.parent, root=root) as old:
        # What it rehearsed was taken back, but for the providers.
        scene.doubles.ledger.forget()
        scene.doubles.receipts.script(to_queue=True, story=("TEXT_DELIVERED",))
        days = nudge_together(scene, old)
        crews = (old, scene.crew)
        workers = {
            crew: [crew.start(Job(do="celery", name=f"release{number}{place}")) for place in range(2)] for number, crew in enumerate(crews)
        }
        speaking = subprocess.Popen([sys.executable, "-W", "ignore", "-c", SAY, ",".join(map(str, scene.people[:texts]))], cwd=root)
        with poking():
            for start in range(0, texts, 10):
                say(scene.people[start : start + 10], ANY_HOUR, timezone.now())
        scene.expect(speaking.wait(120) == 0, "the release before could not say anything")
        # Receipts are taken in by both.
        readers = [(crew, crew.start(Job(do="drain", now=timezone.now()))) for crew in crews]
        for worker in workers[old]:
            os.kill(worker, signal.SIGTERM)
        for crew, process in [*readers, *((old, worker) for worker in workers[old])]:
            crew.wait(process)
        let_leases_end()
        with scene.draining():
            sweep_until_done(scene)
        for worker in workers[scene.crew]:
            end(worker)
        said = log_of(root.parent) + log_of(scene.folder)[len(noted) :]
    scene.finish_work(timezone.now(), with_events=True)
    unknown = Delivery.objects.filter(state=State.UNKNOWN).count()
    scene.expect(not unknown, f"{unknown} unknown")
    close_unknowns(scene)
    errors = [line for line in said.splitlines() if "Error" in line or "ERROR" in line]
    for line in errors[:5]:
        scene.expect(False, f"error: {line}")
    providers = {entry["provider"] for entry in scene.doubles.ledger.entries()}
    scene.expect(providers == {"eum"}, f"sent by {providers}")
    return scene.row(f"FI-36 workers of this release and of {before[:7]} together", f"{days} ticks, 2 x {texts} texts")


def nudge_together(scene: Scene, old: Crew) -> int:
    """This function will have planners of both releases find the same runs due, day after day, and say how many days."""
    days, study = scene.times(4), make_study(ENROLLED)
    for number in range(days * 2):
        join(study, ENROLLED + timedelta(days=number // 2), phone=phone(JOINED + number))
    for day in range(days):
        # Whether they met is not asked: that release's own suite may wait somewhere else.
        job = Job(do="tick", now=NOON + timedelta(days=day), gate=scene.gate(), together=2)
        for crew, process in [(crew, crew.start(job)) for crew in (old, scene.crew)]:
            crew.wait(process)
    nudged = Nudge.objects.filter(kind="early").count()
    scene.expect(nudged == 2 * days, f"I8 {nudged} nudges, not {2 * days}")
    return days


def log_of(folder: Path) -> str:
    """This function will give what processes complained about."""
    log = folder / "workers.log"
    return log.read_text(encoding="utf-8") if log.exists() else ""


def release_before() -> str:
    """This function will name the commit of the release before: that of the newest tag, or some way back; none without a history.

    It is not from before a migration after which the release before cannot work at all (upgrades.py names these).
    """
    tag = git("describe", "--tags", "--abbrev=0", "HEAD^")
    before = git("rev-parse", "--verify", f"{tag or f'HEAD~{COMMITS_BEFORE}'}^{{commit}}")
    last_stop = git("log", "-1", "--format=%H", "--", *(str(path_of(name)) for name in STOP_BEFORE))
    return last_stop if git("merge-base", before, last_stop) == before else before


def path_of(migration: str) -> Path:
    """This function will give the file of a migration."""
    label, _, name = migration.partition(".")
    return Path(apps.get_app_config(label).path) / "migrations" / f"{name}.py"


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """This function will put the code of a commit into a folder of its own."""
    root = folder / "before" / "code"
    root.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "x", "-C", str(root)], input=archive.stdout, check=True)
    yield root


def git(*arguments: str) -> str:
    """This function will ask Git, and give its answer; nothing where it has none."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


FAULTS: dict[str, Fault] = {"FI-36": old_and_new}
