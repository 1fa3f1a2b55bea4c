import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduling.burst_calendar import bursts, sessions
from scheduling.event_dates import add_period, event_dates
from studies.protocol import SCHEMA_PATH, Period, Protocol, parse

CASES = json.loads((Path(__file__).parents[1] / "data" / "nudge_cases.json").read_text(encoding="utf-8"))
FRIDAY = dt.date(2025, 12, 12)
DAY = dt.timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")


def load(name: str) -> Any:
    return json.loads((SCHEMA_PATH.parents[1] / "protocols" / f"{name}.json").read_text(encoding="utf-8"))


def with_events(events: Mapping[str, str], series: Mapping[str, Any] | None = None) -> Protocol:
    """This function will make a protocol with automatic events as Sage Bridge wrote them, `origin:period` by key; no colon: set by hand."""
    document = load("engage") | {"nudges": []}
    document["events"] = [
        {"id": f"custom:{key}"} | ({"origin": rule.split(":P")[0], "period": "P" + rule.split(":P")[1]} if ":P" in rule else {})
        for key, rule in events.items()
    ]
    if series is not None:
        document["burst_series"][0] = {"id": document["burst_series"][0]["id"], "length_days": 21, **series}
    return parse(document)


ESCAPE = parse(load("escape"))
# Bridge also had events that it fired by itself; only the enrollment and custom events are ours.
AUTOMATIC = [case for case in CASES["automatic_event_cases"] if case["id"] in {"A01", "A05"}]


@pytest.mark.parametrize("case", AUTOMATIC, ids=lambda case: case["id"])
def test_events_are_generated_from_their_origin_as_in_the_cases(case: dict[str, Any]) -> None:
    custom = set(case.get("customEvents", ()))
    rules = {
        key: f"custom:{rule}" if rule.split(":")[0] in custom else rule
        for key, rule in case["automaticCustomEvents"].items()
        if rule.split(":")[0] in {"enrollment", *custom}
    }
    protocol = with_events(dict.fromkeys(custom, "") | rules)
    published = dt.date.fromisoformat(case["publish"]["timestamp"][:10])
    event_id = case["publish"]["event"]

    dated = event_dates(protocol, published, {} if event_id == "enrollment" else {event_id: published})

    expected = {event["eventId"]: dt.date.fromisoformat(event["timestamp"][:10]) for event in case["expected"]}
    assert {event: date for event, date in dated.items() if event in expected} == expected


@pytest.mark.parametrize("case", [case for case in CASES["study_burst_cases"] if case["id"] in {"B01", "B02"}], ids=lambda case: case["id"])
def test_bursts_of_a_delayed_series_start_as_in_the_cases(case: dict[str, Any]) -> None:
    given = case["studyBurst"]
    weeks = int(given["delay"][1:-1]) if given["delay"] else 0
    series = {"origin": given["originEventId"], "count": given["occurrences"], "interval": given["interval"], "delay_days": 7 * weeks}
    document = load("engage") | {"nudges": []}
    document["burst_series"][0] |= {"length_days": 7, **series}
    document["schedules"][0]["sessions"][0]["times"] = ["11:00"]
    enrolled = dt.date.fromisoformat(case["publish"]["timestamp"][:10])

    found = bursts(parse(document), enrolled)

    expected = [event["timestamp"][:10] for event in case["expected"] if event["eventId"] != "enrollment"]
    assert [burst.start_date.isoformat() for burst in found] == expected


@pytest.mark.parametrize(
    ("date", "period", "expected"),
    [
        ("2025-08-31", Period(months=6), "2026-02-28"),
        ("2023-08-31", Period(months=6), "2024-02-29"),
        ("2024-02-29", Period(years=1), "2025-02-28"),
        ("2025-01-31", Period(months=1, days=-1), "2025-02-27"),
        ("2025-03-31", Period(months=-1), "2025-02-28"),
        ("2025-12-12", Period(days=-14), "2025-11-28"),
        ("2025-12-12", Period(), "2025-12-12"),
        ("2025-12-12", Period(years=1, months=1, weeks=1, days=1), "2027-01-20"),
    ],
)
def test_a_period_ends_where_the_calendar_lets_it(date: str, period: Period, expected: str) -> None:
    assert add_period(dt.date.fromisoformat(date), period) == dt.date.fromisoformat(expected)


