"""Nudge decisions of Sage Bridge read as data: a file of cases in, checked cases out. Read next: replay.py.

The shape is that of schema/nudge-case-1.schema.json. Bridge kept a participant's zone as a fixed offset.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from channels_ace.api import UnknownZone, parse_zone

SCHEMA = Path(__file__).parent / "schema" / "nudge-case-1.schema.json"
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)")


class CaseError(ValueError):
    """A file of cases cannot be read; the text says where and why."""


@dataclass(frozen=True)
class Case:
    """One participant on one local date. `bursts` are local start dates in the order of the events."""

    id: str
    config: Mapping[str, Any]
    date: dt.date
    now: dt.datetime
    phone_verified: bool | None
    zone: dt.tzinfo | None
    data_groups: tuple[str, ...]
    consents: tuple[Mapping[str, Any], ...]
    commitment: str
    bursts: tuple[dt.date, ...]
    # Local dates in the order of the activities, and whether each was finished.
    activities: tuple[tuple[dt.date, bool], ...]
    last_type: str
    last_at: dt.datetime | None

    @property
    def offset(self) -> dt.timedelta | None:
        """The zone's distance from UTC on the day of the case; None without a zone."""
        return dt.datetime.combine(self.date, dt.time(12), self.zone).utcoffset() if self.zone else None


def read_cases(text: str) -> list[Case]:
    """This function will read a list of cases, or the document that holds one as `nudge_cases`. Raises CaseError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CaseError(f"this is not JSON: {error}") from error
    found = document.get("nudge_cases") if isinstance(document, dict) else document
    if not isinstance(found, list):
        raise CaseError("there is no list of cases, neither as the whole document nor as its nudge_cases")
    return [_read(number, case) for number, case in enumerate(found)]


def _read(number: int, case: Any) -> Case:
    place = f"nudge_cases[{number}]"
    problem = next(iter(sorted(_validator().iter_errors(case), key=lambda error: error.json_path)), None)
    if problem is not None:
        raise CaseError(f"{place}{problem.json_path.removeprefix('$')}: {problem.message[:200]}")
    try:
        return _made(case)
    except (ValueError, OverflowError) as error:
        raise CaseError(f"{place} ({case['id']}): {error}") from error


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _made(case: Mapping[str, Any]) -> Case:
    person = case["participant"]
    zone = _zone(person.get("timeZone"))
    last = case.get("lastNotification") or {}
    return Case(
        id=case["id"],
        config=case["config"],
        date=dt.date.fromisoformat(case["date"]),
        now=dt.datetime.fromisoformat(case["now"]),
        phone_verified=person.get("phoneVerified"),
        zone=zone,
        data_groups=tuple(dict.fromkeys(person.get("dataGroups") or ())),
        consents=tuple(person.get("consents") or ()),
        commitment=person.get("studyCommitment") or "",
        bursts=tuple(_burst_starts(case, zone)),
        activities=tuple((dt.date.fromisoformat(one["localScheduledOn"][:10]), _is_finished(one)) for one in case["activities"]),
        last_type=last.get("type", ""),
        last_at=dt.datetime.fromisoformat(last["time"]) if last else None,
    )


def _burst_starts(case: Mapping[str, Any], zone: dt.tzinfo | None) -> Iterable[dt.date]:
    starting = set(case["config"]["burstStartEventIdSet"])
    for event in case["events"]:
        at = dt.datetime.fromisoformat(event["timestamp"])
        if event["eventId"] in starting:
            yield (at.astimezone(zone) if zone else at).date()


def _is_finished(activity: Mapping[str, Any]) -> bool:
    # Finished without having been started was deleted, to Bridge.
    times = [activity[name] for name in ("startedOn", "finishedOn") if name in activity]
    return activity["status"] == "FINISHED" and all(times)


def _zone(name: str | None) -> dt.tzinfo | None:
    if name is None:
        return None
    if name == "Z":
        return dt.timezone(dt.timedelta(0))
    fixed = _OFFSET.fullmatch(name)
    if not fixed:
        try:
            return parse_zone(name)
        except UnknownZone as error:
            raise CaseError(f"timeZone {name!r} is neither an offset nor a time zone") from error
    # In Joda's reading, which Bridge used, a sign belongs to the hours: "-00:30" is half an hour east.
    minutes = int(fixed["hours"]) * 60 + int(fixed["minutes"])
    is_west = fixed["sign"] == "-" and int(fixed["hours"]) > 0
    return dt.timezone(dt.timedelta(minutes=-minutes if is_west else minutes))
