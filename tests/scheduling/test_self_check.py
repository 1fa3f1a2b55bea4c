import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command

from channels_ace.models import Delivery
from scheduling.api import report_zone, tick
from scheduling.models import NudgeDecision
from scheduling.self_check import find_gaps
from studies.api import pause
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, run_hours

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
FOURTH = date(2026, 1, 14)
DAY = timedelta(days=1)


def test_when_beat_ticked_nothing_is_missing() -> None:
    study = make_study(ENROLLED)
    for zone in ("America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"):
        join(study, ENROLLED, zone=zone)
    run_hours(ENROLLED, 24 * 5)

    assert find_gaps(ENROLLED + 5 * DAY) == []


def test_a_day_without_beat_is_reported_with_whom_it_concerns() -> None:
    study = make_study(ENROLLED)
    for _ in range(3):
        join(study, ENROLLED)
    paused = join(study, ENROLLED)
    pause(paused, now=ENROLLED)
    tick(noon(FOURTH - DAY))

    (gap,) = find_gaps(noon(FOURTH) + DAY)

    assert (gap.kind, gap.rule, gap.time_zone, gap.local_date, gap.people) == ("missed_run", "missed", "America/New_York", FOURTH, 3)
    out = StringIO()
    with time_machine.travel(noon(FOURTH) + DAY, tick=False), pytest.raises(SystemExit) as ended:
        call_command("check_nudges", stdout=out)
    assert ended.value.code == 1
    assert json.loads(out.getvalue())["people"] == 3


def test_who_was_not_decided_about_and_what_nobody_sent_is_reported() -> None:
    study = make_study(ENROLLED)
    join(study, ENROLLED)
    tick(noon(FOURTH - DAY))
    NudgeDecision.objects.all().delete()
    Delivery.objects.filter(channel="sms").delete()

    gaps = find_gaps(noon(FOURTH))

    assert sorted(gap.kind for gap in gaps) == ["undecided", "unsent"]


def test_who_came_later_or_from_elsewhere_is_not_missed() -> None:
    study = make_study(ENROLLED)
    join(study, ENROLLED)
    traveller = join(study, ENROLLED, zone="America/Los_Angeles")
    tick(noon(FOURTH))
    join(study, noon(FOURTH) + timedelta(hours=1))
    report_zone(traveller.user_id, "America/New_York", noon(FOURTH) + timedelta(minutes=90))

    assert find_gaps(noon(FOURTH) + DAY) == []
