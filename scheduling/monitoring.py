"""How the people of a study stand, as a set: who is in a burst, who is behind, whom no text can reach. Read next: reach.py, texts.py.

Everything is worked out by the database from the planner rows and `now`; nothing is stored, nothing can be stale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    DateField,
    DateTimeField,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.lookups import Exact, LessThan

from channels_ace.api import local_date, parse_zone, to_instant
from scheduling.models import PlannerRow
from scheduling.nudge_rules import finished_since
from scheduling.planner import protocol, tracks
from scheduling.reach import bar, channels_of, opted_out_since, with_contacts
from scheduling.texts import count_texts
from scheduling.tracks import Track, track_of
from studies.api import CountingNudge, Enrollment, FewActivitiesNudge, MissedDaysNudge, Protocol, Study

WITHDRAWN = Q(enrollment__state=Enrollment.State.WITHDRAWN)
FILTERS: Mapping[str, Q] = {
    "all": Q(),
    "in_burst": Q(day__isnull=False),
    "behind": Q(is_behind=True),
    "blocked": ~Q(blocked_by="") & ~WITHDRAWN,
    "opted_out": Q(opted_out_at__isnull=False),
    "withdrawn": WITHDRAWN,
}
PAGE_SIZE = 50
DAY = timedelta(days=1)
# The stubs let only numbers shift; the database shifts by columns.
_DONE: Any = F("done")


@dataclass(frozen=True)
class Page:
    """Some rows, worst first, and the cursor to go on with (empty at the end)."""

    rows: Sequence[Any]
    next_cursor: str


def standings(study_ids: Collection[int], now: datetime) -> QuerySet[Any]:
    """This function will give a planner row of each person with `day`, `missed`, `is_behind` and `rank`. One statement, not yet run.

    `day`: of the burst, from 0, on the participant's own date; None outside a burst or when no rule applies to them.
    `missed`: days of this burst that are over and were not done.
    `is_behind`: in a burst they have not completed, and missed as many days as their protocol's reminder asks for, in all
    or in a row up to yesterday, or finished too few activities on as many days up to yesterday. Today does not count yet: they
    can still do it. Who was reminded stays behind until they catch up; who cannot be reminded (no phone, a data group) is behind
    all the same.
    `rank`: the worse, the higher. Who is on several tracks is shown by the one on which they stand worst.
    """
    rows = PlannerRow.objects.filter(enrollment__study_id__in=study_ids)
    places = list(rows.order_by().values_list("version_id", "time_zone").distinct())
    versions = {version for version, _zone in places}
    standing = _standing(rows, places, now)
    if all(len(_burst_tracks(version)) == 1 for version in versions):
        return standing.filter(track=0)
    worst = _standing(PlannerRow.objects.filter(_in_bursts(versions), enrollment=OuterRef("enrollment")), places, now)
    is_first = Case(When(is_eligible=True, then=F("burst_start")), default=None, output_field=DateField())
    worst = worst.annotate(soonest=is_first).order_by("-rank", F("soonest").asc(nulls_last=True), "track")
    return standing.filter(pk=Subquery(worst.values("pk")[:1]))


def _burst_tracks(version_id: int) -> list[Track]:
    """This function will list the tracks of bursts, which come first; nobody is behind on the days after an event."""
    return [track for track in tracks(version_id) if track.days is None]


def _in_bursts(version_ids: Iterable[int]) -> Q:
    return reduce(or_, (Q(version_id=version, track__lt=len(_burst_tracks(version))) for version in version_ids), Q(pk__in=[]))


def _standing(rows: QuerySet[PlannerRow], places: Sequence[tuple[int, str]], now: datetime) -> QuerySet[Any]:
    dated: QuerySet[Any] = rows.annotate(day=Case(*_days(places, now), default=None, output_field=IntegerField()))
    dated = dated.annotate(missed=F("day") - F("done_count") + _DONE.bitrightshift(F("day")).bitand(1))
    dated = dated.annotate(is_behind=Case(When(_behind(places, now), then=True), default=False, output_field=BooleanField()))
    ranked: QuerySet[Any] = dated.annotate(
        rank=Case(
            When(WITHDRAWN, then=Value(-2)),
            When(is_behind=True, then=F("missed") + 1000),
            When(day__isnull=False, then=F("missed")),
            default=Value(-1),
            output_field=IntegerField(),
        )
    )
    return ranked


def monitored(study: Study, now: datetime) -> QuerySet[Any]:
    """This function will give the standings of one study with `blocked_by` and `opted_out_at`.

    `blocked_by`: the reason why no text can reach the person, or ''. `opted_out_at`: since when their number wants no texts of
    this study, or maybe wants none; opting out is not leaving the study.
    """
    ways = _ways_of(study)
    reached = with_contacts(standings([study.pk], now), {channel for channels in ways for channel in channels})
    rows: QuerySet[Any] = reached.annotate(blocked_by=bar(study.scope, now, ways), opted_out_at=opted_out_since(study.scope))
    return rows


def _ways_of(study: Study) -> Mapping[tuple[str, ...], Collection[int]]:
    """This function will give the versions of a study by the channels that their rules may try."""
    ways: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for version_id in study.versions.filter(published_at__isnull=False).values_list("pk", flat=True):
        tried = dict.fromkeys(channel for rule in protocol(version_id).nudges for channel in channels_of(rule))
        ways[tuple(tried) or ("sms",)].add(version_id)
    return ways or {("sms",): set()}


def count_participants(study: Study, now: datetime) -> dict[str, int]:
    """This function will count a study's people: enrolled, in_burst, and each of FILTERS. Two statements."""
    counts = {name: Count("pk", filter=condition) for name, condition in FILTERS.items() if name != "all"}
    return monitored(study, now).aggregate(all=Count("pk"), **{**_counted(), **counts})


