"""Providers that accept and do not say so, refuse for a while, or are not there at all (FI-16 to FI-20, FI-22)."""

import json
import random
from datetime import timedelta
from functools import partial

from channels_ace.api import Attempt, Delivery, sweep
from faults.cluster import free_port
from faults.crew import Job
from faults.scene import Fault, Row, Scene, close_unknowns
from faults.types import CODE
from tests.channels_ace.saying import say
from tests.factories import NOW
from tests.fakes import fcm

State = Delivery.State
WORDS = {
    "hang_after_accept": "FI-16 accepts, then hangs",
    "reset_after_accept": "FI-17 accepts, then resets the connection",
    "error_500_after_accept": "FI-17 accepts, then answers 500",
    "malformed": "FI-17 accepts, then answers nonsense",
}


def script(scene: Scene, kind: str, requests: int, share: float = 0.3) -> int:
    """This function will have a share of the next requests go wrong, spread at random, and say how many."""
    chance = random.Random(kind)
    wrong = 0
    for _ in range(requests):
        is_wrong = chance.random() < share
        wrong += is_wrong
        scene.doubles.faults.script("eum", kind if is_wrong else "slow", seconds=3 if is_wrong else 0)
    return wrong


def unclear_answers(scene: Scene, kind: str, texts: int = 0, *, tells: bool = True) -> Row:
    """This function will have three in ten texts accepted without a word; their receipts prove it, and nobody gets a second one."""
    scene.begin()
    texts = texts or scene.times(500, 2000)
    wrong = script(scene, kind, texts)
    scene.doubles.receipts.script(to_queue=tells, story=("TEXT_DELIVERED",))
    for start in range(0, texts, 500):
        say(scene.people[: min(500, texts - start)])
    with scene.draining():
        for worker in [scene.crew.start(Job(timeout=0.25, limit=20)) for _ in range(4)]:
            scene.crew.wait(worker)
    unknown = Delivery.objects.filter(state=State.UNKNOWN).count()
    scene.expect(unknown <= wrong, f"{unknown} unknown, more than {wrong}")
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
    for start in range(0, codes, 500):
        say(scene.people[: min(500, codes - start)], CODE, channels=["sms"])
    with scene.draining():
        for minutes in (0, 11, 22, 33):
            sweep(NOW + timedelta(minutes=minutes))
            scene.crew.drain(NOW + timedelta(minutes=minutes))
    accepted = Delivery.objects.filter(state=State.ACCEPTED).count()
    scene.expect(accepted == codes, f"{accepted} of {codes} codes sent")
    return scene.row("FI-18 answers 500 before accepting (codes)", f"{wrong} of {codes}")


def throttled(scene: Scene) -> Row:
    """This function will throttle three in ten requests; refused texts wait their turn, and go once."""
    scene.begin()
    texts = scene.times(500, 2000)
    wrong = script(scene, "throttle", texts)
    for start in range(0, texts, 500):
        say(scene.people[: min(500, texts - start)])
    with scene.draining():
        for seconds in (0, 7, 50, 250):
            scene.crew.drain(NOW + timedelta(seconds=seconds))
    requests = len(scene.doubles.ledger.entries())
    scene.expect(requests <= 1.5 * texts, f"{requests} requests for {texts} texts")
    early = Attempt.objects.filter(outcome="refused", delivery__due_at__lt=NOW + timedelta(seconds=4)).count()
    scene.expect(not early, f"{early} tried again too early")
    return scene.row("FI-19 throttles", f"{wrong} of {texts}")


def down_for_half_an_hour(scene: Scene) -> Row:
    """This function will have nobody listen at the provider's for half an hour, while half of the texts grow stale."""
    scene.begin()
    texts = scene.times(500, 2000)
    nobody = f"http://127.0.0.1:{free_port()}"
    for start in range(0, texts, 500):
        some = scene.people[: min(500, texts - start)]
        say(some[::2], expires_at=NOW + timedelta(minutes=20))
        say(some[1::2])
    for minute in (0, 1, 5, 16, 29):
        now = NOW + timedelta(minutes=minute)
        sweep(now)
        scene.crew.run(Job(now=now, endpoint=nobody, rests=True))
    scene.expect(not scene.doubles.ledger.entries(), "something was sent to nobody")
    # Each batch that is at it when the breaker opens is finished; after that it is one a probe.
    asked = Attempt.objects.count()
    scene.expect(asked <= 60, f"{asked} requests to a provider that is down")
    with scene.draining():
        for minutes in (31, 60, 100):
            scene.crew.run(Job(now=NOW + timedelta(minutes=minutes), rests=True))
    sent = Delivery.objects.filter(state=State.ACCEPTED, expires_at=None).count()
    stale = Delivery.objects.filter(state=State.ACCEPTED).count() - sent
    scene.expect(stale == 0, f"I6 {stale} stale texts sent")
    scene.expect(sent == texts - texts // 2, f"{sent} of {texts - texts // 2} fresh texts sent")
    return scene.row(f"FI-20 down for 30 minutes, half stale by then ({asked} requests)", "1")


def one_request_an_attempt(scene: Scene) -> Row:
    """This function will count the requests of one call to each channel's library, whatever the provider does."""
    scene.begin()
    channels = {"eum": "sms", "fcm": "push"}
    account = scene.folder / "service-account.json"
    account.write_text(json.dumps(fcm.make_service_account(scene.doubles.http)), encoding="utf-8")
    cases = 0
    for provider, kind in [(p, k) for p in channels for k in ("hang_after_accept", "reset_after_accept", "error_500", "malformed")]:
        scene.doubles.faults.script(provider, kind, times=1, seconds=3)
        before = len(scene.doubles.ledger.entries())
        scene.crew.run(Job(do="call", name=channels[provider], timeout=0.3, account=str(account)), seconds=60)
        asked = len(scene.doubles.ledger.entries()) - before
        cases += 1
        scene.expect(asked == 1, f"{asked} requests of {provider} when it does {kind}")
        scene.doubles.faults.clear()
    row = scene.row("", "")
    kept = [line for line in row.broken if not line.startswith(("I3", "I7"))]
    return Row(fault="FI-22 one request a call (EUM, FCM)", dose=f"{cases} cases", messages=cases, broken=kept)


FAULTS: dict[str, Fault] = {
    "FI-16": partial(unclear_answers, kind="hang_after_accept"),
    "FI-17-reset": partial(unclear_answers, kind="reset_after_accept"),
    "FI-17-500": partial(unclear_answers, kind="error_500_after_accept"),
    "FI-17-malformed": partial(unclear_answers, kind="malformed"),
    "FI-18": errors_before_accept,
    "FI-19": throttled,
    "FI-20": down_for_half_an_hour,
    "FI-22": one_request_an_attempt,
}
