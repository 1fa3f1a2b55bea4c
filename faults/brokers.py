"""A Redis that forgets, dies or falls silent (FI-07 to FI-09): it carried pokes and nothing else."""

import time
from collections.abc import Sequence

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
    rounds, usual, slowest = scene.times(3, 20), 0.0, 0.0
    with celery_worker(scene, name="one"), celery_worker(scene, name="two"):
        with poking():
            for number in range(rounds):
                usual = max(usual, seconds_to_say(scene.people[number % 4 * 100 :][:100]))
                scene.broker.kill()
                slowest = max(slowest, *(seconds_to_say(scene.people[start : start + 4]) for start in range(0, 20, 4)))
                time.sleep(1)
                scene.broker.start()
        with scene.draining():
            sweep_until_done(scene)
    scene.expect(slowest - usual < 1, f"saying something took {slowest:.1f} s while Redis was away, {usual:.1f} otherwise")
    return scene.row("FI-08 Redis SIGKILL, started empty", f"{rounds} times")


def answer_nothing(scene: Scene) -> Row:
    """This function will stop Redis with its connections open, as a network that swallows everything looks like, and say things."""
    scene.begin()
    rounds, usual, slowest = scene.times(2), 0.0, 0.0
    with celery_worker(scene, name="one"):
        with poking():
            for number in range(rounds):
                usual = max(usual, seconds_to_say(scene.people[number % 4 * 100 :][:100]))
                with scene.broker.frozen():
                    slowest = max(slowest, *(seconds_to_say(scene.people[start : start + 4]) for start in range(0, 20, 4)))
        with scene.draining():
            sweep_until_done(scene)
    scene.expect(slowest - usual < 1, f"saying something took {slowest:.1f} s while Redis was silent, {usual:.1f} otherwise")
    return scene.row(f"FI-09 Redis answers nothing (a poke costs {slowest:.2f} s)", f"{rounds} times")


def seconds_to_say(people: Sequence[int]) -> float:
    """This function will say something, and tell how long that took: on a busy machine a while, with a Redis that is well, too."""
    began = time.monotonic()
    say(people, ANY_HOUR, timezone.now())
    return time.monotonic() - began


FAULTS: dict[str, Fault] = {"FI-07": forget_everything, "FI-08": die_without_memory, "FI-09": answer_nothing}
