"""Where each person stands in their bursts: a row for each track, rewritten only when something of theirs changes. Read next: nudges.py."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, QuerySet, When
from django.db.models.expressions import RawSQL

from channels_ace.api import local_date, parse_zone
from scheduling.burst_calendar import Burst, bursts
from scheduling.event_dates import Overrides, event_dates
from scheduling.models import ActivityEvent, Completion, Place, PlannerRow
from scheduling.tracks import Track, does_count, tracks_of
from studies.api import Enrollment, Protocol, ProtocolVersion, hold_versions, protocol_of
from studies.protocol import DaysAfter, Schedule, SessionDesign

CHUNK = 1_000
# People who are planned by one statement.
SET = 10_000
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


def replan(enrollment_ids: Iterable[int], now: datetime) -> int:
    """This function will make the planner rows of these enrollments what they should be, and say of how many people.

    Who has no date of their own and has finished nothing stands where all do who joined on that day: they are planned as a set. A row
    that is so already is read, and not written again.
    """
    ids = sorted(set(enrollment_ids))
    return sum(_replan(ids[start : start + SET], now) for start in range(0, len(ids), SET))


def _replan(ids: list[int], now: datetime) -> int:
    some = Enrollment.objects.filter(pk__in=_listed(ids))
    with transaction.atomic(savepoint=False):
        # Whoever completes a session in this moment marks their day before we read, or after we wrote; a version may have been published.
        locked = PlannerRow.objects.select_for_update().filter(enrollment_id__in=_listed(ids)).order_by("enrollment_id", "track")
        list(locked.values_list("pk"))
        ask_again()
        kinds = some.filter(~_has_own()).order_by().values_list("version_id", "enrolled_date", "time_zone").annotate(people=Count("pk"))
        alike = [kind for kind in kinds if not _is_by_chance(kind[0])]
        of_kinds = Q(~_has_own(), version_id__in={version_id for version_id, *_ in alike})
        _plan_alike(some.filter(of_kinds), alike, now)
        planned = sum(int(people) for *_, people in alike)
        if planned == len(ids):
            return planned
        others = list(some.filter(~of_kinds).order_by("pk"))
        for first in range(0, len(others), CHUNK):
            _plan_each(others[first : first + CHUNK], now)
    return planned + len(others)


def _listed(ids: list[int]) -> Any:
    """This function will give ids as one parameter of a statement: ten thousand of them take longer to write down than to find."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [ids])
    return RawSQL("SELECT value FROM json_each(%s)", [str(ids)])


def _has_own() -> Q:
    """This function will find whose plan does not follow from the date of enrollment alone: by an event, or a session done."""
    changed = ActivityEvent.objects.filter(enrollment_id=OuterRef("pk"))
    return Q(Exists(changed)) | Q(Exists(Completion.objects.filter(enrollment_id=OuterRef("pk"))))


def _is_by_chance(version_id: int) -> bool:
    return any(series.jitter_days for series in protocol(version_id).burst_series)


def _plan_alike(people: QuerySet[Enrollment], kinds: Iterable[tuple[int, date, str, int]], now: datetime) -> None:
    """This function will plan people by what those of their kind have in common: one statement for many kinds, however many people."""
    found: dict[tuple[int, date, date], list[tuple[int, date, bool]]] = {}
    standings: list[tuple[int, date, str, int, int, date, bool]] = []
    for version_id, enrolled_date, time_zone, _people in kinds:
        today = local_date(now, parse_zone(time_zone or "UTC"))
        kind = (version_id, enrolled_date, today)
        if kind not in found:
            found[kind] = stands(version_id, enrolled_date, {}, "", today)
        standings += [(version_id, enrolled_date, time_zone, track, *stand) for track, stand in enumerate(found[kind])]
    for first in range(0, len(standings), CHUNK):
        _write_alike(people, standings[first : first + CHUNK])
    _remember_places((version_id, time_zone) for version_id, _date, time_zone, *_ in standings)
    for version_id in {kind[0] for kind in standings}:
        _forget_further_tracks(people.filter(version_id=version_id), version_id)


def _write_alike(people: QuerySet[Enrollment], standings: Sequence[tuple[int, date, str, int, int, date, bool]]) -> None:
    may = Q(state=Enrollment.State.ACTIVE, consented_at__isnull=False)
    rows = people.order_by().annotate(may=Case(When(may, then=True), default=False, output_field=BooleanField()))
    selected, parameters = rows.values_list("pk", "version_id", "enrolled_date", "time_zone", "may").query.sql_with_params()
    plan = connection.ops.quote_name(PlannerRow._meta.db_table)
    place = f"({', '.join(['%s'] * 7)})"
    values = [connection.ops.adapt_datefield_value(value) if isinstance(value, date) else value for one in standings for value in one]
    # The columns' names are the model's; all else is a parameter.
    # Materialized: PostgreSQL expects one row of the second, and would look for the people anew for each of a thousand.
    statement = f"""WITH one (pk, version, enrolled, zone, may) AS MATERIALIZED ({selected}),
        stand (version, enrolled, zone, track, burst, start, goes_on) AS MATERIALIZED (VALUES {", ".join([place] * len(standings))})
        INSERT INTO {plan} (enrollment_id, track, done, done_count, version_id, time_zone, burst, burst_start, is_eligible)
        SELECT one.pk, stand.track, 0, 0, one.version, one.zone, stand.burst, stand.start, stand.goes_on AND one.may
        FROM one JOIN stand ON one.version = stand.version AND one.enrolled = stand.enrolled AND one.zone = stand.zone
        WHERE 1 = 1 ON CONFLICT (enrollment_id, track) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in PLANNED)}
        WHERE {" OR ".join(f"{plan}.{name} <> excluded.{name}" for name in PLANNED)}"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *values])


def _plan_each(people: Sequence[Enrollment], now: datetime) -> None:
    """This function will plan people one by one in Python: by their own events, and by what they have done."""
    ids = [one.pk for one in people]
    overrides, done = overrides_of(ids), _done_sessions(ids)
    rows = [row for one in people for row in _rows(one, overrides[one.pk], done[one.pk], now)]
    stored = {(row.enrollment_id, row.track): _planned(row) for row in PlannerRow.objects.filter(enrollment_id__in=ids)}
    PlannerRow.objects.bulk_create(
        [row for row in rows if stored.get((row.enrollment_id, row.track)) != _planned(row)],
        update_conflicts=True,
        unique_fields=["enrollment", "track"],
        update_fields=[name.removesuffix("_id") for name in PLANNED],
    )
    _remember_places((row.version_id, row.time_zone) for row in rows)
    for version_id in {one.version_id for one in people}:
        _forget_further_tracks(Enrollment.objects.filter(pk__in=ids, version_id=version_id), version_id)


def _remember_places(found: Iterable[tuple[int, str]]) -> None:
    places = (Place(version_id=version_id, time_zone=zone) for version_id, zone in set(found) if zone)
    Place.objects.bulk_create(places, ignore_conflicts=True)


def _forget_further_tracks(people: QuerySet[Enrollment], version_id: int) -> None:
    """This function will delete what an earlier version of the protocol had more tracks for."""
    PlannerRow.objects.filter(enrollment__in=people.values("pk"), track__gte=len(tracks(version_id))).delete()


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
