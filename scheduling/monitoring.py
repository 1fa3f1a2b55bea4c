"""How the people of a study stand, as a set: who is in a burst, who is behind, whom no text can reach. Read next: reach.py, texts.py.

Everything is worked out by the database from the planner rows and `now`; nothing is stored, nothing can be stale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.lookups import Exact

from channels_ace.api import local_date, parse_zone
from scheduling.models import PlannerRow
from scheduling.planner import protocol
from scheduling.reach import bar, opted_out_since, with_phone
from scheduling.texts import count_texts
from studies.api import Enrollment, MissedDaysNudge, Study

WITHDRAWN = Q(enrollment__state=Enrollment.State.WITHDRAWN)
FILTERS: Mapping[str, Q] = {
    "all": Q(),
    "behind": Q(is_behind=True),
    "blocked": ~Q(blocked_by="") & ~WITHDRAWN,
    "opted_out": Q(opted_out_at__isnull=False),
    "withdrawn": WITHDRAWN,
}
PAGE_SIZE = 50
# The stubs let only numbers shift; the database shifts by columns.
_DONE: Any = F("done")


@dataclass(frozen=True)
class Page:
    """Some rows, worst first, and the cursor to go on with (empty at the end)."""

    rows: Sequence[Any]
    next_cursor: str


def standings(study_ids: Collection[int], now: datetime) -> QuerySet[Any]:
    """This function will give the planner rows of studies with `day`, `missed`, `is_behind` and `rank`. One statement, not yet run.

    `day`: of the burst, from 0, on the participant's own date; None outside a burst or when no rule applies to them.
    `missed`: days of this burst that are over and were not done.
    `is_behind`: in a burst they have not completed, and missed as many days as their protocol's reminder asks for, in all
    or in a row up to yesterday. Today does not count yet: they can still do it. Who was reminded stays behind until they
    catch up; who cannot be reminded (no phone, a data group) is behind all the same.
    `rank`: the worse, the higher.
    """
    rows = PlannerRow.objects.filter(enrollment__study_id__in=study_ids)
    places = list(rows.order_by().values_list("version_id", "time_zone").distinct())
    rows = rows.annotate(day=Case(*_days(places, now), default=None, output_field=IntegerField()))
    rows = rows.annotate(missed=F("day") - F("done_count") + _DONE.bitrightshift(F("day")).bitand(1))
    rows = rows.annotate(
        is_behind=Case(When(_behind({version for version, _zone in places}), then=True), default=False, output_field=BooleanField())
    )
    return rows.annotate(
        rank=Case(
            When(WITHDRAWN, then=Value(-2)),
            When(is_behind=True, then=F("missed") + 1000),
            When(day__isnull=False, then=F("missed")),
            default=Value(-1),
            output_field=IntegerField(),
        )
    )


def monitored(study: Study, now: datetime) -> QuerySet[Any]:
    """This function will give the standings of one study with `blocked_by` and `opted_out_at`.

    `blocked_by`: the reason why no text can reach the person, or ''. `opted_out_at`: since when their number wants no texts of
    this study, or maybe wants none; opting out is not leaving the study.
    """
    rows: QuerySet[Any] = with_phone(standings([study.pk], now)).annotate(
        blocked_by=bar(study.scope, now), opted_out_at=opted_out_since(study.scope)
    )
    return rows


def count_participants(study: Study, now: datetime) -> dict[str, int]:
    """This function will count a study's people: enrolled, in_burst, and each of FILTERS. Two statements."""
    counts = {name: Count("pk", filter=condition) for name, condition in FILTERS.items() if name != "all"}
    return monitored(study, now).aggregate(all=Count("pk"), **_counted(), **counts)


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
        rows = rows.filter(Q(rank__lt=int(rank)) | Q(rank=int(rank), pk__gt=int(key)))
    found: list[Any] = list(rows.select_related("enrollment").order_by("-rank", "pk")[: size + 1])
    more = len(found) > size
    return Page(found[:size], f"{found[size - 1].rank}_{found[size - 1].pk}" if more else "")


def today_of(row: PlannerRow, now: datetime) -> date:
    """This function will give the date on a participant's own calendar; UTC's while their zone is not known."""
    return local_date(now, parse_zone(row.time_zone or "UTC"))


def _counted() -> dict[str, Count]:
    return {"enrolled": Count("pk", filter=~WITHDRAWN), "in_burst": Count("pk", filter=Q(day__isnull=False))}


def _days(places: Iterable[tuple[int, str]], now: datetime) -> Iterator[When]:
    """At one instant the world has two or three dates: a branch for each, and for each day that a burst may be at."""
    zones: dict[date, set[str]] = defaultdict(set)
    versions: dict[int, set[int]] = defaultdict(set)
    for version_id, zone in places:
        zones[local_date(now, parse_zone(zone or "UTC"))].add(zone)
        versions[protocol(version_id).burst_series[0].length_days].add(version_id)
    for today, named in zones.items():
        for length, with_length in versions.items():
            here = Q(is_eligible=True, time_zone__in=sorted(named), version_id__in=sorted(with_length))
            for day in range(length):
                yield When(here & Q(burst_start=today - timedelta(days=day)), then=Value(day))


def _behind(version_ids: Iterable[int]) -> Q:
    """This function will tell which rows are behind, each by its own version's reminder; without one nobody is."""
    behind = Q(pk__in=[])
    for version_id in version_ids:
        design = protocol(version_id)
        series = design.burst_series[0]
        rule = next((found for found in design.nudges if isinstance(found, MissedDaysNudge) and found.series_id == series.id), None)
        if rule is not None:
            lately = _DONE.bitrightshift(F("day") - rule.consecutive).bitand((1 << rule.consecutive) - 1)
            in_a_row = Q(day__gte=rule.consecutive) & Q(Exact(lately, Value(0)))
            enough = Q(missed__gte=rule.total) | in_a_row
            behind |= Q(version_id=version_id, day__isnull=False, done_count__lt=series.complete_after_days) & enough
    return behind
