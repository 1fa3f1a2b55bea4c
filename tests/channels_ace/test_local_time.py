import datetime as dt
import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_ace.local_time import (
    ZONES,
    UnknownZone,
    Window,
    does_date_exist,
    local_date,
    local_now,
    openings,
    parse_zone,
    to_instant,
)

NEW_YORK = ZoneInfo("America/New_York")
APIA = ZoneInfo("Pacific/Apia")
MINUTE = dt.timedelta(minutes=1)
TEXTS = Window(dt.time(9), dt.time(20))
NIGHT = Window(dt.time(22), dt.time(8))


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def changes_of(zone: ZoneInfo, first_year: int = 2025, last_year: int = 2035) -> list[dt.datetime]:
    """The hours after which the offset of a zone differs, found by looking at every day and then at every hour."""
    hours = []
    day = dt.datetime(first_year, 1, 1, tzinfo=dt.UTC)
    while day.year <= last_year:
        after = day + dt.timedelta(days=1)
        if day.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            steps = [day + dt.timedelta(hours=hour) for hour in range(25)]
            offsets = [step.astimezone(zone).utcoffset() for step in steps]
            hours += [steps[n] for n in range(24) if offsets[n] != offsets[n + 1]]
        day = after
    return hours


@pytest.mark.parametrize("name", ["Asia/Kathmandu", "America/Argentina/ComodRivadavia", "UTC", "Etc/GMT+12", "Asia/Calcutta"])
def test_names_of_the_zone_database_are_zones(name: str) -> None:
    assert parse_zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Factory",
        "localtime",
        "posixrules",
        "posix/Europe/Berlin",
        "right/UTC",
        "europe/berlin",
        "Europe/Berlin ",
        "+01:00",
        "../../etc/passwd",
        "/etc/passwd",
        "Europe",
        "Europe/Ber\x00lin",
        "UTC\n",
        "A" * 1_000_000,
    ],
)
def test_anything_else_is_an_unknown_zone(name: str) -> None:
    with pytest.raises(UnknownZone) as refusal:
        parse_zone(name)

    assert len(str(refusal.value)) < 300


@settings(deadline=None)
@given(st.text())
def test_no_text_breaks_the_zone_parser(name: str) -> None:
    if name not in ZONES:
        with pytest.raises(UnknownZone):
            parse_zone(name)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_now(dt.datetime(2026, 1, 1), NEW_YORK)  # noqa: DTZ001 the naive instant is the point


@pytest.mark.parametrize(
    ("date", "wall", "zone", "expected"),
    [
        ("2026-03-08", "02:30", "America/New_York", "2026-03-08T07:30"),  # skipped: 03:30 EDT
        ("2026-03-08", "01:59", "America/New_York", "2026-03-08T06:59"),
        ("2026-03-08", "03:30", "America/New_York", "2026-03-08T07:30"),
        ("2026-11-01", "01:30", "America/New_York", "2026-11-01T05:30"),  # twice: the first, EDT
        ("2026-11-01", "02:00", "America/New_York", "2026-11-01T07:00"),
        ("2024-03-30", "23:30", "America/Nuuk", "2024-03-31T01:00"),  # skipped to midnight: the date's end
        ("2024-03-31", "00:00", "America/Nuuk", "2024-03-31T01:00"),
        ("2018-11-04", "00:00", "America/Sao_Paulo", "2018-11-04T03:00"),  # midnight itself skipped
        ("2026-04-05", "01:45", "Australia/Lord_Howe", "2026-04-04T14:45"),  # half an hour twice
        ("2011-12-30", "00:00", "Pacific/Apia", "2011-12-30T10:00"),  # the date never was
        ("2011-12-30", "15:00", "Pacific/Apia", "2011-12-30T10:00"),
        ("2011-12-31", "00:00", "Pacific/Apia", "2011-12-30T10:00"),
        ("1994-12-31", "12:00", "Pacific/Kiritimati", "1994-12-31T10:00"),
        ("1995-01-01", "00:00", "Pacific/Kiritimati", "1994-12-31T10:00"),
    ],
)
def test_a_wall_time_has_one_instant(date: str, wall: str, zone: str, expected: str) -> None:
    instant = to_instant(dt.date.fromisoformat(date), dt.time.fromisoformat(wall), ZoneInfo(zone))

    assert instant == utc(expected)
    assert instant.tzinfo is dt.UTC


def test_a_skipped_date_does_not_exist() -> None:
    assert not does_date_exist(dt.date(2011, 12, 30), APIA)
    assert does_date_exist(dt.date(2011, 12, 29), APIA)
    assert does_date_exist(dt.date(2011, 12, 31), APIA)
    assert does_date_exist(dt.date(2026, 3, 8), NEW_YORK)


def test_a_second_occurrence_asked_for_still_means_the_first() -> None:
    assert to_instant(dt.date(2026, 11, 1), dt.time(1, 30, fold=1), NEW_YORK) == utc("2026-11-01T05:30")


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(ZONES)),
    date=st.dates(dt.date(1970, 1, 2), dt.date(2037, 12, 30)),
    wall=st.times(),
)
def test_every_wall_time_comes_back_or_was_skipped(name: str, date: dt.date, wall: dt.time) -> None:
    zone = ZoneInfo(name)

    instant = to_instant(date, wall, zone)

    shown = instant.astimezone(zone).replace(tzinfo=None)
    asked = dt.datetime.combine(date, wall)
    before = (instant - dt.timedelta(hours=25)).astimezone(zone).utcoffset()
    assert shown == asked or (shown > asked and before != instant.astimezone(zone).utcoffset())


