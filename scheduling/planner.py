"""Where each person stands in their bursts: one row each, rewritten only when something of theirs changes. Read next: nudges.py."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache

from channels_ace.api import local_date, parse_zone
from scheduling.burst_calendar import Burst, bursts
from scheduling.models import ActivityEvent, Completion, PlannerRow
from studies.api import Enrollment, MissedDaysNudge, Protocol, ProtocolVersion, protocol_of

CHUNK = 1_000


@lru_cache(maxsize=256)
def protocol(version_id: int) -> Protocol:
    """This function will read a version's protocol; versions never change, so it is read once a process."""
    return protocol_of(ProtocolVersion.objects.get(pk=version_id))


def replan(enrollment_ids: Iterable[int], now: datetime) -> int:
    """This function will make the planner rows of these enrollments what they should be, and say how many it wrote."""
    ids = list(enrollment_ids)
    written = 0
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        overrides = overrides_of(chunk)
        done = _done_days(chunk)
        rows = [_row(found, overrides[found.pk], done[found.pk], now) for found in Enrollment.objects.filter(pk__in=chunk)]
        PlannerRow.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["enrollment"],
            update_fields=["version", "time_zone", "burst", "burst_start", "done", "done_count", "is_eligible"],
        )
        written += len(rows)
    return written


def adopt_orphans(now: datetime) -> int:
    """This function will plan every enrollment that has no planner row: what a lost call left behind."""
    return replan(Enrollment.objects.filter(plan=None).values_list("pk", flat=True), now)


def roll_over(version_id: int, time_zone: str, today: date, now: datetime) -> int:
    """This function will move people of one zone whose burst is over on to their next one: each once in a burst."""
    over = today - timedelta(days=protocol(version_id).burst_series[0].extend_to_days)
    ended = PlannerRow.objects.filter(version_id=version_id, time_zone=time_zone, is_eligible=True, burst_start__lte=over)
    return replan(list(ended.values_list("pk", flat=True)), now)


def overrides_of(enrollment_ids: Iterable[int]) -> Mapping[int, dict[str, date | None]]:
    """This function will give what differs from the protocol, by enrollment and event; None means removed. One statement."""
    found: dict[int, dict[str, date | None]] = defaultdict(dict)
    for event in ActivityEvent.objects.filter(enrollment_id__in=list(enrollment_ids)):
        found[event.enrollment_id][event.event_id] = event.date
    return found


def counted_task(design: Protocol) -> str | None:
    """This function will name the task whose sessions make a day done; None means any."""
    return next((rule.counts for rule in design.nudges if isinstance(rule, MissedDaysNudge)), None)


def _row(enrollment: Enrollment, overrides: Mapping[str, date | None], done: Mapping[int, set[int]], now: datetime) -> PlannerRow:
    design = protocol(enrollment.version_id)
    series = design.burst_series[0]
    today = local_date(now, parse_zone(enrollment.time_zone or "UTC"))
    known = bursts(design, enrollment.enrolled_date, overrides)
    current = _current(known, today, series.extend_to_days)
    shown = current or (known[-1] if known else None)
    days = done[shown.number] if shown else set()
    return PlannerRow(
        enrollment_id=enrollment.pk,
        version_id=enrollment.version_id,
        time_zone=enrollment.time_zone,
        burst=shown.number if shown else 0,
        burst_start=shown.start_date if shown else enrollment.enrolled_date,
        done=sum(1 << day for day in days),
        done_count=len(days),
        is_eligible=current is not None and enrollment.state == Enrollment.State.ACTIVE and enrollment.consented_at is not None,
    )


def _current(known: list[Burst], today: date, days: int) -> Burst | None:
    """This function will give the burst that covers today (with its extension), else the next one."""
    upcoming = [burst for burst in known if burst.start_date + timedelta(days=days) > today]
    return min(upcoming, key=lambda burst: burst.start_date, default=None)


def _done_days(enrollment_ids: list[int]) -> Mapping[int, Mapping[int, set[int]]]:
    """This function will give the days (from 0) that count as done, by enrollment and burst. One statement."""
    found: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    finished = Completion.objects.filter(enrollment_id__in=enrollment_ids, finished_at__isnull=False, counts=True)
    for enrollment_id, burst, day in finished.values_list("enrollment_id", "burst", "day"):
        found[enrollment_id][burst].add(day - 1)
    return found