@pytest.mark.parametrize(
    "period", [Period(years=9999), Period(years=-9999), Period(weeks=9999, years=7950), Period(days=-9999, years=-2000)]
)
def test_what_lies_beyond_the_calendar_has_no_date(period: Period) -> None:
    assert add_period(FRIDAY, period) is None


def test_escape_waves_come_nine_months_apart_with_seven_questions_a_day() -> None:
    found = bursts(ESCAPE, dt.date(2025, 5, 31))
    of_all = sessions(ESCAPE, FRIDAY, None, NEW_YORK, FRIDAY, FRIDAY + 1000 * DAY, seed="someone")

    assert [burst.start_date.isoformat() for burst in found] == ["2025-05-31", "2026-02-28", "2026-11-30", "2027-08-31"]
    assert len(of_all) == 4 * 14 * 7


def test_the_seeds_design_in_its_own_words_is_the_same_calendar() -> None:
    document = load("mpower2")
    starts = ["enrollment", *(f"custom:activityBurst{number}Start" for number in range(2, 10))]
    document["events"] = [
        {"id": event, "origin": "enrollment", "period": f"P{13 * number}W"} for number, event in enumerate(starts) if number
    ]
    document["burst_series"][0] = {
        "id": "activityBurst",
        "origins": starts,
        **{key: document["burst_series"][0][key] for key in ("length_days", "complete_after_days", "extend_to_days")},
    }

    in_events, in_series = parse(document), parse(load("mpower2"))

    ends = FRIDAY, FRIDAY + 1000 * DAY
    assert sessions(in_events, FRIDAY, None, NEW_YORK, *ends) == sessions(in_series, FRIDAY, None, NEW_YORK, *ends)


def test_an_event_that_is_not_set_has_no_bursts_until_it_is() -> None:
    protocol = with_events({"surgery": "", "check": "custom:surgery:P6W"}, {"origins": ["custom:surgery", "custom:check"], "delay_days": 3})
    surgery = dt.date(2026, 2, 1)

    assert bursts(protocol, FRIDAY) == []
    found = bursts(protocol, FRIDAY, {"custom:surgery": surgery})
    assert [burst.start_date for burst in found] == [surgery + 3 * DAY, surgery + 45 * DAY]


def test_what_counts_from_a_moved_or_removed_event_follows_it() -> None:
    protocol = with_events(
        {"baseline": "enrollment:P1W", "lead": "custom:baseline:P-3D"}, {"origin": "custom:baseline", "count": 2, "interval": "P4W"}
    )

    moved = event_dates(protocol, FRIDAY, {"custom:baseline": FRIDAY})
    removed = event_dates(protocol, FRIDAY, {"custom:baseline": None})

    series = protocol.burst_series[0]
    assert moved == {"enrollment": FRIDAY, "custom:baseline": FRIDAY, "custom:lead": FRIDAY - 3 * DAY} | {
        series.event_id(1): FRIDAY,
        series.event_id(2): FRIDAY + 28 * DAY,
    }
    assert removed == {"enrollment": FRIDAY}


def test_a_lead_in_is_a_series_of_its_own_before_each_burst() -> None:
    document = load("mpower2")
    starts = [f"custom:activityBurst{number}Start" for number in range(2, 10)]
    document["events"] = [{"id": f"custom:lead{index}", "origin": start, "period": "P-7D"} for index, start in enumerate(starts)]
    document["burst_series"].append({"id": "lead", "origins": [event["id"] for event in document["events"]], "length_days": 7})

    found = bursts(parse(document), FRIDAY, {starts[0]: FRIDAY + 100 * DAY})

    leads = [burst for burst in found if burst.series_id == "lead"]
    assert [burst.start_date for burst in leads][:2] == [FRIDAY + 93 * DAY, FRIDAY + 175 * DAY]
