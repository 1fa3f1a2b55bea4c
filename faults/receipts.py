"""What providers report, twice, in every order, too early and about strangers (FI-23 to FI-25)."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

from channels_ace.api import Attempt, Delivery, sweep
from channels_ace.models import ProviderEvent
from channels_ace.receipts import PARKED_FOR
from faults.crew import Job
from faults.scene import Fault, Row, Scene
from tests.channels_ace.saying import say
from tests.factories import NOW
from tests.fakes import receipts, sns_topic

State = Delivery.State
STORY = ("TEXT_QUEUED", "TEXT_PENDING", "TEXT_SENT", "TEXT_CARRIER_UNREACHABLE", "TEXT_DELIVERED")


def tell(scene: Scene, events: Sequence[dict[str, Any]]) -> None:
    """This function will put events into the queue, to be taken in that order by a process."""
    for event in events:
        scene.doubles.account.put(sns_topic.notification(event))
    scene.crew.run(Job(do="drain", now=NOW))


def several_times(scene: Scene) -> Row:
    """This function will tell each event one to ten times."""
    scene.begin()
    say(scene.people[:100])
    scene.crew.drain()
    tokens = list(Attempt.objects.order_by("pk").values_list("token", flat=True))
    once = [receipts.event("TEXT_DELIVERED", str(token), f"m-{token}") for token in tokens]
    told = [event for number, event in enumerate(once) for _ in range(number % 10 + 1)]
    with scene.draining():
        tell(scene, told)
    scene.expect(Delivery.objects.filter(state=State.DELIVERED).count() == 100, "not all delivered")
    kept = ProviderEvent.objects.exclude(applied_at=None).count()
    scene.expect(kept == 100, f"{kept} events kept, not 100")
    return scene.row("FI-23 receipts told 1 to 10 times", f"{len(told)} events")


def every_order(scene: Scene) -> Row:
    """This function will tell five events of each of 120 texts, in each of the 120 orders."""
    scene.begin()
    orders = list(permutations(range(5)))
    say(scene.people[: len(orders)])
    scene.crew.drain()
    events = []
    for token, order in zip(Attempt.objects.order_by("pk").values_list("token", flat=True), orders, strict=False):
        story = [receipts.event(name, str(token), f"m-{token}", is_final=name == "TEXT_DELIVERED") for name in STORY]
        events += [story[place] for place in order]
    with scene.draining():
        tell(scene, events)
    arrived = Delivery.objects.filter(state=State.DELIVERED).count()
    scene.expect(arrived == len(orders), f"only {arrived} of {len(orders)} orders end as delivered")
    return scene.row("FI-24 five receipts in each of their orders", f"{len(orders)} orders")


def before_our_own_record(scene: Scene) -> Row:
    """This function will have a provider tell of a text before it answers, and so before anything is recorded."""
    scene.begin()
    scene.doubles.receipts.script(to_queue=True, deal="early")
    texts = scene.times(100, 500)
    say(scene.people[:texts])
    reader = [scene.crew.start(Job(do="drain")) for _ in range(2)]
    scene.finish_work(with_events=True)
    for process in reader:
        scene.crew.wait(process)
    arrived = Delivery.objects.filter(state=State.DELIVERED).count()
    scene.expect(arrived == texts, f"{arrived} of {texts} delivered")
    return scene.row("FI-24 receipts before the answer", f"{texts} texts")


def of_strangers(scene: Scene) -> Row:
    """This function will tell of attempts that are not ours, or not yet; those are parked for three days, and counted."""
    scene.begin()
    say(scene.people[:10])
    scene.crew.drain()
    strangers = [receipts.event("TEXT_DELIVERED", str(uuid4()), f"s-{number}") for number in range(90)]
    nameless = [receipts.event("TEXT_DELIVERED", "", f"n-{number}") for number in range(10)]
    with scene.draining():
        tell(scene, strangers + nameless)
    parked = ProviderEvent.objects.filter(applied_at=None).count()
    scene.expect(parked == 100, f"{parked} parked, not 100")
    scene.expect(not scene.doubles.account.waiting(), "some stay in the queue")
    # One of them turns out to be ours, and comes too late; the other comes in time.
    late, ours = ProviderEvent.objects.exclude(token=None).order_by("pk")[:2]
    first, second = Attempt.objects.order_by("pk")[:2]
    ProviderEvent.objects.filter(pk=late.pk).update(token=first.token, received_at=NOW - PARKED_FOR - timedelta(hours=1))
    ProviderEvent.objects.filter(pk=ours.pk).update(token=second.token)
    sweep(NOW)
    states = dict(Delivery.objects.values_list("pk", "state"))
    scene.expect(states[first.delivery_id] == State.ACCEPTED, "an event of 73 hours ago was applied")
    scene.expect(states[second.delivery_id] == State.DELIVERED, "a parked event was not applied")
    return scene.row("FI-25 receipts of strangers, parked", "100 events")


FAULTS: dict[str, Fault] = {
    "FI-23": several_times,
    "FI-24-orders": every_order,
    "FI-24-early": before_our_own_record,
    "FI-25": of_strangers,
}
