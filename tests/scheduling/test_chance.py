import datetime as dt
import itertools
import json
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_ace.local_time import ZONES
from scheduling.burst_calendar import bursts, random_times, sessions
from scheduling.event_dates import burst_offsets
from studies.chance import draw, draw_between
from studies.protocol import SCHEMA_PATH, BurstSeries, Protocol, RandomTimes, parse

PUBLISHED = {
    protocol["id"]: protocol
    for protocol in json.loads((Path(__file__).parents[1] / "data" / "published_protocols.json").read_text(encoding="utf-8"))["protocols"]
}
DAY = dt.timedelta(days=1)
FRIDAY = dt.date(2025, 12, 12)
NEW_YORK = ZoneInfo("America/New_York")


def load(name: str) -> Protocol:
    return parse(json.loads((SCHEMA_PATH.parents[1] / "protocols" / f"{name}.json").read_text(encoding="utf-8")))


DAS_FRIEBEL, HEARTSTEPS, FACTORS = load("das_friebel"), load("heartsteps_u01"), load("ema_factors")
zones = st.sampled_from(sorted(ZONES)).map(ZoneInfo)
dates = st.dates(dt.date(2025, 1, 1), dt.date(2035, 12, 31))


def minute(time: dt.time) -> int:
    return time.hour * 60 + time.minute


def test_what_is_drawn_never_changes() -> None:
    assert draw("seed", "session", 1) == 0.07078583043290065
    assert [draw_between(1, 6, "seed", number) for number in range(8)] == [3, 6, 3, 3, 6, 3, 4, 6]


def test_every_number_of_a_range_is_as_likely() -> None:
    drawn = Counter(draw_between(-30, 29, str(seed), "x") for seed in range(60_000))

    assert sorted(drawn) == list(range(-30, 30))
    assert all(850 < times < 1150 for times in drawn.values())


def test_das_friebel_has_the_published_numbers() -> None:
    published = PUBLISHED["das_friebel"]

    found = sessions(DAS_FRIEBEL, FRIDAY, None, NEW_YORK, FRIDAY, FRIDAY + 100 * DAY, seed="someone")

    assert len(found) == published["expected"]["sessions_total"]
    assert {session.closes_at - session.opens_at for session in found} == {dt.timedelta(minutes=published["response_window_minutes"])}


@settings(deadline=None, max_examples=200)
@given(zone=zones, enrolled=dates, seed=st.text(min_size=1, max_size=22))
def test_each_day_has_six_random_prompts_in_the_weekdays_window_an_hour_apart(zone: ZoneInfo, enrolled: dt.date, seed: str) -> None:
    found = sessions(DAS_FRIEBEL, enrolled, None, zone, enrolled, enrolled + 14 * DAY, seed=seed)

    by_day = {
        date: [session.opens_at.astimezone(zone) for session in day] for date, day in itertools.groupby(found, key=lambda it: it.date)
    }
    assert len(by_day) == 14
    for date, times in by_day.items():
        opens = dt.time(8) if date.isoweekday() < 6 else dt.time(10)
        assert len(times) == 6
        assert all(opens <= time.time() < dt.time(22) and time.date() == date for time in times)
        assert all(
            later.replace(tzinfo=None) - one.replace(tzinfo=None) >= dt.timedelta(hours=1) for one, later in itertools.pairwise(times)
        )


def test_a_gap_is_never_violated_over_ten_thousand_seeds_and_every_minute_is_used() -> None:
    design = RandomTimes(4, 60, ((5, 480, 780),))
    used: Counter[int] = Counter()

    for seed in range(10_000):
        times = [minute(time) for time in random_times(design, FRIDAY, str(seed))]
        assert all(later - one >= 60 for one, later in itertools.pairwise(times))
        used.update(times)

    assert set(used) == set(range(480, 780))


def test_a_weekday_without_a_window_has_no_prompts() -> None:
    assert random_times(RandomTimes(4, 60, ((1, 480, 780),)), FRIDAY, "someone") == []


