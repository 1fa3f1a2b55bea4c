"""Summaries by e-mail while workers die that write or send them (FI-D1 to FI-D6), and while the mail server will not have them (FI-D7).

Each reader gets one a day with all that was said to them that day. Whoever is killed in the middle of sending leaves those of one step
in doubt; a summary goes out at most once, so these end as unknown.
"""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from channels_ace.api import Attempt, Delivery
from faults.cluster import free_port
from faults.crew import Job
from faults.people import make_readers
from faults.points import DIGEST_WORDS
from faults.scene import Fault, Row, Scene, close_unknowns
from notifications.api import notify
from notifications.digest import DIGEST
from notifications.models import Cadence, EmailCadence
from tests.channels_ace.saying import let_leases_end
from tests.factories import NOW

State = Delivery.State
READERS, SAID = 60, 2
DAY = timedelta(days=1)
# Everybody here lives in UTC.
FIVE = NOW.replace(hour=17)
# Where a death is after the commit: so few at a time that somebody is left to gather for whoever comes next.
GATHERED = 2
BUILDING = ("D1", "D2", "D3")


def bring_readers(scene: Scene) -> Sequence[int]:
    """This function will give people with an e-mail address, who want a summary of discussions every day."""
    readers = make_readers(READERS)
    EmailCadence.objects.bulk_create(
        EmailCadence(user_id=reader, scope="discussion", cadence=Cadence.DAILY, changed_at=NOW) for reader in readers
    )
    return readers


def say_daily(readers: Sequence[int], day: int) -> datetime:
    """This function will say something to them on a day, and give the time at which that day's summary is due."""
    for number in range(SAID):
        context = {"replier_name": "lee", "post_title": f"Question {day}.{number}", "course_name": "Science"}
        at = NOW + day * DAY + timedelta(minutes=number)
        notify(type="discussion.new_response", audience=list(readers), context=context, channels=["email"], now=at)
    return FIVE + day * DAY


def waiting(now: datetime) -> int:
    """This function will count what has waited long enough, or is to be sent."""
    return Delivery.objects.filter(state__in=Delivery.WAITING, due_at__lte=now).count()


def expect_summaries(scene: Scene, readers: Sequence[int], days: int) -> None:
    """This function will hold the summaries against what was said, and against what the mail server took."""
    summaries = Delivery.objects.filter(message__type=DIGEST)
    by_reader = Counter(summaries.values_list("user_id", flat=True))
    scene.expect(by_reader == dict.fromkeys(readers, days), f"{by_reader.total()} summaries, not {days} for each of {len(readers)}")
    made_on = dict(summaries.values_list("message_id", "created_at__date"))
    said = list(Delivery.objects.exclude(message__type=DIGEST).values_list("state", "digest_id", "created_at__date"))
    left_out = sum(state != State.IN_DIGEST or made_on.get(digest or 0) != day for state, digest, day in said)
    scene.expect(len(said) == SAID * days * len(readers), f"{len(said)} said, not {SAID * days * len(readers)}")
    scene.expect(not left_out, f"{left_out} are in no summary of their day")
    incomplete = [entry["body"] for entry in scene.doubles.ledger.entries() if entry["body"] != f"Your day: {SAID} notifications"]
    scene.expect(not incomplete, f"{len(incomplete)} summaries of less than a day: {incomplete[:2]}")


def kill_at(point: str) -> Fault:
    def fault(scene: Scene) -> Row:
        scene.begin()
        kills, days, moments = scene.times(25, 100), 0, random.Random(point)
        gathered = GATHERED if point == "D3" else 0
        readers = bring_readers(scene)
        while scene.crew.ended < kills and days < kills:
            five = say_daily(readers, days)
            days += 1
            # Enough for both to reach their moment: who does not would wait for the lease of the other, who died.
            while scene.crew.ended < kills and waiting(five) > len(readers) // 4:
                after = [1 if point in BUILDING else moments.randint(1, 4) for _ in range(min(2, kills - scene.crew.ended))]
                scene.crew.run_together([Job(now=five, point=point, after=number, people=gathered, limit=5) for number in after])
                let_leases_end()
            scene.finish_work(five)
        scene.expect(scene.crew.ended == kills, f"{scene.crew.ended} kills, not {kills}")
        unknown = Delivery.objects.filter(state=State.UNKNOWN).count()
        # A step is 1, 2, then 4 mails: nobody lives to begin a longer one.
        most = 0 if point in BUILDING else 4 * kills
        scene.expect(unknown <= most, f"{unknown} unknown, at most {most}")
        close_unknowns(scene)
        expect_summaries(scene, readers, days)
        return scene.row(f"FI-{point} summaries: {DIGEST_WORDS[point]}", f"{kills} kills")

    return fault


def refuse_mail(scene: Scene) -> Row:
    """This function will have the mail server be away, then refuse one mail after the other: what it did not take is not called sent."""
    scene.begin()
    readers = bring_readers(scene)
    five = say_daily(readers, 0)
    summaries = Delivery.objects.filter(message__type=DIGEST)
    scene.crew.run(Job(now=five, settings={"EMAIL_PORT": free_port()}))
    scene.expect(summaries.filter(state=State.READY, reason="refused").count() == len(readers), "not all wait for the server to come back")
    refused = len(readers) * 3 // 2
    scene.doubles.faults.script("smtp", "throttle", times=refused)
    for seconds in (10, 60, 300, 1200, 4000):
        scene.crew.run_together([Job(now=five + timedelta(seconds=seconds))] * 2)
        delivery_of = {str(token): key for token, key in Attempt.objects.values_list("token", "delivery_id")}
        taken = {delivery_of[entry["token"]] for entry in scene.doubles.ledger.entries() if entry["accepted"]}
        sent = set(summaries.filter(state=State.ACCEPTED).values_list("pk", flat=True))
        scene.expect(sent == taken, f"{len(sent - taken)} called sent and not taken, {len(taken - sent)} taken and not called sent")
    scene.finish_work(five + timedelta(seconds=4000))
    requests = len(scene.doubles.ledger.entries())
    scene.expect(requests == refused + len(readers), f"{requests} mails handed over, not {refused + len(readers)}")
    expect_summaries(scene, readers, 1)
    return scene.row("FI-D7 summaries: mail server away, then refuses", f"{len(readers)} + {refused} refusals")


FAULTS: dict[str, Fault] = {**{f"FI-{point}": kill_at(point) for point in DIGEST_WORDS}, "FI-D7": refuse_mail}
