"""A Redis that forgets or dies (FI-07, FI-08): it carried pokes and nothing else."""

import time

from django.utils import timezone

from channels_ace.api import Delivery
from faults.deliveries import celery_worker, poking, sweep_until_done
from faults.scene import Fault, Row, Scene
from faults.types import ANY_HOUR
from tests.channels_ace.saying import say

State = Delivery.State


def forget_everything(scene: Scene) -> Row:
    """This function will flush Redis while workers are at it."""
    scene.begin()
    rounds = scene.times(3, 20)
    with celery_worker(scene, name="one"), celery_worker(scene, name="two"):
        for _ in range(rounds):
            with poking():
                for start in range(0, 200, 20):
                    say(scene.people[start : start + 20], ANY_HOUR, timezone.now())
                    if start == 100:
                        scene.broker.client().flushall()
            # Whatever was queued or noted as taken is gone now.
            scene.broker.client().flushall()
        with scene.draining():
            sweep_until_done(scene)
    return scene.row("FI-07 Redis FLUSHALL while working", f"{2 * rounds} times")


def die_without_memory(scene: Scene) -> Row:
    """This function will kill Redis, say things while it is away, and start it empty."""
    scene.begin()
    rounds, slowest = scene.times(3, 20), 0.0
    with celery_worker(scene, name="one"), celery_worker(scene, name="two"):
        with poking():
            for number in range(rounds):
                say(scene.people[number % 4 * 100 :][:100], ANY_HOUR, timezone.now())
                scene.broker.kill()
                for start in range(0, 20, 4):
                    began = time.monotonic()
                    say(scene.people[start : start + 4], ANY_HOUR, timezone.now())
                    slowest = max(slowest, time.monotonic() - began)
                time.sleep(1)
                scene.broker.start()
        with scene.draining():
            sweep_until_done(scene)
    scene.expect(slowest < 1, f"saying something took {slowest:.1f} s while Redis was away")
    return scene.row("FI-08 Redis SIGKILL, started empty", f"{rounds} times")


FAULTS: dict[str, Fault] = {"FI-07": forget_everything, "FI-08": die_without_memory}
