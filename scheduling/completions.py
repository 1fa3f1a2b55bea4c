"""What a person did: one row a session, and one bit in their plan. Read next: planner.py."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.models import Completion, PlannerRow
from scheduling.planner import counted_task, protocol
from scheduling.timeline import find_session
from studies.api import Enrollment


class NotAcceptable(ValueError):
    """What was said of the session cannot be; nothing was written."""


def complete(
    enrollment: Enrollment,
    session_id: str,
    *,
    started_at: datetime | None,
    finished_at: datetime | None,
    now: datetime,
    declined: bool = False,
    client_data: Mapping[str, Any] | None = None,
) -> Completion:
    """This function will record what a person did about a session; said twice, it changes nothing.

    What was finished stays finished: a later report without `finished_at` does not undo it. Times are the app's clock.
    Raises UnknownSession, and NotAcceptable for a finish before the start or a session that has not opened.
    """
    session = find_session(enrollment, session_id)
    if started_at is not None and finished_at is not None and finished_at < started_at:
        raise NotAcceptable(_("The session cannot be finished before it was started."))
    if now < session.opens_at:
        raise NotAcceptable(_("The session has not opened yet."))
    if enrollment.state == Enrollment.State.WITHDRAWN:
        raise NotAcceptable(_("You are no longer in this study."))
    with transaction.atomic():
        known, _made = Completion.objects.select_for_update().get_or_create(
            enrollment=enrollment,
            session_id=session_id,
            defaults={"burst": session.burst_number, "day": session.day, "recorded_at": now},
        )
        known.started_at = known.started_at or started_at
        known.finished_at = known.finished_at or finished_at
        known.declined = known.finished_at is None and (known.declined or declined)
        known.counts = counted_task(protocol(enrollment.version_id)) in (None, session.task)
        known.client_data = {**known.client_data, **dict(client_data or {})}
        known.save()
        if known.finished_at is not None and known.counts:
            _mark_day(enrollment, session.burst_number, session.day - 1)
    return known


def _mark_day(enrollment: Enrollment, burst: int, day: int) -> None:
    plan = PlannerRow.objects.select_for_update().filter(enrollment=enrollment, burst=burst).first()
    if plan is not None and not plan.done & (1 << day):
        PlannerRow.objects.filter(pk=plan.pk).update(done=plan.done | (1 << day), done_count=plan.done_count + 1)
