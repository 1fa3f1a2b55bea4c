import datetime as dt
import itertools
import json
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_ace.local_time import ZONES, local_date
from scheduling.burst_calendar import Session, bursts, session_window, sessions, window_last_day
from studies.protocol import SCHEMA_PATH, Protocol, parse

DATA = Path(__file__).parents[1] / "data"
CASES = json.loads((DATA / "nudge_cases.json").read_text(encoding="utf-8"))
PUBLISHED = json.loads((DATA / "published_protocols.json").read_text(encoding="utf-8"))["protocols"]
NEW_YORK = ZoneInfo("America/New_York")
FRIDAY = dt.date(2025, 12, 12)
DAY = dt.timedelta(days=1)


def load(name: str) -> Any:
    return json.loads((SCHEMA_PATH.parents[1] / "protocols" / f"{name}.json").read_text(encoding="utf-8"))


MPOWER = parse(load("mpower2"))
ENGAGE = parse(load("engage"))


def with_times(times: list[str], minutes: int = 15) -> Protocol:
    document = load("engage") | {"nudges": []}
    document["schedules"][0]["sessions"][0] |= {"times": times, "window_minutes": minutes}
    return parse(document)


def all_sessions(protocol: Protocol, enrolled: dt.date, zone: ZoneInfo, **options: Any) -> list[Session]:
    return sessions(protocol, enrolled, None, zone, enrolled, enrolled + 1000 * DAY, **options)


def on(date: dt.date, protocol: Protocol, zone: ZoneInfo) -> list[Session]:
    return sessions(protocol, date, None, zone, date, date + DAY)


def test_mpower2_bursts_are_where_the_protocol_was_published_to_have_them() -> None:
    expected = next(protocol for protocol in PUBLISHED if protocol["id"] == "mpower2")["expected"]

    found = bursts(MPOWER, FRIDAY)

    assert [(burst.start_date - FRIDAY).days for burst in found] == expected["burst_start_day_offsets"]
    assert (found[-1].last_date - FRIDAY).days == expected["last_scheduled_day_offset"]
    assert len(all_sessions(MPOWER, FRIDAY, NEW_YORK)) == expected["sessions_total"]
    assert {burst.start_date.weekday() for burst in found} == {FRIDAY.weekday()}
    assert found[1].event_id == "custom:activityBurst2Start"


def test_the_second_burst_of_a_friday_in_december_starts_after_the_clocks_changed_at_local_midnight() -> None:
    second = bursts(MPOWER, FRIDAY)[1]

    first_session = sessions(MPOWER, FRIDAY, None, NEW_YORK, second.start_date, second.end_date)[0]

    assert second.start_date == dt.date(2026, 3, 13)
    assert first_session.opens_at == dt.datetime(2026, 3, 13, 4, tzinfo=dt.UTC)
    assert first_session.closes_at == dt.datetime(2026, 3, 14, 4, tzinfo=dt.UTC)
    assert first_session.extra_tasks == ("studyBurstReminder", "demographics")


@pytest.mark.parametrize("case", CASES["time_zone_cases"], ids=lambda case: case["id"])
def test_a_burst_keeps_its_local_date_and_weekday(case: dict[str, Any]) -> None:
    zone = ZoneInfo(case["zone"])
    enrolled_at = dt.datetime.fromisoformat(case["enrolledLocal"]).replace(tzinfo=zone)
    number = case["weeksLater"] // 13 + 1

    found = bursts(MPOWER, local_date(enrolled_at, zone))

    start = next(burst.start_date for burst in found if burst.number == number)
    assert start == dt.date.fromisoformat(case["requiredLocalDate"])
    assert f"{start:%a}" == case["requiredWeekday"] == case["enrolledWeekday"]


MINUTES = {"PT180M": 180, "PT1440M": 1440, "PT2H": 120, "PT1442M": 1442, "PT3H": 180, "PT49H": 2940, "P3D": 4320, "PT30M": 30}


