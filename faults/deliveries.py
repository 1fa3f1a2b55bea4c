"""What happens to processes while they plan, are poked, or hear from a provider: the longer stories behind kills.py and its like."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from channels_ace import tasks
from channels_ace.api import Attempt, Delivery
from faults.cluster import free_port
from faults.crew import Job, end, state_of, wait_until_gone
from faults.scene import Scene
from faults.types import ANY_HOUR
from scheduling.models import Nudge
from tests.channels_ace.saying import say
from tests.fakes import receipts, sns_topic
from tests.scheduling.worlds import join, make_study

State = Delivery.State
ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
# Who does nothing gets an early nudge on the fourth day of the burst, at noon in New York.
NOON = datetime(2026, 1, 13, 17, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Nudged:
    """How many nudges there are, how many there should be, and when the last of them were due."""

    nudged: int
    expected: int
    now: datetime


def nudge_days(scene: Scene, kills: int, point: str) -> Nudged:
    """This function will enroll someone a day, and kill the planner each day before it is let do its run."""
    study = make_study(ENROLLED)
    now = NOON
    for day in range(kills):
        joined = ENROLLED + timedelta(days=day)
        join(study, joined, phone=f"+1206556{day:04d}")
        now = NOON + timedelta(days=day)
        # The first time kills: where the run was committed, a second planner must find it done.
        died = scene.crew.run(Job(do="tick", now=now, point=point))
        scene.expect(died, f"the planner of day {day} lived")
        scene.crew.run(Job(do="tick", now=now))
    return Nudged(Nudge.objects.filter(kind="early").count(), kills, now)


def work_by_celery(scene: Scene, kills: int, point: str) -> None:
    """This function will kill Celery's workers around a poke, and let one live at last, to which the sweep sends its pokes."""
    for number in range(kills):
        with poking():
            say(scene.people[number * 4 % 400 :][:4], ANY_HOUR, timezone.now())
        worker = scene.crew.start(Job(do="celery", point=point, visibility=1, name=f"mortal{number}"))
        wait_until_gone(worker, 30)
    with scene.draining(), celery_worker(scene, visibility=1):
        sweep_until_done(scene)


@contextmanager
def celery_worker(scene: Scene, *, visibility: int = 3600, name: str = "immortal") -> Iterator[int]:
    """This function will keep a Celery worker."""
    worker = scene.crew.start(Job(do="celery", visibility=visibility, name=name))
    yield worker
    end(worker)


def sweep_until_done(scene: Scene, *, seconds: float = 60) -> None:
    """This function will sweep as beat does, until nothing is due any more or the time is up."""
    until = time.monotonic() + seconds
    while Delivery.objects.filter(state__in=[*Delivery.WAITING, State.SENDING]).exists():
        if time.monotonic() > until:
            scene.expect(False, f"not drained within {seconds:.0f} s")
            return
        with poking():
            tasks.sweep()
        time.sleep(0.2)


@contextmanager
def poking() -> Iterator[None]:
    """This function will have what is said here poke Celery's workers, as it does in production."""
    kept = settings.CHANNELS_ACE
    settings.CHANNELS_ACE = {**kept, "POKE": "channels_ace.tasks.poke"}
    try:
        yield
    finally:
        settings.CHANNELS_ACE = kept


def events_for(scene: Scene) -> list[dict[str, Any]]:
    """This function will write what the provider tells about every text it took, in any order."""
    tokens = [str(token) for token in Attempt.objects.values_list("token", flat=True)]
    events = [receipts.event(name, token, f"m-{token}", is_final=name == "TEXT_DELIVERED") for token in tokens for name in receipts.ARRIVES]
    random.Random(len(events)).shuffle(events)
    return events


def serve_web(scene: Scene, events: Sequence[dict[str, Any]], kills: int, point: str) -> None:
    """This function will post events to a web process that dies at a point now and then; what got no 200 is posted again."""
    moments, port, server = random.Random(point), free_port(), 0
    address = f"http://127.0.0.1:{port}/webhooks/sns/"
    for event in events:
        envelope = sns_topic.notification(event)
        for _ in range(200):
            if not state_of(server) if server else True:
                dies = scene.crew.ended < kills
                server = scene.crew.start(Job(do="web", port=port, point=point if dies else "", after=moments.randint(1, 6)))
            try:
                sns_topic.post(address, envelope)
                break
            except OSError:
                time.sleep(0.02)
    scene.expect(scene.crew.ended == kills, f"{scene.crew.ended} kills, not {kills}")
    end(server)
