"""Where each person stands in their bursts: a row for each track, rewritten only when something of theirs changes. Read next: nudges.py."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from django.db import transaction

from channels_ace.api import local_date, parse_zone
from scheduling.burst_calendar import Burst, bursts
from scheduling.event_dates import Overrides, event_dates
from scheduling.models import ActivityEvent, Completion, Place, PlannerRow
from scheduling.tracks import Track, does_count, tracks_of
from studies.api import Enrollment, Protocol, ProtocolVersion, hold_versions, protocol_of
from studies.protocol import DaysAfter, Schedule, SessionDesign

CHUNK = 1_000
PLANNED = ["version_id", "time_zone", "burst", "burst_start", "done", "done_count", "is_eligible"]
# Of the number that holds the days done; rules look at no burst that is longer (studies.protocol_checks).
LAST_BIT = 61


@dataclass(frozen=True, slots=True)
class DoneSession:
    """A finished session: its design, burst and day, its local date (None: its burst is no more), and whether it counted then."""

    design_id: str
    burst: int
    day: int
    date: date | None
    counts: bool = True

    def bit_on(self, row: PlannerRow) -> int:
        """This method will give the bit of the day that it makes done on a planner row; 0 for none."""
        track = tracks(row.version_id)[row.track]
        known = designs(row.version_id).get(self.design_id)
        # What the design has lost since counts on as it did, where the study is watched.
        if not (track.does_count(*known) if known else self.counts and row.track == 0):
            return 0
        if track.days is not None:
            day = (self.date - row.burst_start).days if self.date else -1
            return 1 << day if 0 <= day < track.days.length_days else 0
        return 1 << (self.day - 1) if self.burst == row.burst and self.day - 1 <= LAST_BIT else 0


def protocol(version_id: int) -> Protocol:
    """This function will give the protocol by which those live who joined by a version: its own, or the one that amended it since.

    What a version says never changes, so it is read once a process; by what it is amended is asked once a request or task.
    """
    return _read(_in_force(version_id))


def tracks(version_id: int) -> list[Track]:
    """This function will list the tracks of those who joined by a version (tracks.py)."""
    return _tracks(_in_force(version_id))


def designs(version_id: int) -> Mapping[str, tuple[Schedule, SessionDesign]]:
    """This function will give their session designs with their schedules, by the ids with which stored session ids begin."""
    return _designs(_in_force(version_id))


def ask_again(*_: object, **__: object) -> None:
    """This function will have it asked anew by what versions are amended: each request and task begins with it."""
    _amended.cache_clear()


def hold_designs(study_ids: Collection[int]) -> None:
    """This function will keep the designs by which people of these studies live, as they are now, until the caller's transaction ends."""
    hold_versions(study_ids)
    ask_again()


def forget_protocols() -> None:
    """This function will have every protocol read anew, for whoever has rolled back what they made."""
    for known in (_amended, _read, _tracks, _designs):
        known.cache_clear()


def _in_force(version_id: int) -> int:
    return _amended().get(version_id, version_id)


@lru_cache(maxsize=256)
def _read(version_id: int) -> Protocol:
    return protocol_of(ProtocolVersion.objects.get(pk=version_id))


@lru_cache(maxsize=256)
def _tracks(version_id: int) -> list[Track]:
    return tracks_of(_read(version_id))


@lru_cache(maxsize=256)
def _designs(version_id: int) -> Mapping[str, tuple[Schedule, SessionDesign]]:
    return {session.id: (schedule, session) for schedule in _read(version_id).schedules for session in schedule.sessions}


@lru_cache(maxsize=1)
def _amended() -> Mapping[int, int]:
    return dict(ProtocolVersion.objects.filter(amended_by__isnull=False).values_list("pk", "amended_by_id"))


def replan(enrollment_ids: Iterable[int], now: datetime, *, only_changed: bool = False) -> int:
    """This function will make the planner rows of these enrollments what they should be, and say how many it wrote.

    `only_changed`: rows that are so already are read, and not written again.
    """
    ids = list(enrollment_ids)
    return sum(_replan(ids[start : start + CHUNK], now, only_changed) for start in range(0, len(ids), CHUNK))


def _replan(ids: Sequence[int], now: datetime, only_changed: bool) -> int:
    with transaction.atomic(savepoint=False):
        # Whoever completes a session in this moment marks their day before we read, or after we wrote; a version may have been published.
        list(PlannerRow.objects.select_for_update().filter(enrollment_id__in=ids).order_by("enrollment_id", "track").values_list("pk"))
        ask_again()
        overrides = overrides_of(ids)
        done = _done_sessions(ids)
        people = list(Enrollment.objects.filter(pk__in=ids))
        rows = [row for one in people for row in _rows(one, overrides[one.pk], done[one.pk], now)]
        if only_changed:
            stored = {(row.enrollment_id, row.track): _planned(row) for row in PlannerRow.objects.filter(enrollment_id__in=ids)}
            rows = [row for row in rows if stored.get((row.enrollment_id, row.track)) != _planned(row)]
        PlannerRow.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["enrollment", "track"],
            update_fields=[name.removesuffix("_id") for name in PLANNED],
        )
        _forget_further_tracks(people)
        places = {(row.version_id, row.time_zone) for row in rows if row.time_zone}
        Place.objects.bulk_create((Place(version_id=version, time_zone=zone) for version, zone in places), ignore_conflicts=True)
    return len(people)


def _forget_further_tracks(people: Iterable[Enrollment]) -> None:
    """This function will delete what an earlier version of the protocol had more tracks for."""
    by_version: dict[int, list[int]] = defaultdict(list)
    for one in people:
        by_version[one.version_id].append(one.pk)
    for version_id, ids in by_version.items():
        PlannerRow.objects.filter(enrollment_id__in=ids, track__gte=len(tracks(version_id))).delete()


