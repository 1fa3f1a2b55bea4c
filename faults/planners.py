"""The hourly run of nudges, broken: its planner killed between any two of its writes (FI-P1 to FI-P6), four at once (FI-30), runs that
never came (FI-29), and clocks that are wrong or put forward and back (FI-27, FI-28).

Zero lost and zero doubled means: each nudge has one text that the provider took, each text its nudge, everybody one decision a day.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from channels_ace.api import ZONES, Attempt, Delivery, Message, local_now, parse_zone
from faults.crew import Job
from faults.deliveries import ENROLLED, NOON, NOON_TOGETHER, by_twos
from faults.people import JOINED, phone
from faults.points import PLANNER_WORDS, WORDS
from faults.scene import Fault, Row, Scene
from faults.skews import SKEWS
from scheduling.models import Nudge, NudgeDecision, PlannerRow, RunLedger
from scheduling.self_check import find_gaps
from studies.api import Enrollment, Study
from tests.scheduling.worlds import join, make_study

State = Delivery.State
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NUDGE = "studies.nudge"
# In it there is somebody to remind on the fourth day of a burst.
RULE = "missed"


def bring(study: Study, at: datetime, zones: Sequence[str], *, each: int = 1) -> int:
    """This function will enroll people who do nothing: in each zone so many with a phone, who are due a nudge, and one without."""
    first = Enrollment.objects.count()
    for number, zone in enumerate(zones):
        for place in range(each):
            join(study, at, zone=zone, phone=phone(JOINED + first + number * each + place))
        join(study, at, zone=zone, phone=None)
    return len(zones) * each


def expect_nudges(scene: Scene, nudged: int, decided: int, *, noticed_at: datetime, freed: int = 0) -> None:
    """This function will hold nudges, decisions, runs and the provider's ledger against each other, and ask the self-check what it misses.

    `freed` are nudges beside these that reached nobody in time: their slots were free again.
    """
    nudges = Counter(Nudge.objects.exclude(slot__contains="#").values_list("message_id", "enrollment__user_id"))
    scene.expect(nudges.total() == nudged, f"{nudges.total()} nudges, not {nudged}")
    again = Nudge.objects.filter(slot__contains="#").count()
    scene.expect(again == freed, f"{again} nudges that reached nobody, not {freed}")
    about = {
        str(token): (message, user)
        for token, message, user in Attempt.objects.filter(delivery__message__type=NUDGE).values_list(
            "token", "delivery__message_id", "delivery__user_id"
        )
    }
    taken = Counter(about[entry["token"]] for entry in scene.doubles.ledger.entries() if entry["accepted"] and entry["token"] in about)
    scene.expect(taken == nudges, f"{(nudges - taken).total()} nudges that nobody got, {(taken - nudges).total()} texts without a nudge")
    unsaid = Message.objects.filter(type=NUDGE).exclude(pk__in=Nudge.objects.values("message")).count()
    scene.expect(not unsaid, f"{unsaid} messages without a nudge")
    decisions = NudgeDecision.objects.filter(rule=RULE).count()
    scene.expect(decisions == decided, f"{decisions} decisions, not {decided}")
    counted = sum(RunLedger.objects.values_list("nudged", flat=True))
    scene.expect(counted == nudged + freed, f"the runs say that they nudged {counted}, not {nudged + freed}")
    gaps = find_gaps(noticed_at)
    scene.expect(not gaps, f"the self-check misses {[(gap.kind, gap.people) for gap in gaps]}")


def kill_planners(point: str, kills: int = 0) -> Fault:
    def fault(scene: Scene) -> Row:
        scene.begin()
        # Where a run is lost with its planner, the next one dies of the same; where it was kept, of the next zone's.
        times = kills or scene.times(25, 25 if point == "K2" else 250)
        zones = NOON_TOGETHER[: times if point == "K2" else 3]
        study = make_study(ENROLLED)
        nudged = bring(study, ENROLLED, zones)
        for dying in by_twos(range(times)):
            scene.crew.run_together([Job(do="tick", now=NOON, point=point) for _ in dying])
        scene.expect(scene.crew.ended == times, f"{scene.crew.ended} planners killed, not {times}")
        with scene.draining():
            scene.crew.run(Job(do="tick", now=NOON))
        scene.finish_work(NOON)
        expect_nudges(scene, nudged, nudged + len(zones), noticed_at=NOON + DAY)
        words = f"FI-01 {point} {WORDS[point]}" if point in WORDS else f"FI-{point} planner killed: {PLANNER_WORDS[point]}"
        return scene.row(words, f"{times} kills")

    return fault


def hang_up_at_commit(scene: Scene) -> Row:
    """This function will cut planners' connections right before COMMIT of a run, or right after it, where nobody can tell."""
    scene.begin()
    times = scene.times(20, 20)
    zones = NOON_TOGETHER[:times]
    nudged = bring(make_study(ENROLLED), ENROLLED, zones)
    for numbers in by_twos(range(times)):
        scene.crew.run_together([Job(do="tick", now=NOON, point="before_commit" if number % 2 else "after_commit") for number in numbers])
    scene.expect(scene.crew.ended == times, f"{scene.crew.ended} connections cut, not {times}")
    with scene.draining():
        scene.crew.run(Job(do="tick", now=NOON))
    scene.finish_work(NOON)
    expect_nudges(scene, nudged, nudged + len(zones), noticed_at=NOON + DAY)
    return scene.row("FI-P6 planner's connection cut at COMMIT of a run", f"{times} times")


