"""A slow provider (FI-21), a deploy in mid-work (FI-34), and codes and pages beside a broadcast to 100,000 (FI-39)."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection

from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Attempt, Delivery, cancel
from faults.cluster import free_port
from faults.crew import Job, end, state_of
from faults.deliveries import celery_worker, poking, sweep_until_done
from faults.scene import Fault, Row, Scene
from faults.types import ANY_HOUR, BULK, CODE
from tests.channels_ace.saying import let_leases_end, say
from tests.factories import NOW

State = Delivery.State
BROADCAST = 100_000


def deploy(scene: Scene) -> Row:
    """This function will end a Celery worker with SIGTERM in mid-work: it finishes what it is at, and nothing is in doubt."""
    scene.begin()
    times, slowest = scene.times(5), 0.0
    for number in range(times):
        with poking():
            say(scene.people[:300], ANY_HOUR, timezone.now())
        before = len(scene.doubles.ledger.entries())
        worker = scene.crew.start(Job(do="celery", name=f"deployed{number}"))
        scene.wait_for_requests(before + 50)
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
    """This function will send a broadcast by one worker while sign-in codes go out by another and somebody reads their inbox.

    When the last code is out, the rest of the broadcast is cancelled.
    """
    scene.begin()
    broadcast, codes = (BROADCAST, scene.times(100, 300)) if not scene.is_quick else (5_000, 20)
    crowd = scene.crowd(min(broadcast, 5_000))
    messages = [say(crowd, BULK) for _ in range(broadcast // len(crowd))]
    with reading_pages(scene) as page_seconds:
        bulk = scene.crew.start(Job(lane="bulk", limit=500, seconds=300))
        waits = send_codes(scene, codes)
    with scene.draining():
        for message in messages:
            cancel(message, NOW)
        scene.crew.wait(bulk)
        scene.crew.drain()
    sent = Delivery.objects.filter(lane="bulk", state=State.ACCEPTED).count()
    slow, page = late_one(waits), late_one(page_seconds)
    scene.expect(len(waits) == codes, f"{len(waits)} of {codes} codes sent")
    scene.expect(slow < 5, f"95 % of codes within {slow:.1f} s, not 5")
    scene.expect(page < 0.3, f"95 % of pages within {page:.2f} s, not 0.3")
    scene.expect(len(page_seconds) >= codes // 2, f"only {len(page_seconds)} pages read")
    words = f"95 % of codes within {slow:.2f} s, of {len(page_seconds)} pages within {1000 * page:.0f} ms; {sent:,} texts meanwhile"
    return scene.row(f"FI-39 codes and pages beside a broadcast ({words})", f"{broadcast:,} + {codes}")


def slow_provider(scene: Scene) -> Row:
    """This function will have a provider take half a second for each text, and watch that no transaction is open meanwhile."""
    scene.begin()
    texts = scene.times(80, 200)
    scene.doubles.faults.script("eum", "slow", times=texts, seconds=0.5)
    say(scene.people[:texts])
    workers = [scene.crew.start(Job(limit=10)) for _ in range(8)]
    looks, held = 0, 0
    with scene.draining():
        while any(state_of(worker) for worker in workers):
            looks += 1
            held += scene.cluster.execute(_HELD)[0][0]
            time.sleep(0.05)
    scene.finish_work()
    scene.expect(looks > 20, f"looked {looks} times only")
    scene.expect(not held, f"{held} transactions open during a call")
    return scene.row(f"FI-21 slow provider ({looks} looks at the database, {held} transactions open)", f"{texts} texts")


# Idle for as long as no statement of ours waits for its next one.
_HELD = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND clock_timestamp() - state_change > interval '0.3 s'"


def send_codes(scene: Scene, codes: int) -> list[float]:
    """This function will say codes one after the other, have a worker take them, and list how long each took to reach the provider."""
    said: dict[str, float] = {}
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            scene.crew.run(Job(lane="urgent", seconds=30))
            is_over.wait(0.1)

    serving = threading.Thread(target=serve)
    serving.start()
    for number in range(codes):
        message = say([scene.people[number % 400]], CODE, channels=["sms"])
        said[str(message.pk)] = time.time()
        time.sleep(0.1)
    time.sleep(0.5)
    is_over.set()
    serving.join()
    message_of = {
        str(token): str(key) for token, key in Attempt.objects.filter(delivery__lane="urgent").values_list("token", "delivery__message_id")
    }
    return [
        datetime.fromisoformat(entry["at"]).timestamp() - said[message_of[entry["token"]]]
        for entry in scene.doubles.ledger.entries()
        if entry["accepted"] and message_of.get(entry["token"]) in said
    ]


@contextmanager
def reading_pages(scene: Scene) -> Iterator[list[float]]:
    """This function will have somebody read their inbox ten times a second meanwhile, and list how long each page took."""
    port, seconds, is_over = free_port(), list[float](), threading.Event()
    client = Client()
    client.force_login(User.objects.get(pk=scene.people[0]))
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    server = scene.crew.start(Job(do="web", port=port))

    def read() -> None:
        while not is_over.wait(0.1):
            began = time.monotonic()
            status = ask(port, cookie)
            if status == 200:
                seconds.append(time.monotonic() - began)

    until = time.monotonic() + 30
    while ask(port, cookie) != 200 and time.monotonic() < until:
        time.sleep(0.05)
    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield seconds
    finally:
        is_over.set()
        reading.join()
        connection.close()
        end(server)


def ask(port: int, cookie: str) -> int:
    """This function will read the inbox and give the status of the answer; 0 where nobody answers."""
    asking = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        asking.request("GET", "/inbox/", headers={"Cookie": cookie})
        answer = asking.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return 0
    finally:
        asking.close()


def late_one(seconds: list[float]) -> float:
    """This function will give what 95 % are within."""
    return sorted(seconds)[int(len(seconds) * 0.95)] if seconds else float("inf")


FAULTS: dict[str, Fault] = {"FI-21": slow_provider, "FI-34": deploy, "FI-39": codes_beside_a_broadcast}
