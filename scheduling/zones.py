"""In which zone a participant's days are: what their phone or they themselves report, as far as the study's policy lets it.

The router's recipient holds the zone reported last; an enrollment holds the one that its calendar runs in. Read next: planner.py.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from channels_ace.api import Recipient, local_date, parse_zone
from scheduling.planner import bursts_of, overrides_of, protocol
from studies.api import Enrollment, choose_zone


def report_zone(user_id: int, name: str, now: datetime) -> list[Enrollment]:
    """This function will take the zone of a person's phone, or the one that they chose (settings.AFTER_ZONE): for what is sent to them
    at once, for their studies by each one's policy.

    It gives the enrollments whose calendar changed. Raises UnknownZone.
    """
    parse_zone(name)
    with transaction.atomic():
        Recipient.objects.update_or_create(user_id=user_id, defaults={"time_zone": name})
        mine = Enrollment.objects.select_for_update(of=("self",)).select_related("study")
        found = mine.filter(user_id=user_id).exclude(state=Enrollment.State.WITHDRAWN).exclude(time_zone=name)
        changed = [enrollment for enrollment in found if _may_follow(enrollment, now)]
        for enrollment in changed:
            choose_zone(enrollment, name, now=now, why="reported")
    return changed


def settle_zones(enrollment_ids: Collection[int], now: datetime) -> None:
    """This function will give people whose burst is over the zone that their phone reported during it (policy pin_for_burst)."""
    people = Enrollment.objects.filter(pk__in=enrollment_ids).annotate(reported=F("user__carillon_recipient__time_zone"))
    for enrollment in people.exclude(reported="").exclude(reported=F("time_zone")).exclude(reported=None).select_related("study"):
        if _may_follow(enrollment, now):
            choose_zone(enrollment, enrollment.reported, now=now, why="burst over")


def _may_follow(enrollment: Enrollment, now: datetime) -> bool:
    policy = protocol(enrollment.version_id).time_zone_policy
    if not enrollment.time_zone or policy == "follow":
        return True
    return policy == "pin_for_burst" and not _is_in_burst(enrollment, now)


def _is_in_burst(enrollment: Enrollment, now: datetime) -> bool:
    design = protocol(enrollment.version_id)
    today = local_date(now, parse_zone(enrollment.time_zone))
    known = bursts_of(enrollment, overrides_of([enrollment.pk])[enrollment.pk])
    days = {series.id: timedelta(days=series.extend_to_days) for series in design.burst_series}
    return any(burst.start_date <= today < burst.start_date + days[burst.series_id] for burst in known)
