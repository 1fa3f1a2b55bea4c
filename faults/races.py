"""People who say STOP, leave a study, want quiet or delete their account while texts go out to them (FI-38)."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from accounts.models import User
from channels_ace.api import Attempt, ContactPoint, Delivery, MessageType
from channels_ace.inbound import receive_text
from faults.crew import Job
from faults.deliveries import ENROLLED, NOON
from faults.people import JOINED, make_crowd, phone
from faults.scene import Fault, Row, Scene
from faults.types import NOTICE, STUDY_TEXT, TEXT
from notifications.resting import pause
from studies.api import Enrollment, withdraw
from tests.channels_ace.saying import say
from tests.factories import NOW
from tests.scheduling.worlds import join, make_study

State = Delivery.State
# One request may be on its way when the STOP is stored.
CALL_SECONDS = 10
Act = Callable[[Sequence[int]], None]


def race(scene: Scene, people: Sequence[int], kind: MessageType, act: Act, *, at_once: int = 1, scope: str = "") -> int:
    """This function will have five in six of the people do something, some before workers send, some meanwhile, and say how many.

    Whoever did it before gets nothing; whoever did it meanwhile may get what was on its way.
    """
    leaving = random.Random(38).sample(sorted(people), len(people) * 5 // 6)
    left_at: dict[int, datetime] = {}
    say(people, kind, scope=scope)
    early = leaving[: len(leaving) // 4]
    leave(early, act, left_at, at_once)
    workers = [scene.crew.start(Job(limit=40)) for _ in range(2)]
    leave(leaving[len(early) :], act, left_at, at_once)
    for worker in workers:
        scene.crew.wait(worker)
    scene.finish_work()
    late = [seconds for seconds in sent_after(scene, left_at) if seconds > CALL_SECONDS]
    scene.expect(not late, f"I6 {len(late)} sent later than {CALL_SECONDS} s afterwards")
    early_ones = Delivery.objects.filter(user_id__in=early, state=State.ACCEPTED).count()
    scene.expect(not early_ones, f"I6 {early_ones} sent to who had said so before")
    stayed = Delivery.objects.filter(state=State.ACCEPTED).exclude(user_id__in=leaving).count()
    scene.expect(stayed == len(people) - len(leaving), f"{stayed} of {len(people) - len(leaving)} who stayed got it")
    return len(leaving)


def leave(leaving: Sequence[int], act: Act, left_at: dict[int, datetime], at_once: int) -> None:
    """This function will have people do it, a few together, and note when that was stored."""
    for start in range(0, len(leaving), at_once):
        some = leaving[start : start + at_once]
        act(some)
        left_at.update(dict.fromkeys(some, datetime.now(UTC)))
        time.sleep(0.002 * len(some))


def sent_after(scene: Scene, left_at: dict[int, datetime]) -> list[float]:
    """This function will list how many seconds after they did it people were sent something."""
    user_of = {str(token): user for token, user in Attempt.objects.values_list("token", "delivery__user_id")}
    found = []
    for entry in scene.doubles.ledger.entries():
        left = left_at.get(user_of.get(entry["token"], 0))
        if left and entry["accepted"]:
            found.append((datetime.fromisoformat(entry["at"]) - left).total_seconds())
    return found


def stop_while_sending(scene: Scene, people: int = 0) -> Row:
    """This function will have people answer STOP."""
    scene.begin()
    crowd = scene.crowd(people or scene.times(600, 600))
    numbers = dict(ContactPoint.objects.filter(user_id__in=crowd).values_list("user_id", "address"))

    def stop(users: Sequence[int]) -> None:
        for user in users:
            receive_text("eum", uuid4().hex, numbers[user], "+12065550100", "STOP", timezone.now())

    times = race(scene, crowd, TEXT, stop)
    return scene.row("FI-38 STOP while texts go out", f"{times} STOPs")


def leave_while_sending(scene: Scene) -> Row:
    """This function will have people withdraw from the study that the texts are of."""
    scene.begin()
    study, crowd = make_study(ENROLLED), scene.crowd(scene.times(600, 600))
    version = study.versions.get()
    Enrollment.objects.bulk_create(
        Enrollment(
            study=study,
            version=version,
            user_id=user,
            code=f"P{user}",
            enrolled_at=NOW,
            enrolled_date=NOW.date(),
            time_zone="UTC",
            consented_at=NOW,
        )
        for user in crowd
    )
    enrollment_of = {enrollment.user_id: enrollment for enrollment in Enrollment.objects.select_related("study")}

    def go(users: Sequence[int]) -> None:
        for user in users:
            withdraw(enrollment_of[user], now=NOW)

    times = race(scene, crowd, STUDY_TEXT, go, scope=study.scope)
    return scene.row("FI-38 withdrawal while a study's texts go out", f"{times} withdrawals")


def rest_while_sending(scene: Scene) -> Row:
    """This function will have people pause everything for a week."""
    scene.begin()

    def rest(users: Sequence[int]) -> None:
        for user in users:
            pause(user, NOW + timedelta(days=7), now=NOW)

    times = race(scene, scene.crowd(scene.times(600, 600)), NOTICE, rest)
    return scene.row("FI-38 pause while notices go out", f"{times} pauses")


def delete_while_sending(scene: Scene) -> Row:
    """This function will have people delete their accounts."""
    scene.begin()
    people = make_crowd(scene.times(600, 600), first=50_000)
    times = race(scene, people, TEXT, lambda users: User.objects.filter(pk__in=users).delete() and None, at_once=25)
    row = scene.row("FI-38 account deleted while texts go out", f"{times} deletions")
    User.objects.filter(pk__in=people).delete()
    return row


def withdraw_while_nudging(scene: Scene) -> Row:
    """This function will withdraw half of a study's participants around the moment at which the planner nudges them."""
    scene.begin()
    study = make_study(ENROLLED)
    people = [join(study, ENROLLED, phone=phone(JOINED + number)) for number in range(scene.times(30, 300))]
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


FAULTS: dict[str, Fault] = {
    "FI-38-stop": stop_while_sending,
    "FI-38-study": leave_while_sending,
    "FI-38-pause": rest_while_sending,
    "FI-38-account": delete_while_sending,
    "FI-38-nudges": withdraw_while_nudging,
}
