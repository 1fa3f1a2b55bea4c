"""Deadlocks and serialization failures in one statement after the other (FI-12)."""

from itertools import count

from channels_ace.api import Delivery
from faults.crew import Job
from faults.scene import Fault, Row, Scene
from tests.channels_ace.saying import let_leases_end, say

State = Delivery.State
CODES = ("40P01", "40001")
# More than a batch of three can need; the first that is not reached ends it.
MOST = 400


def fail_each_statement(scene: Scene) -> Row:
    """This function will fail the first statement of a worker, then its second, and so on, by turns as deadlock and as serialization
    failure, until a worker has fewer statements than that. The worker goes on; another one finishes what it had to leave."""
    scene.begin()
    scene.doubles.receipts.script(to_queue=True, story=("TEXT_DELIVERED",))
    failed = 0
    for number in count(1, 3 if scene.is_quick else 1):
        for code in CODES if scene.is_full else CODES[number % 2 :][:1]:
            say(scene.people[:3])
            is_reached = scene.crew.run(Job(point=f"fails_{code}", after=number, limit=3, rounds=3))
            let_leases_end()
        if not is_reached or number > MOST:
            break
        failed += 1
    scene.finish_work(with_events=True)
    unknown = Delivery.objects.filter(state=State.UNKNOWN).count()
    scene.expect(failed > (5 if scene.is_quick else 20), f"only {failed} statements failed")
    scene.expect(not unknown, f"{unknown} unknown though events came")
    return scene.row("FI-12 deadlock or serialization failure in each statement", f"{failed} statements")


FAULTS: dict[str, Fault] = {"FI-12": fail_each_statement}