@pytest.mark.parametrize("case", CASES["window_end_day_cases"], ids=lambda case: case["id"])
def test_a_window_ends_on_the_day_of_its_last_minute(case: dict[str, Any]) -> None:
    time, minutes = dt.time.fromisoformat(case["startTime"]), MINUTES[case["expiration"]]
    opening_date = FRIDAY + case["startDay"] * DAY

    _, closes_at = session_window(opening_date, time, minutes, NEW_YORK)

    assert window_last_day(case["startDay"], time, minutes) == case["expectedEndDay"]
    assert local_date(closes_at - dt.timedelta(minutes=1), NEW_YORK) == FRIDAY + case["expectedEndDay"] * DAY


def test_a_time_that_the_clocks_skip_comes_once_an_hour_later() -> None:
    found = on(dt.date(2026, 3, 8), with_times(["02:30"]), NEW_YORK)

    assert [session.opens_at for session in found] == [dt.datetime(2026, 3, 8, 3, 30, tzinfo=NEW_YORK)]
    assert found[0].closes_at - found[0].opens_at == dt.timedelta(minutes=15)


def test_a_time_that_comes_twice_is_due_once_the_first_time() -> None:
    found = on(dt.date(2026, 11, 1), with_times(["01:30"]), NEW_YORK)

    assert [session.opens_at for session in found] == [dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC)]


