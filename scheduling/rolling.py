"""On to the next burst: once in a burst for each person, for most of them by a few statements a zone. Read next: planner.py.

Where bursts follow from the date of enrollment alone, everybody whose burst n began on one date begins the next on one date, too.
Whoever has something of their own (an event moved, jitter, an origin set by hand, the zone of a phone) is planned for alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from channels_ace.api import local_date, parse_zone
from scheduling.models import ActivityEvent, Completion, Place, PlannerRow
from scheduling.planner import designs, protocol, replan, tracks
from scheduling.zones import settle_zones
from studies.api import BurstSeries, Study
from studies.protocol import ENROLLMENT, DaysAfter


def live_places() -> list[Place]:
    """This function will list the places of studies that are on, in one order, so that planners at once do one thing after the other."""
    return list(Place.objects.filter(version__study__state=Study.State.LIVE).order_by("version_id", "time_zone"))


def roll_places(places: Iterable[Place], now: datetime) -> int:
    """This function will move on everybody whose burst is over, in each place once a local date, and say how many."""
    moved = 0
    for place in places:
        today = local_date(now, parse_zone(place.time_zone))
        # Another date, not a later one: a clock that was put back, or days lived through again, move nobody twice.
        if place.rolled_on != today:
            with transaction.atomic():
                # Another planner may have been here since.
                if Place.objects.filter(pk=place.pk, rolled_on=place.rolled_on).update(rolled_on=today):
                    moved += roll_tracks(place.version_id, place.time_zone, today, now)
    return moved


def roll_tracks(version_id: int, time_zone: str, today: date, now: datetime) -> int:
    """This function will move people of one zone whose burst is over on to their next one, and say how many."""
    return sum(roll_over(version_id, track, time_zone, today, now) for track in range(len(tracks(version_id))))


def roll_over(version_id: int, track: int, time_zone: str, today: date, now: datetime) -> int:
    """This function will move people of one zone whose burst is over on to their next one of a track, and say how many."""
    design = protocol(version_id)
    looked_at = tracks(version_id)[track].looks_at(design)
    over = today - timedelta(days=looked_at.extend_to_days)
    here = PlannerRow.objects.filter(version_id=version_id, track=track, time_zone=time_zone, is_eligible=True)
    ended = here.filter(burst_start__lte=over)
    if isinstance(looked_at, DaysAfter):
        # They come back with another date of the event.
        return ended.update(is_eligible=False)
    moved, series = 0, looked_at
    if is_alike(series) and design.time_zone_policy != "pin_for_burst":
        alike = ended.filter(~Exists(ActivityEvent.objects.filter(enrollment_id=OuterRef("enrollment_id"))), burst__gt=0)
        for burst, start in list(alike.order_by().values_list("burst", "burst_start").distinct()):
            # What was done in a later burst is counted anew: beat was away while it began.
            ahead = Completion.objects.filter(_of_series(version_id, series), enrollment_id=OuterRef("enrollment_id"), burst__gt=burst)
            moved += _move(alike.filter(~Exists(ahead), burst=burst, burst_start=start), series, burst, start, today)
    alone = list(ended.values_list("enrollment_id", flat=True))
    moved += replan(alone, now)
    if design.time_zone_policy == "pin_for_burst":
        settle_zones(alone, now)
    return moved


def _of_series(version_id: int, series: BurstSeries) -> Q:
    """This function will find the sessions of one series where a protocol has several: each series counts its bursts from 1."""
    if len(protocol(version_id).burst_series) == 1:
        return Q()
    mine = [session_id for session_id, (schedule, _session) in designs(version_id).items() if schedule.series_id == series.id]
    return reduce(or_, (Q(session_id__startswith=f"{session_id}:") for session_id in mine), Q(pk__in=[]))


def is_alike(series: BurstSeries) -> bool:
    """This function will tell whether the bursts of a series follow from the date of enrollment alone."""
    return series.origin == ENROLLMENT and not series.origins and not series.jitter_days


def _move(rows: QuerySet[PlannerRow], series: BurstSeries, burst: int, start: date, today: date) -> int:
    enrolled = start - timedelta(days=series.start_offset_days(burst))
    for number in range(burst + 1, series.count + 1):
        begins = enrolled + timedelta(days=series.start_offset_days(number))
        if begins + timedelta(days=series.extend_to_days) > today:
            return rows.update(burst=number, burst_start=begins, done=0, done_count=0)
    return rows.update(is_eligible=False)