@settings(deadline=None)
@given(name=st.sampled_from(sorted(ZONES)), pick=st.integers(0), walls=st.tuples(st.times(), st.times()))
def test_around_clock_changes_later_wall_times_are_never_in_an_earlier_date(name: str, pick: int, walls: tuple[dt.time, dt.time]) -> None:
    zone = ZoneInfo(name)
    changes = changes_of(zone, 2025, 2027) or [utc("2026-07-01T00:00")]
    date = local_date(changes[pick % len(changes)], zone)
    first, second = sorted(walls)

    assert to_instant(date, first, zone) <= to_instant(date + dt.timedelta(days=1), first, zone)
    assert local_date(to_instant(date, second, zone), zone) == date or not does_date_exist(date, zone) or second.hour == 23


def test_every_zone_has_one_midnight_per_date_across_its_clock_changes() -> None:
    for name in sorted(ZONES):
        zone = ZoneInfo(name)
        for change in changes_of(zone, 2026, 2027):
            date = local_date(change, zone)
            midnights = [to_instant(date + dt.timedelta(days=n), dt.time.min, zone) for n in (-1, 0, 1, 2)]

            assert midnights == sorted(set(midnights)), (name, date)
            assert all(local_date(midnight - MINUTE, zone) < local_date(midnight, zone) for midnight in midnights), (name, date)


@pytest.mark.parametrize(
    ("window", "instant", "open_now"),
    [
        (TEXTS, "2026-01-15T13:59:59.999999", False),
        (TEXTS, "2026-01-15T14:00", True),
        (TEXTS, "2026-01-16T00:59:59.999999", True),
        (TEXTS, "2026-01-16T01:00", False),
        (NIGHT, "2026-01-16T03:00", True),
        (NIGHT, "2026-01-16T05:00", True),
        (NIGHT, "2026-01-16T12:59", True),
        (NIGHT, "2026-01-16T13:00", False),
        (Window(dt.time(0), dt.time(0)), "2026-01-16T13:00", True),
    ],
)
def test_a_window_includes_its_opening_and_not_its_closing(window: Window, instant: str, open_now: bool) -> None:
    assert window.is_open(utc(instant), NEW_YORK) is open_now


@pytest.mark.parametrize(
    ("window", "instant", "opening"),
    [
        (TEXTS, "2026-01-15T15:00", "2026-01-15T15:00"),  # open: at once
        (TEXTS, "2026-01-16T01:00", "2026-01-16T14:00"),
        (NIGHT, "2026-01-16T13:00", "2026-01-17T03:00"),
        (TEXTS, "2026-03-08T01:00", "2026-03-08T13:00"),  # the night of the change: an hour earlier in UTC
        (Window(dt.time(2, 30), dt.time(10)), "2026-03-08T06:00", "2026-03-08T07:00"),  # the clock jumps into it
        (Window(dt.time(2), dt.time(3)), "2026-03-08T06:00", "2026-03-09T06:00"),  # skipped that day
        (Window(dt.time(1, 30), dt.time(1, 45)), "2026-11-01T06:00", "2026-11-01T06:30"),  # the second time round
        (Window(dt.time(0, 30), dt.time(1, 30)), "2026-11-01T05:40", "2026-11-01T06:00"),  # the clock falls back into it
    ],
)
def test_the_next_opening_follows_the_wall_clock(window: Window, instant: str, opening: str) -> None:
    assert window.next_opening(utc(instant), NEW_YORK) == utc(opening)


def test_a_window_of_a_skipped_date_opens_on_the_next() -> None:
    assert TEXTS.next_opening(utc("2011-12-30T07:00"), APIA) == utc("2011-12-30T19:00")


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(ZONES)),
    pick=st.integers(0),
    minutes=st.integers(-26 * 60, 26 * 60),
    ends=st.tuples(st.integers(0, 1439), st.integers(0, 1439)),
)
def test_no_opening_is_missed_around_clock_changes(name: str, pick: int, minutes: int, ends: tuple[int, int]) -> None:
    zone = ZoneInfo(name)
    changes = changes_of(zone, 2025, 2027) or [utc("2026-07-01T00:00")]
    instant = changes[pick % len(changes)] + minutes * MINUTE
    window = Window(*(dt.time(end // 60, end % 60) for end in ends))

    opening = window.next_opening(instant, zone)

    steps = (instant + n * MINUTE for n in range(3 * 1440))
    assert opening == next(step for step in steps if window.is_open(step, zone))


@settings(deadline=None)
@given(instant=st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2035, 12, 31), timezones=st.just(dt.UTC)))  # noqa: DTZ001
def test_openings_of_many_zones_agree_with_each_zone_alone(instant: dt.datetime) -> None:
    names = sorted(ZONES)[::7]

    together = openings(instant, TEXTS, names)

    alone = {name: TEXTS.next_opening(instant, ZoneInfo(name)) for name in names}
    assert together == {name: None if opening == instant else opening for name, opening in alone.items()}


def test_openings_of_all_zones_take_a_few_milliseconds() -> None:
    night_of_a_change = utc("2026-03-28T12:00")
    openings(night_of_a_change, TEXTS, ZONES)
    runs = []
    for _ in range(20):
        start = time.perf_counter()
        openings(night_of_a_change, TEXTS, ZONES)
        runs.append(time.perf_counter() - start)

    assert min(runs) < 0.005
