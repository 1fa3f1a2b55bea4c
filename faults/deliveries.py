"""What happens to processes while they plan, are poked, or hear from a provider: the longer stories behind kills.py and its like."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from channels_ace import tasks
from channels_ace.api import ZONES, Attempt, Delivery
from faults.cluster import free_port
from faults.crew import Job, end, state_of
from faults.scene import Scene
from faults.types import ANY_HOUR, BULK
from tests.channels_ace.saying import say
from tests.fakes import receipts, sns_topic

State = Delivery.State
T = TypeVar("T")
ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
# Who does nothing gets an early nudge on the fourth day of the burst, at noon in New York.
NOON = datetime(2026, 1, 13, 17, 0, tzinfo=UTC)


NOON_TOGETHER = [zone for zone in sorted(ZONES) if zone.startswith("America/") and NOON.astimezone(ZoneInfo(zone)).hour == 12][:25]


def by_twos(items: Sequence[T]) -> list[Sequence[T]]:
    """This function will give pairs, and the last one alone where their number is odd: the machine has two cores."""
    return [items[start : start + 2] for start in range(0, len(items), 2)]


def work_by_celery(scene: Scene, kills: int, point: str) -> None:
    """This function will kill Celery's workers around a poke, one in each of two lanes at a time, and let one live at last, to which the
    sweep sends its pokes."""
    kinds = (ANY_HOUR, BULK)
    for numbers in by_twos(range(kills)):
        mortals = []
        for number, kind in zip(numbers, kinds, strict=False):
            with poking():
                say(scene.people[number * 4 % 400 :][:4], kind, timezone.now())
            mortals.append(Job(do="celery", lane=kind.lane, point=point, visibility=1, name=f"mortal{number}"))
        scene.crew.run_together(mortals)
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


def post_until_taken(address: str, envelope: dict[str, str], seconds: float = 20) -> None:
    """This function will post what the provider tells until somebody is there to take it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            sns_topic.post(address, envelope)
        except OSError:
            time.sleep(0.02)
        else:
            return


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
