"""Workers whose clocks are wrong (FI-27) or are put back in mid-work (FI-28): the database's is the only one that counts."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from channels_ace.api import Delivery
from faults.crew import Job
from faults.scene import Fault, Row, Scene
from faults.types import ANY_HOUR
from tests.channels_ace.saying import say

State = Delivery.State
SKEWS = (-7200.0, -300.0, 300.0, 7200.0)


def skewed(scene: Scene) -> Row:
    """This function will have four workers who disagree by hours about what time it is."""
    return _with_clocks(scene, "FI-27 clocks off by 5 minutes and 2 hours", [(skew, 0.0) for skew in SKEWS])


def put_back(scene: Scene) -> Row:
    """This function will put the clocks of two workers back by an hour, and of one forward, while they send."""
    return _with_clocks(scene, "FI-28 clocks put back by an hour in mid-work", [(-3600.0, 0.5), (-3600.0, 1.0), (3600.0, 1.5)])


def _with_clocks(scene: Scene, words: str, clocks: Sequence[tuple[float, float]]) -> Row:
    scene.begin()
    now = timezone.now()
    texts = scene.times(200, 200) * len(clocks)
    for start in range(0, texts, 400):
        say(scene.people[: min(400, texts - start)], ANY_HOUR, now)
    # What the database's clock calls too early or too late, and what a worker who is hours off would send.
    early = say(scene.people[400:450], ANY_HOUR, now, send_after=now + timedelta(hours=1))
    stale = say(scene.people[450:], ANY_HOUR, now - timedelta(hours=1), expires_at=now - timedelta(minutes=1))
    with scene.draining():
        for worker in [scene.crew.start(Job(do="lane", lane="nudges", seconds=45, skew=skew, skewed_after=at)) for skew, at in clocks]:
            scene.crew.wait(worker)
    sent = Delivery.objects.filter(state=State.ACCEPTED)
    scene.expect(sent.exclude(message__in=[early.pk, stale.pk]).count() == texts, f"not all of {texts} sent")
    scene.expect(not sent.filter(message=early).count(), f"{sent.filter(message=early).count()} sent an hour too early")
    scene.expect(not sent.filter(message=stale).count(), f"I6 {sent.filter(message=stale).count()} stale texts sent")
    Delivery.objects.filter(message=early, state__in=Delivery.WAITING).update(state=State.CANCELLED, reason="cancelled")
    return scene.row(words, f"{len(clocks)} workers")


FAULTS: dict[str, Fault] = {"FI-27": skewed, "FI-28": put_back}
