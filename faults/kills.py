"""Processes killed with SIGKILL: at each of the fourteen points (FI-01, FI-02), at random (FI-03), by a poison row (FI-06)."""

import random
import time

from channels_ace.api import Delivery
from faults.crew import Job, end, state_of
from faults.deliveries import events_for, serve_web, work_by_celery
from faults.planners import kill_planners
from faults.points import WORDS
from faults.scene import Fault, Row, Scene, close_unknowns
from tests.channels_ace.saying import let_leases_end, say
from tests.factories import NOW

State = Delivery.State
SENDING = ("K4", "K5", "K6", "K7", "K8", "K9", "K10", "K11")
IN_DOUBT = {"K7", "K8", "K9", "K10", "K11"}
# One event is enough to prove that a text was taken.
ARRIVES = ("TEXT_DELIVERED",)
# Of these the provider has a text when the worker dies, and can prove it.
TAKEN = {"K9", "K10", "K11"}


def kill_senders(scene: Scene, point: str, kills: int) -> None:
    """This function will kill workers at a point until that many are dead; there is always something to send."""
    moments = random.Random(point)
    for _ in range(2 * kills):
        if scene.crew.ended >= kills:
            return
        # Enough for both to reach their moment: who does not would wait for the lease of the other, who died.
        if Delivery.objects.filter(state__in=Delivery.WAITING).count() < 50:
            say(scene.people[:60])
        # Each does some work first: a row that sees nothing but dying workers is poison, and set aside.
        dying = [Job(point=point, after=moments.randint(2, 5), limit=5) for _ in range(min(2, kills - scene.crew.ended))]
        scene.crew.run_together(dying)
        let_leases_end()
    scene.expect(False, f"{scene.crew.ended} kills at {point}, not {kills}")


def kill_at(point: str) -> Fault:
    def fault(scene: Scene) -> Row:
        scene.begin()
        scene.doubles.receipts.script(to_queue=True, story=ARRIVES)
        kills = scene.times(25)
        kill_senders(scene, point, kills)
        scene.finish_work(with_events=True)
        unexplained = Delivery.objects.filter(state=State.UNKNOWN).count()
        never_taken = kills if point in IN_DOUBT - TAKEN else 0
        scene.expect(unexplained == never_taken, f"{unexplained} unknown though events came, not {never_taken}")
        close_unknowns(scene)
        return scene.row(f"FI-01 {point} {WORDS[point]}", f"{scene.crew.ended or kills} kills")

    return fault


def kill_without_events(scene: Scene) -> Row:
    """This function will do the same with a provider that tells nothing afterwards: each kill in doubt is one unknown, exactly.

    At K6 it may be one: the answer of the text before is recorded in the transaction that commits the attempt, and is lost with it.
    """
    scene.begin()
    kills, done, expected = scene.times(10), 0, 0
    for point in SENDING:
        kill_senders(scene, point, done + kills)
        done += kills
        scene.finish_work()
        unknown = Delivery.objects.filter(state=State.UNKNOWN).count() - expected
        holds = unknown <= kills if point == "K6" else unknown == kills * (point in IN_DOUBT)
        scene.expect(holds, f"{unknown} unknown after {kills} kills at {point}")
        expected += unknown
    close_unknowns(scene)
    return scene.row("FI-02 the same without events (K4-K11)", f"{done} kills")


def kill_at_random(scene: Scene) -> Row:
    """This function will have four workers, one of which dies every now and then."""
    scene.begin()
    scene.doubles.receipts.script(to_queue=True, story=ARRIVES)
    moments, until, kills = random.Random(20260302), time.monotonic() + scene.times(25, 600), 0
    workers = [scene.crew.start(Job(seconds=600)) for _ in range(4)]
    while time.monotonic() < until:
        if Delivery.objects.filter(state__in=Delivery.WAITING).count() < 100:
            say(scene.people[:250])
        time.sleep(moments.uniform(0.2, 0.6))
        number = moments.randrange(4)
        kills += bool(state_of(workers[number]))
        end(workers[number])
        let_leases_end_of_the_dead(scene, workers, number)
    for worker in workers:
        end(worker)
    scene.finish_work(with_events=True)
    taken = {entry["token"] for entry in scene.doubles.ledger.entries() if entry["accepted"]}
    unexplained = Delivery.objects.filter(state=State.UNKNOWN, attempts__token__in=taken).count()
    scene.expect(not unexplained, f"{unexplained} unknown though events came")
    unknown = Delivery.objects.filter(state=State.UNKNOWN).count()
    scene.expect(unknown <= kills, f"{unknown} unknown after {kills} kills")
    close_unknowns(scene)
    return scene.row("FI-03 random kills among four workers", f"{kills} kills")


def let_leases_end_of_the_dead(scene: Scene, workers: list[int], number: int) -> None:
    """This function will bring a new worker for a dead one. Leases end for the living, too: their fences hold them back."""
    let_leases_end()
    workers[number] = scene.crew.start(Job(seconds=600))


def kill_celery(point: str) -> Fault:
    def fault(scene: Scene) -> Row:
        scene.begin()
        kills = scene.times(25, 100)
        work_by_celery(scene, kills, point)
        return scene.row(f"FI-01 {point} {WORDS[point]}", f"{kills} kills")

    return fault


def kill_webhook(point: str) -> Fault:
    def fault(scene: Scene) -> Row:
        scene.begin()
        kills = scene.times(25)
        texts = 2 * kills
        for start in range(0, texts, len(scene.people)):
            say(scene.people[: texts - start])
        scene.crew.drain()
        with scene.draining():
            serve_web(scene, events_for(scene), kills, point)
        arrived = Delivery.objects.filter(state=State.DELIVERED).count()
        scene.expect(arrived == texts, f"{arrived} of {texts} delivered")
        return scene.row(f"FI-01 {point} {WORDS[point]}", f"{kills} kills")

    return fault


def poison(scene: Scene) -> Row:
    """This function will have rows among others that kill whoever prepares them, and let workers come until nothing is due."""
    scene.begin()
    rows = scene.times(3, 10)
    everyone = scene.people[:300]
    say(everyone)
    poisonous = everyone[7 :: 300 // rows][:rows]
    deaths = 0
    with scene.draining():
        while Delivery.objects.filter(state__in=[*Delivery.WAITING, State.SENDING], due_at__lte=NOW).exists() and deaths < 200:
            let_leases_end()
            deaths += scene.crew.run(Job(point="poison", name=",".join(map(str, poisonous)), limit=500))
    dead = set(Delivery.objects.filter(state=State.DEAD, reason="poison").values_list("user_id", flat=True))
    scene.expect(dead == set(poisonous), f"{len(dead)} set aside, not {rows}")
    sent = Delivery.objects.filter(state=State.ACCEPTED).count()
    scene.expect(sent == len(everyone) - rows, f"{sent} of the others sent")
    return scene.row("FI-06 rows that kill their worker", f"{rows} rows, {deaths} deaths")


FAULTS: dict[str, Fault] = {
    **{f"FI-01-{point}": kill_planners(point) for point in ("K1", "K2")},
    "FI-01-K3": kill_celery("K3"),
    **{f"FI-01-{point}": kill_at(point) for point in SENDING},
    "FI-01-K12": kill_celery("K12"),
    **{f"FI-01-{point}": kill_webhook(point) for point in ("K13", "K14")},
    "FI-02": kill_without_events,
    "FI-03": kill_at_random,
    "FI-06": poison,
}
