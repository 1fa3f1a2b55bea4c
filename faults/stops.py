"""People who say STOP or withdraw while texts go out (FI-38), a deploy in mid-work (FI-34), and codes beside a broadcast (FI-39)."""

import os
import random
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from channels_ace.api import Attempt, ContactPoint, Delivery
from channels_ace.inbound import receive_text
from faults.crew import Job
from faults.deliveries import ENROLLED, NOON, celery_worker, poking, sweep_until_done
from faults.scene import Fault, Row, Scene
from faults.types import ANY_HOUR, BULK, CODE, TEXT
from studies.api import withdraw
from tests.channels_ace.saying import let_leases_end, say
from tests.scheduling.worlds import join, make_study

State = Delivery.State
# One request may be on its way when the STOP is stored.
CALL_SECONDS = 10


def stop_while_sending(scene: Scene, people: int = 0) -> Row:
    """This function will have half of the people say STOP while workers send: some before, some in the middle, some too late."""
    scene.begin()
    people = people or scene.times(500, 500)
    numbers = dict(ContactPoint.objects.filter(user_id__in=scene.people[:people]).values_list("user_id", "address"))
    stopping = random.Random(38).sample(sorted(numbers), people // 2)
    stopped_at: dict[int, datetime] = {}
    say(list(numbers), TEXT)
    early = stopping[: len(stopping) // 4]
    for user in early:
        stop(user, numbers[user], stopped_at)
    workers = [scene.crew.start(Job(limit=40)) for _ in range(2)]
    for user in stopping[len(early) :]:
        stop(user, numbers[user], stopped_at)
        time.sleep(0.002)
    for worker in workers:
        scene.crew.wait(worker)
    scene.finish_work()
    late = [seconds for seconds in sent_after(scene, stopped_at) if seconds > CALL_SECONDS]
    scene.expect(not late, f"I6 {len(late)} sent later than {CALL_SECONDS} s after a STOP")
    early_ones = Delivery.objects.filter(user_id__in=early, state=State.ACCEPTED).count()
    scene.expect(not early_ones, f"I6 {early_ones} sent to who had said STOP before")
    return scene.row("FI-38 STOP while texts go out", f"{len(stopping)} STOPs")


def stop(user: int, number: str, stopped_at: dict[int, datetime]) -> None:
    """This function will have a person answer STOP, and note when that was stored."""
    receive_text("eum", uuid4().hex, number, "+12065550100", "STOP", timezone.now())
    stopped_at.setdefault(user, datetime.now(UTC))


def sent_after(scene: Scene, stopped_at: dict[int, datetime]) -> list[float]:
    """This function will list how many seconds after their STOP people were sent something."""
    user_of = {str(token): user for token, user in Attempt.objects.values_list("token", "delivery__user_id")}
    found = []
    for entry in scene.doubles.ledger.entries():
        stopped = stopped_at.get(user_of.get(entry["token"], 0))
        if stopped and entry["accepted"]:
            found.append((datetime.fromisoformat(entry["at"]) - stopped).total_seconds())
    return found


def withdraw_while_sending(scene: Scene) -> Row:
    """This function will withdraw half of a study's participants around the moment of their nudge."""
    scene.begin()
    study = make_study(ENROLLED)
    people = [join(study, ENROLLED, phone=f"+1206556{number:04d}") for number in range(scene.times(60, 300))]
    leaving = random.Random(38).sample(people, len(people) // 2)
    left_at: dict[int, datetime] = {}
    for enrollment in leaving[: len(leaving) // 3]:
        withdraw(enrollment, now=NOON)
        left_at[enrollment.user_id] = datetime.now(UTC)
    early = set(left_at)
    ticking = scene.crew.start(Job(do="tick", now=NOON, limit=10))
    for enrollment in leaving[len(early) :]:
        withdraw(enrollment, now=NOON)
        left_at[enrollment.user_id] = datetime.now(UTC)
        time.sleep(0.01)
    scene.crew.wait(ticking)
    scene.finish_work(NOON)
    nudges = Delivery.objects.filter(message__type="studies.nudge", channel="sms", state=State.ACCEPTED)
    scene.expect(not nudges.filter(user_id__in=early).count(), "I6 nudged after withdrawal")
    late = [seconds for seconds in sent_after(scene, left_at) if seconds > CALL_SECONDS]
    scene.expect(not late, f"I6 {len(late)} nudged later than {CALL_SECONDS} s after withdrawal")
    staying = nudges.exclude(user_id__in=left_at).count()
    scene.expect(staying == len(people) - len(leaving), f"{staying} of those who stay nudged")
    return scene.row("FI-38 withdrawal while nudges go out", f"{len(leaving)} withdrawals")


def deploy(scene: Scene) -> Row:
    """This function will end a Celery worker with SIGTERM in mid-work: it finishes what it is at, and nothing is in doubt."""
    scene.begin()
    times, slowest = scene.times(5), 0.0
    for number in range(times):
        with poking():
            say(scene.people[:300], ANY_HOUR, timezone.now())
        before = len(scene.doubles.ledger.entries())
        worker = scene.crew.start(Job(do="celery", name=f"deployed{number}"))
        until = time.monotonic() + 30
        while len(scene.doubles.ledger.entries()) < before + 50 and time.monotonic() < until:
            time.sleep(0.01)
        began = time.monotonic()
        os.kill(worker, signal.SIGTERM)
        scene.crew.wait(worker)
        slowest = max(slowest, time.monotonic() - began)
    unknown = Delivery.objects.filter(state=State.UNKNOWN).count()
    scene.expect(not unknown, f"{unknown} unknown")
    scene.expect(slowest <= 35, f"a worker took {slowest:.0f} s to end")
    let_leases_end()
    with scene.draining(), celery_worker(scene):
        sweep_until_done(scene)
    return scene.row(f"FI-34 SIGTERM in mid-work (gone in {slowest:.1f} s)", f"{times} times")


def codes_beside_a_broadcast(scene: Scene) -> Row:
    """This function will send a broadcast by one worker while sign-in codes go out by another."""
    scene.begin()
    rounds, codes = scene.times(6, 40), scene.times(60, 300)
    for _ in range(rounds):
        say(scene.people, BULK)
    bulk = scene.crew.start(Job(lane="bulk", limit=500, seconds=300))
    said: dict[str, float] = {}
    is_over = threading.Event()

    def serve_codes() -> None:
        while not is_over.is_set():
            scene.crew.run(Job(lane="urgent", seconds=30))
            is_over.wait(0.1)

    serving = threading.Thread(target=serve_codes)
    serving.start()
    numbers = count()
    for _ in range(codes):
        message = say([scene.people[next(numbers) % 400]], CODE, channels=["sms"])
        said[str(message.pk)] = time.time()
        time.sleep(0.05)
    with scene.draining():
        scene.crew.wait(bulk)
    time.sleep(0.5)
    is_over.set()
    serving.join()
    connection.close()
    scene.crew.drain()
    token_of = {str(token): str(key) for token, key in Attempt.objects.values_list("token", "delivery__message_id")}
    waits = sorted(
        datetime.fromisoformat(entry["at"]).timestamp() - said[token_of[entry["token"]]]
        for entry in scene.doubles.ledger.entries()
        if entry["accepted"] and token_of.get(entry["token"]) in said
    )
    slow = waits[int(len(waits) * 0.95)] if waits else timedelta.max.total_seconds()
    scene.expect(len(waits) == codes, f"{len(waits)} of {codes} codes sent")
    scene.expect(slow < 5, f"95 % of codes within {slow:.1f} s, not 5")
    return scene.row(f"FI-39 codes beside a broadcast (95 % within {slow:.2f} s)", f"{500 * rounds:,} + {codes}")


FAULTS: dict[str, Fault] = {
    "FI-34": deploy,
    "FI-38-stop": stop_while_sending,
    "FI-38-withdrawal": withdraw_while_sending,
    "FI-39": codes_beside_a_broadcast,
}
