"""A database that comes back as it was a minute ago, while providers remember what they took meanwhile (FI-14)."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F

from channels_ace.api import Attempt, ContactPoint, Delivery, quarantine
from faults.cluster import NAME
from faults.crew import Job
from faults.deliveries import ENROLLED, NOON, NOON_TOGETHER
from faults.planners import bring
from faults.scene import Fault, Row, Scene, close_unknowns
from faults.types import BULK, CODE
from scheduling.restored import close_lost_runs
from tests.channels_ace.saying import let_leases_end, say
from tests.fakes.ledger import digest_of
from tests.scheduling.worlds import make_study

State = Delivery.State
SNAPSHOT = f"{NAME}_snapshot"
MINUTE = timedelta(minutes=1)
# Texts that are due, and how many of them go out before the snapshot and after it; the rest has not been sent by anybody.
TEXTS, BEFORE, AFTER = 200, 60, 80
FOR_LATER = 10


def lose_a_minute(scene: Scene, *, is_told: bool = True) -> Row:
    """This function will take a snapshot, go on with texts, nudges, codes and a worker that dies, and put the snapshot back.

    Where `is_told`, it is done then what `manage.py after_restore` does. Nobody may get twice what goes out at most once.
    """
    scene.begin()
    times, lost, doubled = scene.times(1, 5), 0, 0
    study, coded = make_study(ENROLLED), scene.people[-1]
    of_coded = digest_of(ContactPoint.objects.get(user_id=coded).address)
    for number in range(times):
        now, told = NOON + 10 * number * MINUTE, len(scene.doubles.ledger.entries())
        due = bring(study, ENROLLED, NOON_TOGETHER[2 * number :][:2], each=5)
        say(scene.people[:TEXTS], BULK, now)
        say(scene.people[TEXTS:][:FOR_LATER], BULK, now, send_after=now + 5 * MINUTE)
        say([coded], CODE, now, channels=["sms"])
        scene.crew.run(Job(now=now, lane="bulk", limit=BEFORE, rounds=1))
        known = len(scene.doubles.ledger.entries())
        take_snapshot(scene)
        scene.crew.run_together([Job(do="tick", now=now, lane="nudges"), Job(now=now, lane="urgent")])
        scene.expect(len(scene.doubles.ledger.entries()) == known + due + 1, f"not {due} nudges and a code sent in what is lost")
        scene.crew.run(Job(now=now, lane="bulk", limit=AFTER, rounds=1))
        scene.crew.run(Job(now=now, lane="bulk", limit=10, point="K10", after=3))
        lost += len(scene.doubles.ledger.entries()) - known
        put_back(scene)
        come_back(scene, now + MINUTE, is_told=is_told)
        scene.finish_work(now + 6 * MINUTE)
        got = Counter(entry["to_digest"] for entry in scene.doubles.ledger.entries()[told:] if entry["accepted"])
        scene.expect(got.pop(of_coded, 0) == 2, "the code was not sent again")
        doubled += got.total() - len(got)
    in_time = Delivery.objects.filter(state=State.ACCEPTED, due_at__gt=F("created_at") + MINUTE).count()
    scene.expect(in_time == times * FOR_LATER, f"{in_time} of {times * FOR_LATER} sent that were for later")
    unknown = Delivery.objects.filter(state=State.UNKNOWN, reason="restored").count()
    scene.expect(unknown == times * (TEXTS - BEFORE), f"{unknown} unknown, not {times * (TEXTS - BEFORE)}")
    scene.expect(not doubled, f"I1 {doubled} got something twice")
    close_unknowns(scene)
    known_tokens = {str(token) for token in Attempt.objects.values_list("token", flat=True)}
    strange = sum(entry["token"] not in known_tokens for entry in scene.doubles.ledger.entries())
    scene.expect(strange == lost, f"I3 {strange} sent without an attempt, and {lost} while it was lost")
    row = scene.row(f"FI-14 snapshot put back ({lost} requests after it forgotten)", f"{times} times")
    # What was sent in what is lost has no attempt: that is what it is about.
    return replace(row, doubled=doubled, broken=[line for line in row.broken if not line.startswith("I3 sent without an attempt")])


def take_snapshot(scene: Scene) -> None:
    """This function will keep the database as it is now."""
    connection.close()
    scene.cluster.execute(f"CREATE DATABASE {SNAPSHOT} TEMPLATE {NAME}", database="postgres")


def put_back(scene: Scene) -> None:
    """This function will have the database as it was when it was kept; whoever was connected is cut off."""
    connection.close()
    scene.cluster.execute(f"DROP DATABASE {NAME} WITH (FORCE)", database="postgres")
    scene.cluster.execute(f"ALTER DATABASE {SNAPSHOT} RENAME TO {NAME}", database="postgres")


def come_back(scene: Scene, now: datetime, *, is_told: bool) -> None:
    """This function will have two planners and workers come back, after an operator has said what happened."""
    if is_told:
        close_lost_runs(now)
        quarantine(now)
    let_leases_end()
    scene.crew.run_together([Job(do="tick", now=now)] * 2)


FAULTS: dict[str, Fault] = {"FI-14": lose_a_minute}
