from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scheduling.api import replan
from scheduling.models import ActivityEvent, PlannerRow
from studies.api import Enrollment
from tests.scheduling.worlds import join, make_study

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
ZONES = ["America/New_York", "Asia/Kolkata", "Pacific/Apia", "Europe/London", ""]


def plans() -> list[tuple[object, ...]]:
    named = ("enrollment", "track", "version", "time_zone", "burst", "burst_start", "done", "done_count", "is_eligible")
    return sorted(PlannerRow.objects.values_list(*named))


def test_planned_together_people_stand_where_each_would_stand_alone() -> None:
    # given: before, in, between and after their bursts, one of them without consent
    study = make_study(ENROLLED)
    days = [0, 5, 20, 91, 500, 760]
    for number, day in enumerate(days):
        join(study, ENROLLED + timedelta(days=day), zone=ZONES[number % 5], phone=None, consented=day != 5)
    now, ids = ENROLLED + timedelta(days=760, hours=10), list(Enrollment.objects.values_list("pk", flat=True))
    PlannerRow.objects.update(burst=7, done=3, done_count=2, is_eligible=True)

    # when
    assert replan(ids, now) == len(days)
    together = plans()
    ActivityEvent.objects.bulk_create(
        ActivityEvent(enrollment_id=pk, event_id="custom:activityBurst2Start", change="restored", at=now) for pk in ids
    )
    PlannerRow.objects.update(burst=7, done=3, done_count=2, is_eligible=True)
    assert replan(ids, now) == len(days)

    # then
    assert together == plans()
    assert {plan[4] for plan in together} == {1, 4, 9}


def test_many_are_planned_by_as_many_statements_as_few() -> None:
    study = make_study(ENROLLED)
    for number in range(12):
        join(study, ENROLLED, zone=ZONES[number % 2], phone=None)
    ids = list(Enrollment.objects.values_list("pk", flat=True))
    counts = []
    for some in (ids[:2], ids):
        PlannerRow.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            replan(some, ENROLLED)
        counts.append(len(queries))

    assert counts[0] == counts[1] < 10