def several_planners(scene: Scene, planners: int = 4) -> Row:
    """This function will have planners find the same runs due and do them at once, over thousands of people few of whom are due a text."""
    scene.begin()
    study, zones = make_study(ENROLLED), NOON_TOGETHER[:4]
    nudged = bring(study, ENROLLED, zones, each=5)
    others = make_participants(study, zones, scene.times(10_000, 100_000))
    gate = scene.gate()
    with scene.draining():
        scene.crew.run_together([Job(do="tick", now=NOON, gate=gate, together=planners)] * planners)
    scene.expect_met(gate, planners)
    scene.finish_work(NOON)
    expect_nudges(scene, nudged, nudged + len(zones) + others, noticed_at=NOON + DAY)
    return scene.row(f"FI-30 {planners} planners at once", f"{nudged + len(zones) + others:,} people")


def make_participants(study: Study, zones: Sequence[str], size: int) -> int:
    """This function will enroll people without a phone in a few statements: each is decided about, none is texted.

    They are where those who were brought are: on the fourth day of their first burst.
    """
    users = User.objects.bulk_create([User(username=f"planned{number}") for number in range(size)], batch_size=2_000)
    like = PlannerRow.objects.select_related("enrollment").order_by("pk")[0]
    made = Enrollment.objects.bulk_create(
        [
            Enrollment(
                study=study,
                version_id=like.version_id,
                user_id=user.pk,
                code=f"Q{user.pk}",
                enrolled_at=ENROLLED,
                enrolled_date=like.enrollment.enrolled_date,
                time_zone=zones[number % len(zones)],
                consented_at=ENROLLED,
            )
            for number, user in enumerate(users)
        ],
        batch_size=2_000,
    )
    rows = [
        PlannerRow(
            enrollment=one,
            version_id=like.version_id,
            time_zone=one.time_zone,
            burst=like.burst,
            burst_start=like.burst_start,
            is_eligible=True,
        )
        for one in made
    ]
    return len(PlannerRow.objects.bulk_create(rows, batch_size=2_000))


