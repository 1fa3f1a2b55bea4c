"""An ordinary day on which something goes wrong every few seconds (FI-40): nothing grows, and nothing is left behind."""

import random
import time
from pathlib import Path

from django.utils import timezone

from channels_ace.api import Delivery
from faults.crew import Job, end
from faults.deliveries import celery_worker, poking, sweep_until_done
from faults.scene import Fault, Row, Scene
from faults.types import ANY_HOUR
from tests.channels_ace.saying import let_leases_end, say

State = Delivery.State
WRONG = ("hang_after_accept", "reset_after_accept", "error_500_after_accept", "malformed", "throttle")
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


def soak(scene: Scene) -> Row:
    """This function will say five texts a second to a worker that lives and one that is killed, with a provider and a Redis that fail."""
    scene.begin()
    seconds, chance, kills = scene.times(20, 300), random.Random(40), 0
    scene.doubles.receipts.script(to_queue=True, story=("TEXT_DELIVERED",))
    memory, connections = list[int](), list[int]()
    with celery_worker(scene) as worker:
        mortal, began = scene.crew.start(Job(do="celery", name="mortal")), time.monotonic()
        for second in range(1, seconds + 1):
            with poking():
                say(scene.people[5 * second % 400 :][:5], ANY_HOUR, timezone.now())
            match chance.choices(["provider", "broker", "kill", ""], [2, 1, 1, 6])[0]:
                case "provider":
                    scene.doubles.faults.script("eum", chance.choice(WRONG), seconds=1)
                case "broker":
                    scene.broker.client().flushall()
                case "kill":
                    end(mortal)
                    let_leases_end()
                    mortal, kills = scene.crew.start(Job(do="celery", name=f"mortal{second}")), kills + 1
            if second % 4 == 0:
                scene.crew.run(Job(do="drain", now=timezone.now()))
                memory.append(resident(worker))
                connections.append(scene.cluster.execute(_CONNECTIONS)[0][0])
            time.sleep(max(0.0, began + second - time.monotonic()))
        end(mortal)
        let_leases_end()
        with scene.draining():
            sweep_until_done(scene)
    scene.doubles.receipts.wait_until_told()
    scene.doubles.account.give_back()
    scene.crew.run(Job(do="drain", now=timezone.now()))
    unknown = Delivery.objects.filter(state=State.UNKNOWN).count()
    scene.expect(unknown <= kills, f"{unknown} unknown after {kills} kills though events came")
    growth = 100 * (memory[-1] - memory[0]) // memory[0]
    scene.expect(growth < 10, f"the worker's memory grew by {growth} %")
    scene.expect(max(connections) <= connections[0] + 2, f"{max(connections)} connections, {connections[0]} in the beginning")
    words = f"memory +{growth} %, at most {max(connections)} connections"
    return scene.row(f"FI-40 faults every few seconds ({words})", f"{seconds} s, {kills} kills")


def resident(process: int) -> int:
    """This function will tell how much memory a process has, in kilobytes."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0])


FAULTS: dict[str, Fault] = {"FI-40": soak}