@pytest.mark.parametrize(("date", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-06-01", 24)])
def test_an_all_day_session_lasts_as_long_as_the_local_day(date: str, hours: int) -> None:
    session = on(dt.date.fromisoformat(date), MPOWER, NEW_YORK)[0]

    assert session.closes_at - session.opens_at == dt.timedelta(hours=hours)


def test_a_window_of_a_whole_day_ends_at_the_same_wall_time() -> None:
    opens_at, closes_at = session_window(dt.date(2026, 3, 7), dt.time(9), 1440, NEW_YORK)

    assert closes_at - opens_at == dt.timedelta(hours=23)
    assert closes_at.astimezone(NEW_YORK).time() == dt.time(9)


def test_a_session_on_a_date_that_never_was_can_never_be_open() -> None:
    apia = ZoneInfo("Pacific/Apia")

    for protocol in (MPOWER, with_times(["12:00"])):
        (session,) = on(dt.date(2011, 12, 30), protocol, apia)
        assert session.opens_at == session.closes_at


def test_ids_name_series_place_and_never_a_time() -> None:
    before = all_sessions(with_times(["10:00", "14:00"]), FRIDAY, NEW_YORK)
    amended = all_sessions(with_times(["11:00", "14:30"], minutes=45), FRIDAY, NEW_YORK)

    assert [session.id for session in before] == [session.id for session in amended]
    assert before[3].id == "prompt:1:02:1"
    assert all_sessions(MPOWER, FRIDAY, NEW_YORK)[34].id == "daily:3:07:0"


def test_one_moved_and_one_removed_burst_leave_the_others_alone() -> None:
    moved = dt.date(2026, 3, 20)
    overrides = {"custom:activityBurst2Start": moved, "custom:activityBurst3Start": None}

    found = bursts(MPOWER, FRIDAY, overrides)

    assert [burst.number for burst in found] == [1, 2, 4, 5, 6, 7, 8, 9]
    assert found[1].start_date == moved
    assert found[2:] == bursts(MPOWER, FRIDAY)[3:]
    listed = sessions(MPOWER, FRIDAY, overrides, NEW_YORK, FRIDAY, FRIDAY + 1000 * DAY)
    assert len(listed) == 8 * 14
    assert "daily:2:01:0" in {session.id for session in listed if session.date == moved}


def test_a_burst_that_goes_on_has_the_days_added() -> None:
    found = all_sessions(MPOWER, FRIDAY, NEW_YORK, extended={"custom:activityBurst2Start"})

    added = [session for session in found if session.is_extension]
    assert len(found) == 126 + 5
    assert [session.day for session in added] == [15, 16, 17, 18, 19]
    assert {session.burst_number for session in added} == {2}


zones = st.sampled_from(sorted(ZONES)).map(ZoneInfo)
dates = st.dates(dt.date(2025, 1, 1), dt.date(2035, 12, 31))


@settings(deadline=None)
@given(zone=zones, enrolled=dates)
def test_in_every_zone_sessions_follow_each_other_inside_their_bursts(zone: ZoneInfo, enrolled: dt.date) -> None:
    found = all_sessions(MPOWER, enrolled, zone)

    assert len(found) == len({session.id for session in found}) == 126
    for one, following in itertools.pairwise(found):
        assert one.opens_at < one.closes_at <= following.opens_at
    for session in found:
        assert local_date(session.opens_at, zone) == session.date
        assert local_date(session.closes_at - dt.timedelta(microseconds=1), zone) == session.date
    assert {session.date.weekday() for session in found if session.day == 1} == {enrolled.weekday()}


@settings(deadline=None)
@given(zone=zones, enrolled=dates, cuts=st.lists(st.integers(-30, 800), min_size=1, max_size=6))
def test_a_range_read_in_pages_gives_each_session_once(zone: ZoneInfo, enrolled: dt.date, cuts: list[int]) -> None:
    marks = [enrolled + offset * DAY for offset in sorted({-30, *cuts, 800})]

    pages = [sessions(MPOWER, enrolled, None, zone, start, end) for start, end in itertools.pairwise(marks)]

    assert [session for page in pages for session in page] == all_sessions(MPOWER, enrolled, zone)


@settings(deadline=None)
@given(
    zone=zones,
    enrolled=dates,
    count=st.integers(1, 12),
    length=st.integers(1, 20),
    gap=st.integers(0, 60),
    delay=st.integers(0, 30),
)
def test_bursts_of_any_series_are_counted_even_and_never_overlap(
    zone: ZoneInfo, enrolled: dt.date, count: int, length: int, gap: int, delay: int
) -> None:
    document = load("engage") | {"nudges": []}
    interval = {"value": length + gap, "unit": "day"}
    document["burst_series"][0] |= {"count": count, "length_days": length, "delay_days": delay, "interval": interval}
    protocol = parse(document)

    found = bursts(protocol, enrolled)

    assert [burst.number for burst in found] == list(range(1, count + 1))
    assert found[0].start_date == enrolled + delay * DAY
    for one, following in itertools.pairwise(found):
        assert one.end_date <= following.start_date == one.start_date + (length + gap) * DAY
    listed = sessions(protocol, enrolled, None, zone, found[0].start_date, found[-1].end_date)
    assert len(listed) == count * length * 4


RADAR = parse(load("radar_mdd_esm28q"))
TIME = parse(load("time_study"))


def test_radar_bursts_and_prompts_are_where_the_protocol_was_published_to_have_them() -> None:
    published = next(protocol for protocol in PUBLISHED if protocol["id"] == "radar_mdd_esm28q")

    found = [burst for burst in bursts(RADAR, FRIDAY) if burst.series_id == "esm"]
    first = sessions(RADAR, FRIDAY, None, NEW_YORK, found[0].start_date, found[0].end_date)
    prompts = [session for session in first if session.task == "esm28q"]
    by_day = [[f"{session.opens_at.astimezone(NEW_YORK):%H:%M}" for session in prompts if session.day == day] for day in range(1, 7)]

    assert [(burst.start_date - FRIDAY).days for burst in found[:4]] == published["expected"]["first_four_burst_first_prompt_day_offsets"]
    assert len(prompts) == published["expected"]["prompts_per_burst"]
    assert by_day == published["session_times"]
    assert {session.closes_at - session.opens_at for session in prompts} == {dt.timedelta(minutes=15)}
    fortnightly = [burst.start_date for burst in bursts(RADAR, FRIDAY) if burst.series_id == "fortnightly"]
    assert {later - earlier for earlier, later in pairwise(fortnightly)} == {14 * DAY}


def test_time_bursts_are_where_the_protocol_was_published_to_have_them_and_the_watch_asks_on_the_other_days() -> None:
    expected = next(protocol for protocol in PUBLISHED if protocol["id"] == "time_study")["expected"]

    ema = [burst for burst in bursts(TIME, FRIDAY) if burst.series_id == "ema"]
    year = sessions(TIME, FRIDAY, None, NEW_YORK, FRIDAY, FRIDAY + 364 * DAY)
    asked, watched = ({session.date for session in year if session.task == task} for task in ("ema", "micro-ema"))

    assert [(burst.start_date - FRIDAY).days for burst in ema[:5]] == expected["burst_start_day_offsets_first5"]
    assert len(watched) == 26 * expected["non_burst_days_per_cycle"]
    assert (asked & watched, len(asked | watched)) == (set(), 364)
    assert len({session.date for session in year if session.task == "nightly"}) == 364
