"""Processes that stand still longer than their lease (FI-04), and clocks that tick twice or not at all (FI-29)."""

import os
import signal
import time
from datetime import timedelta

from channels_ace.api import Delivery
from faults.crew import Job, state_of
from faults.deliveries import ENROLLED, NOON
from faults.scene import Fault, Row, Scene, close_unknowns
from scheduling.models import Nudge
from tests.channels_ace.saying import let_leases_end, say
from tests.scheduling.worlds import join, make_study

State = Delivery.State


def stop_past_the_lease(scene: Scene, times: int = 0) -> Row:
    """This function will stop workers in mid-work, have another do that work meanwhile, and wake them."""
    scene.begin()
    times = times or scene.times(10, 100)
    for point in ("K5", "K7"):
        for _ in range(times):
            say(scene.people[:12])
            before = scene.crew.ended
            stopped = scene.crew.start(Job(point=point, signal="SIGSTOP", after=2, limit=4))
            until = time.monotonic() + 30
            while (scene.crew.ended == before or state_of(stopped) != "T") and time.monotonic() < until:
                time.sleep(0.005)
            scene.expect(state_of(stopped) == "T", f"nobody stopped at {point}")
            let_leases_end()
            scene.crew.drain()
            os.kill(stopped, signal.SIGCONT)
            scene.crew.wait(stopped)
    scene.finish_work()
    close_unknowns(scene)
    return scene.row("FI-04 SIGSTOP past the lease, then SIGCONT (K5, K7)", f"{2 * times} stops")


def several_beats(scene: Scene, beats: int = 3, days: int = 0) -> Row:
    """This function will tick from several processes at the same instant; each finds the same runs due."""
    scene.begin()
    days, study = days or scene.times(8), make_study(ENROLLED)
    for number in range(days * 2):
        join(study, ENROLLED + timedelta(days=number // 2), phone=f"+1206556{number:04d}")
    for day in range(days):
        now = NOON + timedelta(days=day)
        at = time.time() + 1.5
        for ticking in [scene.crew.start(Job(do="tick", now=now, at=at)) for _ in range(beats)]:
            scene.crew.wait(ticking)
    nudged = Nudge.objects.filter(kind="early").count()
    scene.expect(nudged == 2 * days, f"I8 {nudged} nudges, not {2 * days}")
    return scene.row(f"FI-29 {beats} beats tick at once", f"{days} days")


def no_beat(scene: Scene) -> Row:
    """This function will have no beat for ten minutes, then for 26 hours: what is fresh is caught up, what is stale is not sent."""
    scene.begin()
    study = make_study(ENROLLED)
    for number in range(20):
        join(study, ENROLLED + timedelta(days=number // 10 * 7), phone=f"+1206556{number:04d}")
    scene.crew.run(Job(do="tick", now=NOON + timedelta(minutes=10)))
    caught_up = Nudge.objects.filter(kind="early").count()
    scene.expect(caught_up == 10, f"{caught_up} nudges ten minutes late, not 10")
    # The others were due at noon a week later; the next tick comes on the day after, at two.
    scene.crew.run(Job(do="tick", now=NOON + timedelta(days=7, hours=4, minutes=1)))
    stale = Nudge.objects.filter(kind="early").count() - caught_up
    scene.expect(stale == 0, f"I6 {stale} stale nudges")
    scene.crew.run(Job(do="tick", now=NOON + timedelta(days=7, hours=26)))
    nudged = Nudge.objects.filter(kind="early").count()
    texts = Delivery.objects.filter(channel="sms", state__in=[State.ACCEPTED, State.DELIVERED], message__type="studies.nudge").count()
    scene.expect(texts == nudged, f"{texts} texts for {nudged} nudges")
    return scene.row("FI-29 no beat for 10 minutes, then 26 hours", f"{nudged} nudges")


FAULTS: dict[str, Fault] = {
    "FI-04": stop_past_the_lease,
    "FI-29-several": several_beats,
    "FI-29-none": no_beat,
}
