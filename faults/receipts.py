"""What providers report, twice, in every order, too early, about strangers, and to a webhook that is down (FI-23 to FI-26)."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

from channels_ace.api import Attempt, Delivery, sweep
from channels_ace.models import ProviderEvent
from channels_ace.receipts import PARKED_FOR
from faults.cluster import free_port
from faults.crew import Job, end
from faults.deliveries import post_until_taken
from faults.scene import Fault, Row, Scene
from tests.channels_ace.saying import say
from tests.factories import NOW
from tests.fakes import receipts, sns_topic

State = Delivery.State
STORY = ("TEXT_QUEUED", "TEXT_PENDING", "TEXT_SENT", "TEXT_CARRIER_UNREACHABLE", "TEXT_DELIVERED")


def tell(scene: Scene, events: Sequence[dict[str, Any]], readers: int = 1) -> None:
    """This function will put events into the queue, to be taken in that order by a process, or by several at once."""
    for event in events:
        scene.doubles.account.put(sns_topic.notification(event))
    for reader in [scene.crew.start(Job(do="drain", now=NOW)) for _ in range(readers)]:
        scene.crew.wait(reader)


def several_times(scene: Scene) -> Row:
    """This function will tell each event one to ten times."""
    scene.begin()
    texts = scene.times(200)
    say(scene.people[:texts])
    scene.crew.drain()
    tokens = list(Attempt.objects.order_by("pk").values_list("token", flat=True))
    once = [receipts.event("TEXT_DELIVERED", str(token), f"m-{token}") for token in tokens]
    told = [event for number, event in enumerate(once) for _ in range(number % 10 + 1)]
    with scene.draining():
        tell(scene, told, readers=2)
    scene.expect(Delivery.objects.filter(state=State.DELIVERED).count() == texts, "not all delivered")
    kept = ProviderEvent.objects.exclude(applied_at=None).count()
    scene.expect(kept == texts, f"{kept} events kept, not {texts}")
    return scene.row("FI-23 receipts told 1 to 10 times", f"{len(told)} events")


def every_order(scene: Scene, events_each: int = len(STORY)) -> Row:
    """This function will tell the events of each of 120 texts (or of fewer, with less to tell each), in each of the 120 orders."""
    scene.begin()
    orders = list(permutations(STORY[-events_each:]))
    say(scene.people[: len(orders)])
    scene.crew.drain()
    events = []
    for token, order in zip(Attempt.objects.order_by("pk").values_list("token", flat=True), orders, strict=False):
        events += [receipts.event(name, str(token), f"m-{token}", is_final=name == "TEXT_DELIVERED") for name in order]
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


def webhook_down(scene: Scene) -> Row:
    """This function will have nobody listen at the webhook: the queue brings every receipt, and what is posted late changes nothing."""
    scene.begin()
    texts, port = scene.times(100, 1_000), free_port()
    address = f"http://127.0.0.1:{port}/webhooks/sns/"
    scene.doubles.receipts.script(webhook=address, to_queue=True, story=STORY[-1:])
    for start in range(0, texts, len(scene.people)):
        say(scene.people[: texts - start])
    scene.finish_work(with_events=True)
    refused = len(scene.doubles.receipts.refused)
    scene.expect(refused == texts, f"{refused} posts failed, not {texts}")
    arrived = Delivery.objects.filter(state=State.DELIVERED).count()
    scene.expect(arrived == texts, f"{arrived} of {texts} delivered")
    # SNS posts again what nobody took, in messages of their own.
    server = scene.crew.start(Job(do="web", port=port))
    for token in Attempt.objects.values_list("token", flat=True)[:20]:
        envelope = sns_topic.notification(receipts.event(STORY[-2], str(token), f"late-{token}", is_final=False))
        post_until_taken(address, envelope)
    end(server)
    scene.expect(Delivery.objects.filter(state=State.DELIVERED).count() == texts, "late receipts moved deliveries back")
    return scene.row(f"FI-26 webhook down ({refused} posts failed), queue up", f"{texts} texts")


FAULTS: dict[str, Fault] = {
    "FI-23": several_times,
    "FI-24-orders": every_order,
    "FI-24-early": before_our_own_record,
    "FI-25": of_strangers,
    "FI-26": webhook_down,
}
