"""What a person did: one row a session, and one bit in their plan. Read next: planner.py."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from channels_ace.api import Delivery, cancel_waiting
from scheduling.models import Completion, Nudge, PlannerRow
from scheduling.planner import DoneSession, designs, does_session_count, hold_designs
from scheduling.tellings import spare
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
    Raises UnknownSession, and NotAcceptable for a finish before the start, a session that has not opened, or one whose grace is over.
    """
    with transaction.atomic():
        hold_designs([enrollment.study_id])
        session = find_session(enrollment, session_id)
        if started_at is not None and finished_at is not None and finished_at < started_at:
            raise NotAcceptable(_("The session cannot be finished before it was started."))
        if now < session.opens_at:
            raise NotAcceptable(_("The session has not opened yet."))
        if session.accepted_until is not None and min(finished_at or now, now) > session.accepted_until:
            raise NotAcceptable(_("The session closed too long ago."))
        if enrollment.state == Enrollment.State.WITHDRAWN:
            raise NotAcceptable(_("You are no longer in this study."))
        known, _made = Completion.objects.select_for_update().get_or_create(
            enrollment=enrollment,
            session_id=session_id,
            defaults={"burst": session.burst_number, "day": session.day, "recorded_at": now},
        )
        known.started_at = known.started_at or started_at
        known.finished_at = known.finished_at or finished_at
        known.declined = known.finished_at is None and (known.declined or declined)
        known.counts = does_session_count(enrollment.version_id, session.id)
        known.client_data = {**known.client_data, **dict(client_data or {})}
        known.save()
        if known.finished_at is not None or known.declined:
            cancel_reminders(enrollment, session_id, now)
        if known.finished_at is not None:
            _mark_day(enrollment, DoneSession(session.id.split(":")[0], session.burst_number, session.day, session.date))
        spare(enrollment, session_id, now)
    return known


def cancel_reminders(enrollment: Enrollment, session_id: str, now: datetime) -> int:
    """This function will cancel what waits to remind of a session, and say how many texts that were."""
    if not designs(enrollment.version_id)[session_id.split(":")[0]][1].reminders:
        return 0
    sent = Nudge.objects.filter(enrollment=enrollment, slot__startswith=f"session:{session_id}:")
    waiting = Delivery.objects.filter(message__in=sent.values("message"), user=enrollment.user_id)
    return cancel_waiting(waiting, now, reason="session_done")


def _mark_day(enrollment: Enrollment, done: DoneSession) -> None:
    for plan in PlannerRow.objects.select_for_update().filter(enrollment=enrollment).order_by("track"):
        bit = done.bit_on(plan)
        if bit and not plan.done & bit:
            PlannerRow.objects.filter(pk=plan.pk).update(done=plan.done | bit, done_count=plan.done_count + 1)