def missed_runs(scene: Scene) -> Row:
    """This function will have beat, or the workers, come late: what is fresh is caught up, what is stale is not sent but reported.

    Each group has its fourth day three weeks after the one before. The last one's nudges are written in time, and left by their worker.
    """
    scene.begin()
    study, zones, each = make_study(ENROLLED), NOON_TOGETHER[:2], 5
    late = [timedelta(minutes=10), timedelta(hours=3, minutes=59), timedelta(hours=4, minutes=1), timedelta(hours=26)]
    noons = [NOON + number * timedelta(weeks=3) for number in range(len(late) + 1)]
    due = [bring(study, noon - (NOON - ENROLLED), zones, each=each) for noon in noons]
    missed = {}
    for noon, after in zip(noons, late, strict=False):
        scene.crew.run(Job(do="tick", now=noon + after))
        if after < DAY:
            scene.crew.run(Job(do="tick", now=noon + DAY))
        missed[after] = [gap.people for gap in find_gaps(noon + DAY + HOUR) if gap.kind == "missed_run"]
    everyone = [each + 1] * len(zones)
    scene.expect(list(missed.values()) == [[], [], everyone, everyone], f"reported as missed: {list(missed.values())}")
    left = noons[-1]
    for _ in zones:
        scene.crew.run(Job(do="tick", now=left, point="K2"))
    scene.crew.run(Job(do="tick", now=left + 4 * HOUR + timedelta(minutes=1)))
    stale = Delivery.objects.filter(message__type=NUDGE, state=State.EXPIRED).count()
    scene.expect(stale == due[-1], f"{stale} of {due[-1]} texts expired")
    scene.crew.run(Job(do="tick", now=left + DAY))
    scene.finish_work(left + DAY)
    in_time = Nudge.objects.filter(local_date__in=[noon.date() for noon in noons]).count()
    scene.expect(in_time == sum(due[:2]) + stale, f"I6 {in_time} nudged on their fourth day")
    # Those of the first two groups and of the last one were decided about on the day after, too.
    expect_nudges(scene, sum(due), 8 * sum(everyone), noticed_at=left + 2 * DAY, freed=stale)
    return scene.row(f"FI-29 runs late by minutes to a day ({2 * sum(everyone)} people reported)", f"{len(noons)} days")


def wrong_clocks(scene: Scene) -> Row:
    """This function will have planners whose clocks are off by minutes and hours tick where it is one o'clock by the database's."""
    scene.begin()
    now = timezone.now()
    zones = [zone for zone in sorted(ZONES) if "/" in zone and local_now(now, parse_zone(zone)).hour == 13][:4]
    nudged = bring(make_study(now - 3 * DAY), now - 3 * DAY, zones, each=scene.times(10, 100))
    with scene.draining():
        scene.crew.run_together([Job(do="beat_once", lane="nudges", skew=skew) for skew in SKEWS])
    expect_nudges(scene, nudged, nudged + len(zones), noticed_at=now + DAY)
    return scene.row("FI-27 planners with clocks off by 5 minutes and 2 hours", f"{len(SKEWS)} planners")


def stepping_clock(scene: Scene) -> Row:
    """This function will put the clock that planners and workers go by forward and back, by an hour to a week, with two of them killed."""
    scene.begin()
    study, zones, each = make_study(ENROLLED), NOON_TOGETHER[:2], 5
    nudged = sum(bring(study, ENROLLED + day * DAY, zones, each=each) for day in range(4))
    moments = [
        (-HOUR, ""),
        (timedelta(minutes=65), "P5"),
        (timedelta(minutes=5), ""),
        (timedelta(minutes=-55), ""),
        (timedelta(minutes=10), ""),
        # Two days ahead, where it is noted, and nobody is told before the clock is put back.
        (2 * DAY + 2 * HOUR, "K2"),
        (DAY + HOUR, ""),
        (2 * DAY + HOUR, ""),
        (2 * DAY + 3 * HOUR, ""),
        (3 * DAY, ""),
        (7 * DAY, ""),
        (timedelta(minutes=20), ""),
        (4 * DAY, ""),
    ]
    for after, point in moments:
        scene.crew.run(Job(do="tick", now=NOON + after, point=point))
    scene.finish_work(NOON + 4 * DAY)
    decided = NudgeDecision.objects.filter(rule=RULE).count()
    expect_nudges(scene, nudged, decided, noticed_at=NOON + 5 * DAY)
    return scene.row("FI-28 the planners' clock put forward and back, by an hour to a week", f"{len(moments)} ticks")


FAULTS: dict[str, Fault] = {
    **{f"FI-{point}": kill_planners(point) for point in PLANNER_WORDS},
    "FI-P6": hang_up_at_commit,
    "FI-30": several_planners,
    "FI-29-late": missed_runs,
    "FI-27-planner": wrong_clocks,
    "FI-28-planner": stepping_clock,
}