def adopt_orphans(now: datetime) -> int:
    """This function will plan what of the newest enrollments has no planner row: rows that something else than enroll() wrote."""
    newest = Enrollment.objects.order_by("-pk").values("pk")[:CHUNK]
    return replan(Enrollment.objects.filter(pk__in=newest, plans=None).values_list("pk", flat=True), now)


def overrides_of(enrollment_ids: Iterable[int]) -> Mapping[int, dict[str, date | None]]:
    """This function will give what differs from the protocol, by enrollment and event; None means removed. One statement."""
    found: dict[int, dict[str, date | None]] = defaultdict(dict)
    for event in ActivityEvent.objects.filter(enrollment_id__in=list(enrollment_ids)).order_by("pk"):
        found[event.enrollment_id][event.event_id] = event.date
        if event.change == ActivityEvent.Change.RESTORED:
            del found[event.enrollment_id][event.event_id]
    return found


def bursts_of(enrollment: Enrollment, overrides: Mapping[str, date | None]) -> list[Burst]:
    """This function will list an enrollment's bursts by start date; `overrides` are its own (overrides_of)."""
    return bursts(protocol(enrollment.version_id), enrollment.enrolled_date, overrides, seed=enrollment.public_id)


def does_session_count(version_id: int, session_id: str) -> bool:
    """This function will tell whether finishing a session makes the day of its burst done."""
    known = designs(version_id).get(session_id.split(":")[0])
    return known is not None and does_count(protocol(version_id), *known)


def stands(
    version_id: int, enrolled_date: date, overrides: Overrides, seed: str, today: date, known: Sequence[Burst] | None = None
) -> list[tuple[int, date, bool]]:
    """This function will tell where somebody stands on each track: a burst's number, its first day, and False when all is over.

    `known`: their bursts, where they have been worked out.
    """
    design = protocol(version_id)
    known = bursts(design, enrolled_date, overrides, seed=seed) if known is None else known
    found = []
    for track in tracks(version_id):
        if track.days is not None:
            mine = days_after(event_dates(design, enrolled_date, overrides, seed=seed), track.days)
        else:
            mine = [one for one in known if one.series_id == track.series_id]
        current = _current(mine, today, track.looks_at(design).extend_to_days)
        shown = current or (mine[-1] if mine else None)
        found.append((shown.number, shown.start_date, current is not None) if shown else (0, enrolled_date, False))
    return found


def _rows(enrollment: Enrollment, overrides: Overrides, done: Sequence[tuple[str, int, int, bool]], now: datetime) -> Iterator[PlannerRow]:
    today = local_date(now, parse_zone(enrollment.time_zone or "UTC"))
    known = bursts_of(enrollment, overrides)
    finished = _dated(done, known, enrollment.version_id) if done else []
    standings = stands(enrollment.version_id, enrollment.enrolled_date, overrides, enrollment.public_id, today, known)
    for number, (burst, burst_start, goes_on) in enumerate(standings):
        row = _row(enrollment, number, burst, burst_start, goes_on)
        for session in finished:
            row.done |= session.bit_on(row)
        row.done_count = row.done.bit_count()
        yield row


def _dated(done: Sequence[tuple[str, int, int, bool]], known: Sequence[Burst], version_id: int) -> list[DoneSession]:
    starts = {(burst.series_id, burst.number): burst.start_date for burst in known}
    found = []
    for design_id, burst, day, counts in done:
        schedule, _session = designs(version_id).get(design_id, (None, None))
        start = starts.get((schedule.series_id, burst)) if schedule else None
        found.append(DoneSession(design_id, burst, day, start + timedelta(days=day - 1) if start else None, counts))
    return found


def days_after(dates: Mapping[str, date], days: DaysAfter) -> list[Burst]:
    """This function will give the days after an event as the one burst that they are; none while it has no date."""
    on = dates.get(days.event_id)
    if on is None:
        return []
    start = on + timedelta(days=days.delay_days)
    return [Burst("", 1, start, start + timedelta(days=days.length_days), days.event_id)]


def _row(enrollment: Enrollment, track: int, burst: int, burst_start: date, goes_on: bool) -> PlannerRow:
    return PlannerRow(
        enrollment_id=enrollment.pk,
        track=track,
        version_id=enrollment.version_id,
        time_zone=enrollment.time_zone,
        burst=burst,
        burst_start=burst_start,
        done=0,
        is_eligible=goes_on and enrollment.state == Enrollment.State.ACTIVE and enrollment.consented_at is not None,
    )


def _planned(row: PlannerRow) -> list[object]:
    return [getattr(row, name) for name in PLANNED]


def _current(known: Sequence[Burst], today: date, days: int) -> Burst | None:
    """This function will give the burst that covers today (with its extension), else the next one."""
    upcoming = [burst for burst in known if burst.start_date + timedelta(days=days) > today]
    return min(upcoming, key=lambda burst: burst.start_date, default=None)


def _done_sessions(enrollment_ids: Collection[int]) -> Mapping[int, list[tuple[str, int, int, bool]]]:
    """This function will give design, burst and day of the finished sessions, and if they counted, by enrollment. One statement."""
    found: dict[int, list[tuple[str, int, int, bool]]] = defaultdict(list)
    finished = Completion.objects.filter(enrollment_id__in=enrollment_ids, finished_at__isnull=False)
    for enrollment_id, session_id, burst, day, counts in finished.values_list("enrollment_id", "session_id", "burst", "day", "counts"):
        found[enrollment_id].append((session_id.split(":")[0], burst, day, counts))
    return found
