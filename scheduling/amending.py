"""A published version for those who are in the study already: who keeps every date is not touched. Read next: planner.py.

The rules. Whoever joined by an older version lives by the new one from its publication: one row a version says so, not one a person.
What has come by its day stays on it; what is to come is dated anew, save what someone dated themselves. Events that the design gains
are dated for everybody, those that it loses are gone; neither sends anything by itself. What makes a day done is
the new design's to say. Lists of arms that are new are drawn for whoever has none of their groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from channels_ace.api import local_date, parse_zone
from scheduling.drawn_times import draw_anew
from scheduling.event_dates import event_dates
from scheduling.models import ActivityEvent
from scheduling.planner import ask_again, designs, overrides_of, protocol, replan, stands, tracks
from studies.api import Enrollment, ProtocolVersion, draw_missing_arms, write_audit

CHUNK = 1_000


@dataclass
class Amendment:
    """What a version changes for those in the study. Counts are of people; `gained` and `lost` are ids of events."""

    people: int = 0
    moved: int = 0
    kept: int = 0
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Alike:
    """People whose dates the same facts decide. `pk`: one person, who has something of their own; `kept` is what stays on its day."""

    version_id: int
    enrolled_date: date
    time_zone: str
    people: int
    pk: int | None = None
    seed: str = ""
    overrides: Mapping[str, date | None] = field(default_factory=dict)

    def find(self) -> QuerySet[Enrollment]:
        if self.pk is not None:
            return Enrollment.objects.filter(pk=self.pk)
        found = Enrollment.objects.filter(version_id=self.version_id, enrolled_date=self.enrolled_date, time_zone=self.time_zone)
        return found.filter(~_has_own_dates())


@dataclass(frozen=True)
class _Change:
    who: _Alike
    kept: Mapping[str, date]
    are_dates_moved: bool
    is_plan_moved: bool


def preview(version: ProtocolVersion, now: datetime) -> Amendment:
    """This function will tell what publishing a version for those in the study would change, and write nothing."""
    found = _amendment_of(version)
    for change in _changes(version, now):
        _count(found, change)
    return found


def amend(version: ProtocolVersion, now: datetime, *, actor_id: int) -> Amendment:
    """This function will make those who joined by an older version live by this one; its caller's transaction holds all of it."""
    ask_again()
    found = _amendment_of(version)
    pins: list[ActivityEvent] = []
    to_plan: list[int] = []
    for change in _changes(version, now):
        _count(found, change)
        if change.kept or change.is_plan_moved:
            ids = list(change.who.find().values_list("pk", flat=True))
            to_plan += ids
            pins += [_pin(pk, event_id, day, version, actor_id, now) for pk in ids for event_id, day in change.kept.items()]
    _older(version).update(amended_by=version)
    ask_again()
    ActivityEvent.objects.bulk_create(pins, batch_size=CHUNK)
    replan(to_plan, now)
    draw_missing_arms(version)
    draw_anew(version.study)
    details = {"version": version.number, "people": found.people, "moved": found.moved, "kept": found.kept}
    write_audit(version.study, "protocol_amended", now, actor_id=actor_id, details=details)
    return found


def _older(version: ProtocolVersion) -> QuerySet[ProtocolVersion]:
    return ProtocolVersion.objects.filter(study_id=version.study_id, number__lt=version.number, published_at__isnull=False)


def _amendment_of(version: ProtocolVersion) -> Amendment:
    joined = _older(version).filter(Exists(Enrollment.objects.filter(version_id=OuterRef("pk")))).values_list("pk", flat=True)
    before = {event_id for pk in joined for event_id in protocol(pk).event_ids}
    after = protocol(version.pk).event_ids
    return Amendment(gained=[one for one in after if one not in before], lost=sorted(before.difference(after)))


def _count(found: Amendment, change: _Change) -> None:
    found.people += change.who.people
    found.moved += change.who.people if change.are_dates_moved else 0
    found.kept += change.who.people if change.kept else 0


def _changes(version: ProtocolVersion, now: datetime) -> Iterator[_Change]:
    """This function will say for all who joined by an older version what becomes of them: a computation for each kind of people."""
    new = protocol(version.pk)
    known: dict[tuple[int, date, date], _Change] = {}
    for old_version in list(_older(version)):
        is_by_chance = any(series.jitter_days for design in (protocol(old_version.pk), new) for series in design.burst_series)
        counts_anew = _counting(old_version.pk) != _counting(version.pk)
        for who in _people(old_version, is_by_chance=is_by_chance):
            kind = (old_version.pk, who.enrolled_date, local_date(now, parse_zone(who.time_zone or "UTC")))
            if who.pk is not None:
                yield _change(who, version.pk, now, counts_anew=counts_anew)
                continue
            # In how many zones they are does not matter: the world has two or three dates.
            if kind not in known:
                known[kind] = _change(who, version.pk, now, counts_anew=counts_anew)
            yield replace(known[kind], who=who)


def _counting(version_id: int) -> tuple[object, ...]:
    """This function will give what decides which days are done."""
    sessions = {pk: (schedule.id, schedule.series_id, session.task) for pk, (schedule, session) in designs(version_id).items()}
    return tracks(version_id), sessions


def _people(version: ProtocolVersion, *, is_by_chance: bool) -> Iterator[_Alike]:
    joined = Enrollment.objects.filter(version=version)
    if not is_by_chance:
        alike = joined.filter(~_has_own_dates()).order_by().values_list("enrolled_date", "time_zone")
        for enrolled_date, time_zone, people in alike.annotate(people=Count("pk", filter=~Q(state=Enrollment.State.WITHDRAWN))):
            yield _Alike(version.pk, enrolled_date, time_zone, people)
        joined = joined.filter(_has_own_dates())
    ids = list(joined.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        overrides = overrides_of(chunk)
        for one in Enrollment.objects.filter(pk__in=chunk):
            people = int(one.state != Enrollment.State.WITHDRAWN)
            yield _Alike(version.pk, one.enrolled_date, one.time_zone, people, one.pk, one.public_id, overrides[one.pk])


def _has_own_dates() -> Exists:
    return Exists(ActivityEvent.objects.filter(enrollment_id=OuterRef("pk")))


def _change(who: _Alike, new_version: int, now: datetime, *, counts_anew: bool) -> _Change:
    today = local_date(now, parse_zone(who.time_zone or "UTC"))
    old, new = protocol(who.version_id), protocol(new_version)
    before = event_dates(old, who.enrolled_date, who.overrides, seed=who.seed)
    plain = event_dates(new, who.enrolled_date, who.overrides, seed=who.seed)
    known = set(new.event_ids)
    kept = {one: day for one, day in before.items() if day <= today and one in known and plain.get(one) != day}
    overrides = {**who.overrides, **kept}
    after = event_dates(new, who.enrolled_date, overrides, seed=who.seed)
    stood = stands(who.version_id, who.enrolled_date, who.overrides, who.seed, today)
    stand = stands(new_version, who.enrolled_date, overrides, who.seed, today)
    return _Change(who, kept, are_dates_moved=before != after, is_plan_moved=counts_anew or stood != stand)


def _pin(pk: int, event_id: str, day: date, version: ProtocolVersion, actor_id: int, now: datetime) -> ActivityEvent:
    why = _("Kept: its day had come before version %(number)d.") % {"number": version.number}
    return ActivityEvent(enrollment_id=pk, event_id=event_id, date=day, at=now, actor_id=actor_id, why=why)
