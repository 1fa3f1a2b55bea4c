"""Providers that accept and do not say so, refuse for a while, or are not there at all (FI-16 to FI-20)."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef

from channels_ace.api import Attempt, Delivery, sweep
from faults.cluster import free_port
from faults.crew import Job
from faults.scene import Fault, Row, Scene, close_unknowns
from faults.types import CODE
from tests.channels_ace.saying import say
from tests.factories import NOW

State = Delivery.State
# Texts a second, a seventh of what a short code may; a busy machine can do it, too.
PACE = 15
WORDS = {
    "hang_after_accept": "FI-16 accepts, then hangs",
    "reset_after_accept": "FI-17 accepts, then resets the connection",
    "error_500_after_accept": "FI-17 accepts, then answers 500",
    "malformed": "FI-17 accepts, then answers nonsense",
    "truncated": "FI-17 accepts, then breaks off in its answer",
}


def script(scene: Scene, kind: str, requests: int, share: float = 0.3, *, seconds: float = 1) -> int:
    """This function will have a share of the next requests go wrong, spread at random, and say how many."""
    chance = random.Random(kind)
    wrong = 0
    for _ in range(requests):
        is_wrong = chance.random() < share
        wrong += is_wrong
        scene.doubles.faults.script("eum", kind if is_wrong else "slow", seconds=seconds if is_wrong else 0)
    return wrong


def say_to_all(scene: Scene, texts: int) -> None:
    """This function will say so many texts, several to a person where there are more texts than people."""
    for start in range(0, texts, len(scene.people)):
        say(scene.people[: texts - start])


def unclear_answers(scene: Scene, kind: str, texts: int = 0, *, tells: bool = True) -> Row:
    """This function will have three in ten texts accepted without a word; their receipts prove it, and nobody gets a second one."""
    scene.begin()
    texts = texts or scene.times(500, 2000)
    wrong = script(scene, kind, texts)
    scene.doubles.receipts.script(to_queue=tells, story=("TEXT_DELIVERED",))
    say_to_all(scene, texts)
    with scene.draining():
        # Most of their time they wait for an answer.
        scene.crew.run_together([Job(timeout=0.25, limit=10)] * 8)
    scene.finish_work(with_events=True)
    left = Delivery.objects.filter(state=State.UNKNOWN).count()
    scene.expect(not left or not tells, f"{left} unknown though events came")
    close_unknowns(scene)
    requests = len(scene.doubles.ledger.entries())
    scene.expect(requests == texts, f"{requests} requests for {texts} texts")
    return scene.row(WORDS[kind], f"{wrong} of {texts}")


def errors_before_accept(scene: Scene) -> Row:
    """This function will answer 500 without accepting. That may mean anything: a code is tried again, a text ends as unknown."""
    scene.begin()
    codes = scene.times(500, 2000)
    wrong = script(scene, "error_500", codes)
    for start in range(0, codes, len(scene.people)):
        say(scene.people[: codes - start], CODE, channels=["sms"])
    with scene.draining():
        for minutes in (0, 11, 22, 33):
            sweep(NOW + timedelta(minutes=minutes))
            scene.crew.drain(NOW + timedelta(minutes=minutes))
    accepted = Delivery.objects.filter(state=State.ACCEPTED).count()
    scene.expect(accepted == codes, f"{accepted} of {codes} codes sent")
    return scene.row("FI-18 answers 500 before accepting (codes)", f"{wrong} of {codes}")


def throttled(scene: Scene) -> Row:
    """This function will throttle three in ten requests; refused texts wait their turn, and go once."""
    return _throttled(scene, "throttle", wait=4, after=(0, 7, 50, 250), words="FI-19 throttles")


def throttled_until(scene: Scene) -> Row:
    """This function will do the same with a Retry-After of a minute, longer than we would have waited: nobody comes back before."""
    return _throttled(scene, "throttle_until", wait=60, after=(0, 7, 59, 61, 122, 250), words="FI-19 throttles, come back in a minute")


def _throttled(scene: Scene, kind: str, *, wait: int, after: Sequence[int], words: str) -> Row:
    scene.begin()
    texts = scene.times(500, 2000)
    wrong = script(scene, kind, texts, seconds=wait)
    say_to_all(scene, texts)
    with scene.draining():
        for seconds in after:
            scene.crew.drain(NOW + timedelta(seconds=seconds))
    requests = len(scene.doubles.ledger.entries())
    scene.expect(requests <= 1.5 * texts, f"{requests} requests for {texts} texts")
    asked_again = Attempt.objects.filter(delivery=OuterRef("delivery"), pk__gt=OuterRef("pk"))
    early = Attempt.objects.filter(
        Exists(asked_again.filter(started_at__lt=OuterRef("finished_at") + timedelta(seconds=wait))), outcome="refused"
    ).count()
    scene.expect(not early, f"{early} tried again within {wait} s")
    return scene.row(words, f"{wrong} of {texts}")


def down_for_half_an_hour(scene: Scene) -> Row:
    """This function will have nobody listen at the provider's for half an hour, in which most of the texts grow stale."""
    scene.begin()
    backlog, nobody = scene.times(10_000, 20_000), f"http://127.0.0.1:{free_port()}"
    fresh = backlog // 40
    crowd = scene.crowd(backlog // 2)
    some, others = crowd[: fresh // 2], crowd[fresh // 2 :]
    for _ in range(2):
        say(others, expires_at=NOW + timedelta(minutes=20))
        say(some)
    for seconds in [*range(0, 300, 30), *range(300, 1800, 150)]:
        now = NOW + timedelta(seconds=seconds)
        sweep(now)
        scene.crew.run(Job(now=now, endpoint=nobody, rests=True))
    scene.expect(not scene.doubles.ledger.entries(), "something was sent to nobody")
    # The batch that is at it when the breaker opens is finished; after that it is one a probe.
    tries = Counter(Attempt.objects.values_list("started_at", flat=True))
    probes = max([times for at, times in tries.items() if at > NOW], default=0)
    scene.expect(probes <= 1, f"{probes} requests in one half minute")
    up = NOW + timedelta(minutes=30)
    with scene.draining():
        # The first probe is answered, and opens the way for all.
        for worker in [scene.crew.start(Job(now=up, rests=True, pace=PACE, limit=100)) for _ in range(2)]:
            scene.crew.wait(worker)
    # The probes were refused so often that they wait for half an hour more.
    scene.crew.drain(up + timedelta(minutes=40))
    sent = Delivery.objects.filter(state=State.ACCEPTED, expires_at=None).count()
    stale = Delivery.objects.filter(state=State.ACCEPTED).count() - sent
    scene.expect(stale == 0, f"I6 {stale} stale texts sent")
    scene.expect(sent == fresh, f"{sent} of {fresh} fresh texts sent")
    pace = pace_of(scene.doubles.ledger.entries())
    scene.expect(0.95 * PACE <= pace <= 1.05 * PACE, f"drained at {pace:.1f} a second, not {PACE}")
    words = f"FI-20 down for 30 minutes ({sum(tries.values())} requests, then {pace:.0f} a second where {PACE} are allowed)"
    return scene.row(words, f"{backlog:,}")


def pace_of(entries: Sequence[Mapping[str, Any]]) -> float:
    """This function will tell how many requests a second there were, over the middle eight tenths of them."""
    tenth = len(entries) // 10
    some = entries[tenth : len(entries) - tenth]
    if len(some) < 2:
        return 0.0
    first, last = (datetime.fromisoformat(entry["at"]) for entry in (some[0], some[-1]))
    return (len(some) - 1) / (last - first).total_seconds()


FAULTS: dict[str, Fault] = {
    "FI-16": partial(unclear_answers, kind="hang_after_accept"),
    "FI-17-reset": partial(unclear_answers, kind="reset_after_accept"),
    "FI-17-500": partial(unclear_answers, kind="error_500_after_accept"),
    "FI-17-malformed": partial(unclear_answers, kind="malformed"),
    "FI-17-truncated": partial(unclear_answers, kind="truncated"),
    "FI-18": errors_before_accept,
    "FI-19-throttle": throttled,
    "FI-19-until": throttled_until,
    "FI-20": down_for_half_an_hour,
}
