"""Processes that stand still longer than their lease (FI-04), and beats that tick together (FI-29)."""

import os
import signal
from datetime import timedelta

from channels_ace.api import Delivery
from faults.crew import Job, wait_until_stopped
from faults.deliveries import ENROLLED, NOON
from faults.people import JOINED, phone
from faults.scene import Fault, Row, Scene, close_unknowns
from scheduling.models import Nudge
from tests.channels_ace.saying import let_leases_end, say
from tests.scheduling.worlds import join, make_study

State = Delivery.State


def stop_past_the_lease(scene: Scene, times: int = 0) -> Row:
    """This function will stop workers in mid-work, have another do that work meanwhile, and wake them."""
    scene.begin()
    times = times or scene.times(10, 100)
    points = ("K5", "K7")
    for _ in range(times):
        say(scene.people[:24])
        ended = scene.crew.ended
        stopped = [scene.crew.start(Job(point=point, signal="SIGSTOP", after=2, limit=4)) for point in points]
        scene.crew.wait_until_ended(ended + len(points))
        for one, point in zip(stopped, points, strict=True):
            scene.expect(wait_until_stopped(one), f"nobody stopped at {point}")
        let_leases_end()
        scene.crew.drain()
        for one in stopped:
            os.kill(one, signal.SIGCONT)
        for one in stopped:
            scene.crew.wait(one)
    scene.finish_work()
    close_unknowns(scene)
    return scene.row("FI-04 SIGSTOP past the lease, then SIGCONT (K5, K7)", f"{2 * times} stops")


def several_beats(scene: Scene, beats: int = 3, days: int = 0) -> Row:
    """This function will tick from several processes at the same instant; each finds the same runs due."""
    scene.begin()
    days, study = days or scene.times(8), make_study(ENROLLED)
    for number in range(days * 2):
        join(study, ENROLLED + timedelta(days=number // 2), phone=phone(JOINED + number))
    for day in range(days):
        now = NOON + timedelta(days=day)
        gate = scene.gate()
        scene.crew.run_together([Job(do="tick", now=now, gate=gate, together=beats)] * beats)
        scene.expect_met(gate, beats)
    nudged = Nudge.objects.filter(kind="early").count()
    scene.expect(nudged == 2 * days, f"I8 {nudged} nudges, not {2 * days}")
    return scene.row(f"FI-29 {beats} beats tick at once", f"{days} days")


FAULTS: dict[str, Fault] = {
    "FI-04": stop_past_the_lease,
    "FI-29-several": several_beats,
}
