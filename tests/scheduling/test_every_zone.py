"""Bursts, sessions and hours of reminders in every zone, across all clock changes of 2025 to 2035, and on days that never were."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from channels_ace.local_time import ZONES, local_date, local_now, parse_zone, to_instant
from scheduling.burst_calendar import Burst, Session, bursts, sessions
from scheduling.runs import is_hour
from studies.protocol import SCHEMA_PATH, Protocol, parse

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
# How often the tests look whose hour it is; beat does it each minute.
LOOK = timedelta(minutes=15)
FIRST, LAST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)


@cache
def design(name: str) -> Protocol:
    return parse(json.loads((SCHEMA_PATH.parents[1] / "protocols" / f"{name}.json").read_text(encoding="utf-8")))


def changes_of(zone: ZoneInfo) -> Iterator[datetime]:
    """This function will give the first minutes after a zone's clock changes; no zone changes twice in a week."""
    at = FIRST
    while at < LAST:
        if at.astimezone(zone).utcoffset() != (at + WEEK).astimezone(zone).utcoffset():
            begun, ended = at, at + WEEK
            while ended - begun > timedelta(minutes=1):
                middle = begun + (ended - begun) // 2
                is_before = middle.astimezone(zone).utcoffset() == begun.astimezone(zone).utcoffset()
                begun, ended = (middle, ended) if is_before else (begun, middle)
            yield ended
        at += WEEK


def alike() -> Iterator[tuple[ZoneInfo, list[date]]]:
    """This function will give every zone and the local dates of its changes; names for one and the same clock come once."""
    seen = set()
    for name in sorted(ZONES):
        zone = parse_zone(name)
        changes = list(changes_of(zone))
        clock = tuple((at, at.astimezone(zone).utcoffset()) for at in [FIRST, *changes])
        if clock not in seen:
            seen.add(clock)
            yield zone, [at.astimezone(zone).date() for at in changes]


@pytest.fixture(scope="module")
def clocks() -> list[tuple[ZoneInfo, list[date]]]:
    return list(alike())


def check_bursts(found: list[Burst], enrolled: date) -> None:
    assert [burst.number for burst in found] == list(range(1, 10))
    assert {burst.start_date.weekday() for burst in found} == {enrolled.weekday()}
    assert all(one.end_date <= following.start_date for one, following in itertools.pairwise(found))


def check_sessions(listed: list[Session], burst: Burst, zone: ZoneInfo) -> None:
    begins, ends = to_instant(burst.start_date, time.min, zone), to_instant(burst.end_date, time.min, zone)
    for session in listed:
        assert begins <= session.opens_at <= session.closes_at <= ends
        if session.opens_at < session.closes_at:
            assert local_date(session.opens_at, zone) == session.date
            assert local_date(session.closes_at - timedelta(microseconds=1), zone) == session.date
    assert all(one.closes_at <= following.opens_at for one, following in itertools.pairwise(listed))


def hours_of(rule_of: Protocol, zone: ZoneInfo, first: date, last: date) -> dict[date, list[time]]:
    """This function will give at which times of each local date a look finds that it is the hour of the first rule."""
    found: dict[date, list[time]] = {}
    at, until = to_instant(first, time.min, zone), to_instant(last + DAY, time.min, zone)
    while at < until:
        local = local_now(at, zone)
        if is_hour(rule_of.nudges[0], local):
            found.setdefault(local.date(), []).append(local.time())
        at += LOOK
    return found


def test_every_zone_of_this_machine_is_looked_at(clocks: list[tuple[ZoneInfo, list[date]]]) -> None:
    assert len(ZONES) >= 590
    assert len({change for _zone, changes in clocks for change in changes}) > 100


def test_bursts_and_sessions_keep_weekday_number_and_place_across_every_clock_change(clocks: list[tuple[ZoneInfo, list[date]]]) -> None:
    mpower, engage = design("mpower2"), design("engage")
    for zone, changes in clocks:
        for change in changes or [date(2030, 6, 1)]:
            # The clocks change on the first day of the second burst, in its middle, on its last day, and on the day after it.
            for day in (1, 7, 14, 15):
                enrolled = change - (day - 1) * DAY - 91 * DAY
                found = bursts(mpower, enrolled)
                check_bursts(found, enrolled)
                second = found[1]
                listed = sessions(mpower, enrolled, None, zone, second.start_date, second.end_date)
                assert [session.day for session in listed] == list(range(1, 15))
                check_sessions(listed, second, zone)
            first = bursts(engage, change - DAY)[0]
            several = sessions(engage, change - DAY, None, zone, first.start_date, first.start_date + 3 * DAY)
            assert len(several) == 12
            check_sessions(several, first, zone)


def test_on_every_date_with_a_clock_change_a_reminder_has_its_hour_once_inside_its_window(
    clocks: list[tuple[ZoneInfo, list[date]]],
) -> None:
    mpower = design("mpower2")
    rule = mpower.nudges[0]
    for zone, changes in clocks:
        for change in changes:
            found = hours_of(mpower, zone, change - DAY, change + DAY)
            assert sorted(found) == [change - DAY, change, change + DAY]
            for times in found.values():
                assert max(rule.send_at, rule.window_opens) <= times[0] < (datetime.combine(change, rule.send_at) + LOOK).time()
                assert times[-1] < rule.window_closes
                # One stretch: no later look finds that it is the hour again.
                assert times == sorted(times)


@pytest.mark.parametrize(
    ("name", "vanished"),
    [
        ("Pacific/Apia", date(2011, 12, 30)),
        ("Pacific/Fakaofo", date(2011, 12, 30)),
        ("Pacific/Kiritimati", date(1994, 12, 31)),
        ("Pacific/Kwajalein", date(1993, 8, 21)),
    ],
)
def test_a_day_that_never_was_has_a_session_that_cannot_be_open_and_no_reminder(name: str, vanished: date) -> None:
    mpower, zone = design("mpower2"), parse_zone(name)
    for day in range(1, 16):
        enrolled = vanished - (day - 1) * DAY - 91 * DAY
        found = bursts(mpower, enrolled)
        check_bursts(found, enrolled)
        listed = sessions(mpower, enrolled, None, zone, found[1].start_date, found[1].end_date)
        assert len(listed) == 14
        check_sessions(listed, found[1], zone)
        assert [session.date for session in listed if session.opens_at == session.closes_at] == ([vanished] if day < 15 else [])
    assert sorted(hours_of(mpower, zone, vanished - DAY, vanished + DAY)) == [vanished - DAY, vanished + DAY]