def figures(study_ids: Collection[int], now: datetime) -> Mapping[int, Mapping[str, int]]:
    """This function will count by study: enrolled, in_burst, behind, texts_sent, held_back. Four statements however many studies."""
    found: dict[int, dict[str, int]] = {
        pk: {"enrolled": 0, "in_burst": 0, "behind": 0, "texts_sent": 0, "held_back": 0} for pk in study_ids
    }
    counted = standings(study_ids, now).order_by().values("enrollment__study_id")
    for row in counted.annotate(**_counted(), behind=Count("pk", filter=FILTERS["behind"])):
        found[row.pop("enrollment__study_id")].update(row)
    for study_id, tally in count_texts(study_ids).items():
        found[study_id].update(texts_sent=tally.sent, held_back=tally.held_back)
    return found


def page(rows: QuerySet[Any], cursor: str = "", *, size: int = PAGE_SIZE) -> Page:
    """This function will give one page of standings, worst first; a cursor that is none begins at the beginning."""
    rank, _separator, key = cursor.partition("_")
    if rank.lstrip("-").isdecimal() and key.isdecimal() and len(cursor) < 40:
        rows = rows.filter(Q(rank__lt=int(rank)) | Q(rank=int(rank), enrollment_id__gt=int(key)))
    found: list[Any] = list(rows.select_related("enrollment").order_by("-rank", "enrollment_id")[: size + 1])
    more = len(found) > size
    return Page(found[:size], f"{found[size - 1].rank}_{found[size - 1].enrollment_id}" if more else "")


def today_of(row: PlannerRow, now: datetime) -> date:
    """This function will give the date on a participant's own calendar; UTC's while their zone is not known."""
    return local_date(now, parse_zone(row.time_zone or "UTC"))


def _counted() -> dict[str, Count]:
    return {"enrolled": Count("pk", filter=~WITHDRAWN), "in_burst": Count("pk", filter=Q(day__isnull=False))}


def _days(places: Iterable[tuple[int, str]], now: datetime) -> Iterator[When]:
    """At one instant the world has two or three dates: a branch for each, and for each day that a burst may be at."""
    zones: dict[date, set[str]] = defaultdict(set)
    versions: dict[tuple[int, int], set[int]] = defaultdict(set)
    for version_id, zone in places:
        zones[local_date(now, parse_zone(zone or "UTC"))].add(zone)
        for track, looked_at in enumerate(_burst_tracks(version_id)):
            versions[track, looked_at.looks_at(protocol(version_id)).length_days].add(version_id)
    for today, named in zones.items():
        for (track, length), with_length in versions.items():
            here = Q(is_eligible=True, track=track, time_zone__in=sorted(named), version_id__in=sorted(with_length))
            for day in range(length):
                yield When(here & Q(burst_start=today - timedelta(days=day)), then=Value(day))


def _behind(places: Iterable[tuple[int, str]], now: datetime) -> Q:
    """This function will tell which rows are behind, each by its own version's reminder; without one nobody is."""
    behind = Q(pk__in=[])
    zones: dict[int, set[str]] = defaultdict(set)
    for version_id, zone in places:
        zones[version_id].add(zone)
    for version_id, named in zones.items():
        design = protocol(version_id)
        ruled = {track_of(design, rule): rule for rule in reversed(design.nudges) if isinstance(rule, CountingNudge) and rule.days is None}
        for track, rule in ruled.items():
            enough = _too_few(rule, design, named, now) if isinstance(rule, FewActivitiesNudge) else _too_many_missed(rule)
            is_open = Q(day__isnull=False, done_count__lt=design.series(rule.series_id).complete_after_days)
            behind |= Q(version_id=version_id, track=track) & is_open & enough
    return behind


def _too_many_missed(rule: MissedDaysNudge) -> Q:
    lately = _DONE.bitrightshift(F("day") - rule.consecutive).bitand((1 << rule.consecutive) - 1)
    in_a_row = Q(day__gte=rule.consecutive) & Q(Exact(lately, Value(0)))
    return Q(missed__gte=rule.total) | in_a_row


def _too_few(rule: FewActivitiesNudge, design: Protocol, zones: Iterable[str], now: datetime) -> Q:
    """This function will look as far back from last midnight as the rule does; what is done today is done, too."""
    midnights = (
        to_instant(local_date(now, zone) - rule.in_days * DAY, time.min, zone) for zone in (parse_zone(name or "UTC") for name in zones)
    )
    whens = [When(Exact(OuterRef("time_zone"), Value(name)), then=Value(since)) for name, since in zip(zones, midnights, strict=True)]
    since = Case(*whens, default=Value(now), output_field=DateTimeField())
    return Q(day__gte=rule.in_days) & Q(LessThan(finished_since(rule, design, since), rule.fewer_than))
