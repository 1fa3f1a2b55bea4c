"""On to the next burst, whether or not a rule looks at it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from scheduling.api import report_zone, tick
from scheduling.models import Place, PlannerRow
from scheduling.monitoring import count_participants, monitored
from scheduling.planner import replan
from scheduling.rolling import live_places, roll_places
from scheduling.self_check import find_gaps
from studies.api import Study
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
FIRST = date(2026, 1, 10)
DAY = timedelta(days=1)


def without_rules(**extra: Any) -> dict[str, Any]:
    return mpower_document() | {"nudges": []} | extra


def roll(now: datetime) -> int:
    return roll_places(live_places(), now)


def standing() -> list[tuple[int, date, bool]]:
    return list(PlannerRow.objects.order_by("pk").values_list("burst", "burst_start", "is_eligible"))


def test_without_rules_people_go_on_to_each_next_burst_and_out_of_the_last() -> None:
    study = make_study(ENROLLED, without_rules())
    join(study, ENROLLED)
    seen = {}

    for day in (15, 20, 105, 115, 700, 725, 745, 750):
        tick(noon(FIRST + day * DAY))
        seen[day] = standing()[0]

    # Days may be added up to the 19th: until then the burst is the one that is shown.
    assert [seen[day][0] for day in (15, 20, 105, 115, 700, 725)] == [1, 2, 2, 3, 9, 9]
    assert (seen[745], seen[750]) == ((9, FIRST + 728 * DAY, True), (9, FIRST + 728 * DAY, False))


def test_the_researcher_sees_them_in_their_second_burst() -> None:
    study = make_study(ENROLLED, without_rules())
    join(study, ENROLLED)
    now = noon(FIRST + 94 * DAY)
    tick(now - 60 * DAY)

    tick(now)

    assert count_participants(study, now)["in_burst"] == 1
    assert [row.day for row in monitored(study, now)] == [3]
    assert find_gaps(now) == []


def test_the_last_zone_reported_in_a_burst_is_taken_when_it_is_over() -> None:
    enrollment = join(make_study(ENROLLED, without_rules(time_zone_policy="pin_for_burst")), ENROLLED)
    report_zone(enrollment.user_id, "Asia/Tokyo", ENROLLED + 4 * DAY)

    tick(noon(FIRST + 20 * DAY))

    enrollment.refresh_from_db()
    assert enrollment.time_zone == "Asia/Tokyo"


def test_a_series_that_only_an_events_rule_stands_beside_goes_on_too() -> None:
    rule = mpower_document()["nudges"][1] | {"event": "enrollment", "lead_days": 0}
    document = without_rules(nudges=[{name: value for name, value in rule.items() if name not in ("series", "first_burst")}])
    join(make_study(ENROLLED, document), ENROLLED)

    tick(noon(FIRST + 30 * DAY))

    assert dict(PlannerRow.objects.values_list("track", "burst"))[0] == 2


def test_it_is_done_once_a_local_date_and_by_one_planner() -> None:
    join(make_study(ENROLLED, without_rules()), ENROLLED)
    over = noon(FIRST + 20 * DAY)

    assert [roll(over), roll(over), roll(over + DAY)] == [1, 0, 0]
    assert Place.objects.get().rolled_on == FIRST + 21 * DAY


def test_who_comes_to_a_place_whose_days_are_lived_again_goes_on_too() -> None:
    study = make_study(ENROLLED, without_rules())
    join(study, ENROLLED)
    roll(noon(FIRST + 200 * DAY))
    newcomer = join(study, ENROLLED, phone="+12065550101")

    roll(noon(FIRST + 20 * DAY))

    assert PlannerRow.objects.get(enrollment=newcomer).burst == 2


def test_what_was_missed_while_beat_was_away_is_made_up_for_and_noticed() -> None:
    study = make_study(ENROLLED, without_rules())
    first, second = join(study, ENROLLED), join(study, ENROLLED, phone="+12065550101")
    now = noon(FIRST + 210 * DAY)

    (gap,) = find_gaps(now)
    tick(now)

    assert (gap.kind, gap.rule, gap.time_zone, gap.people) == ("not_moved_on", "", "America/New_York", 2)
    assert find_gaps(now) == []
    rolled = standing()
    replan([first.pk, second.pk], now)
    assert rolled == standing() == [(4, FIRST + 273 * DAY, True)] * 2


def test_a_paused_study_stands_still() -> None:
    study = make_study(ENROLLED, without_rules())
    join(study, ENROLLED)
    Study.objects.filter(pk=study.pk).update(state=Study.State.PAUSED)

    assert roll(noon(FIRST + 30 * DAY)) == 0

    Study.objects.filter(pk=study.pk).update(state=Study.State.LIVE)
    assert roll(noon(FIRST + 30 * DAY)) == 1