def test_reading_a_day_alone_draws_the_same_times() -> None:
    whole = sessions(DAS_FRIEBEL, FRIDAY, None, NEW_YORK, FRIDAY, FRIDAY + 14 * DAY, seed="someone")
    by_day = [
        session
        for day in range(14)
        for session in sessions(DAS_FRIEBEL, FRIDAY, None, NEW_YORK, FRIDAY + day * DAY, FRIDAY + (day + 1) * DAY, seed="someone")
    ]

    assert whole == by_day
    assert whole != sessions(DAS_FRIEBEL, FRIDAY, None, NEW_YORK, FRIDAY, FRIDAY + 14 * DAY, seed="someone else")


@settings(deadline=None, max_examples=500)
@given(enrolled=dates, seed=st.text(max_size=22))
def test_heartsteps_bursts_keep_the_published_property(enrolled: dt.date, seed: str) -> None:
    found = [burst for burst in bursts(HEARTSTEPS, enrolled, seed=seed) if burst.series_id == "survey"]

    offsets = [(burst.start_date - enrolled).days for burst in found]
    assert len(offsets) == 4
    assert all(90 * number - 30 <= offset < 90 * number + 30 for number, offset in enumerate(offsets, start=1))
    assert all(later - one >= 60 for one, later in itertools.pairwise(offsets))
    assert offsets[-1] + 7 <= 365


@pytest.mark.parametrize(("jitter", "gap", "interval"), [(30, 90, 90), (30, 60, 90), (44, 2, 60), (1, 1, 14)])
def test_jitter_reaches_every_start_that_it_may_and_no_other(jitter: int, gap: int, interval: int) -> None:
    series = BurstSeries("b", "enrollment", 3, interval, 1, jitter, 1, 1, jitter_days=jitter, min_gap_days=gap)
    bounds = series.start_bounds()

    drawn = [burst_offsets(series, str(seed)) for seed in range(20_000)]

    for number, (low, high) in enumerate(bounds):
        reached = {offsets[number] for offsets in drawn}
        assert reached <= set(range(low, high + 1))
        assert number or reached == set(range(low, high + 1))
    assert all(later - one >= gap for offsets in drawn for one, later in itertools.pairwise(offsets))


def test_outside_bursts_one_activity_survey_in_five_takes_place_and_inside_every_one() -> None:
    asked: Counter[tuple[str, bool]] = Counter()
    for seed in range(200):
        bursts_of_one = [burst for burst in bursts(HEARTSTEPS, FRIDAY, seed=str(seed)) if burst.series_id == "survey"]
        for session in sessions(HEARTSTEPS, FRIDAY, None, NEW_YORK, FRIDAY, FRIDAY + 365 * DAY, seed=str(seed)):
            inside = any(burst.start_date <= session.date < burst.end_date for burst in bursts_of_one)
            asked[session.schedule_id, inside] += 1

    assert asked["in-burst", True] == 200 * 4 * 7 * 5
    assert asked["in-burst", False] == asked["outside", True] == 0
    assert 0.19 < asked["outside", False] / (200 * (365 - 28)) < 0.21


@pytest.mark.parametrize(("group", "total"), [("random_2", 56), ("random_4", 112), ("fixed_2", 56), ("fixed_4", 112)])
def test_an_arm_has_its_own_schedule(group: str, total: int) -> None:
    found = sessions(FACTORS, FRIDAY, None, NEW_YORK, FRIDAY, FRIDAY + 28 * DAY, seed="someone", groups={group, "paid_each"})

    assert len(found) == total
    assert {session.schedule_id for session in found} == {group.replace("_", "-")}


def test_who_has_no_arm_has_no_sessions() -> None:
    assert sessions(FACTORS, FRIDAY, None, NEW_YORK, FRIDAY, FRIDAY + 28 * DAY, seed="someone") == []
