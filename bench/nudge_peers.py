"""The same hour as most would write it: by the ORM in chunks of 2,000 people, and in a loop over the participants, one transaction each.

They ask what a run asks (who is near a burst, their phone, zone, STOP, choices, and what reminded them lately), decide in plain Python, and
write the same decisions, nudges and deliveries. Read next: nudges.py.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from django.db import transaction

from bench.measure import watch
from bench.world import NOW
from channels_ace.api import ContactPoint, Delivery, Message, Recipient, Suppression
from notifications.models import Mute, Preference, Rest
from scheduling.models import Nudge, NudgeDecision, PlannerRow
from studies.api import DataGroup, Enrollment, ProtocolVersion

CHUNK = 2_000
GAP = timedelta(hours=18)


def in_chunks(version: ProtocolVersion, zone: str, today: date) -> float:
    """This function will give the seconds of the hour by the ORM, for all who are near a burst."""
    with watch() as taken:
        message = _message(version)
        near = PlannerRow.objects.filter(
            version=version, time_zone=zone, is_eligible=True, burst_start__gt=today - timedelta(days=14), burst_start__lte=_tomorrow(today)
        )
        after = 0
        while plans := list(near.filter(pk__gt=after).select_related("enrollment").order_by("pk")[:CHUNK]):
            with transaction.atomic():
                _decide(plans, today, message)
            after = plans[-1].pk
    return taken.seconds


def one_by_one(version: ProtocolVersion, zone: str, today: date, most: int) -> tuple[float, int]:
    """This function will give the seconds of a loop over up to so many participants of a zone, evenly chosen, and how many those are."""
    everybody = list(PlannerRow.objects.filter(version=version, time_zone=zone).order_by("pk").values_list("enrollment_id", flat=True))
    people = everybody[:: max(1, len(everybody) // most)]
    with watch() as taken:
        message = _message(version)
        for enrollment_id in people:
            with transaction.atomic():
                plan = PlannerRow.objects.select_related("enrollment").get(enrollment_id=enrollment_id)
                if plan.is_eligible and today - timedelta(days=14) < plan.burst_start <= _tomorrow(today):
                    _decide([plan], today, message)
    return taken.seconds, len(people)


def _decide(plans: Sequence[PlannerRow], today: date, message: Message) -> None:
    users = [plan.enrollment.user_id for plan in plans]
    enrollments = [plan.enrollment_id for plan in plans]
    verified = ContactPoint.objects.filter(user_id__in=users, kind="phone", verified_at__isnull=False, removed_at=None)
    phones = {phone.user_id: phone for phone in verified.only("user_id", "index")}
    indexes = [phone.index for phone in phones.values()]
    stopped = set(Suppression.objects.filter(channel="sms", index__in=indexes, lifted_at=None).values_list("index", flat=True))
    places = dict(Recipient.objects.filter(user_id__in=users).values_list("user_id", "time_zone"))
    off = set(Preference.objects.filter(user_id__in=users, channel="sms", is_on=False, scope="study").values_list("user_id", flat=True))
    off |= set(Mute.objects.filter(user_id__in=users, key=message.scope).values_list("user_id", flat=True))
    off |= set(Rest.objects.filter(user_id__in=users, paused_until__gt=NOW).values_list("user_id", flat=True))
    left_out = set(
        DataGroup.objects.filter(enrollment_id__in=enrollments, name="notification_unsubscribed").values_list("enrollment_id", flat=True)
    )
    told = set(Nudge.objects.filter(enrollment_id__in=enrollments).values_list("enrollment_id", "burst", "slot"))
    recent = Nudge.objects.filter(enrollment__user_id__in=users, nudged_at__gt=NOW - GAP)
    lately = set(recent.values_list("enrollment__user_id", flat=True))
    decisions, nudges, deliveries = [], [], []
    for plan in plans:
        one = plan.enrollment
        phone = phones.get(one.user_id)
        day = (today - plan.burst_start).days
        decision, reason = _rule(day, plan.done, plan.done_count)
        slot = "pre_burst" if decision == "pre_burst" else "missed"
        if decision != "none":
            bars = {
                "excluded_data_group": one.pk in left_out,
                "already_notified": (one.pk, plan.burst, slot) in told,
                "reminded_lately": one.user_id in lately,
                "no_contact_point": phone is None,
                "suppressed_stop": phone is not None and phone.index in stopped,
                "paused": one.state != Enrollment.State.ACTIVE or one.consented_at is None,
                "turned_off": one.user_id in off,
                "no_time_zone": not places.get(one.user_id),
            }
            bar = next((name for name, holds in bars.items() if holds), "")
            decision, reason = ("none", bar) if bar else (decision, reason)
        decisions.append(
            NudgeDecision(
                enrollment_id=one.pk,
                rule="before" if day < 0 else "missed",
                local_date=today,
                burst=plan.burst,
                decision=decision,
                reason=reason,
                channel="sms" if decision != "none" else "",
                decided_at=NOW,
            )
        )
        if decision != "none" and phone is not None:
            nudges.append(
                Nudge(
                    enrollment_id=one.pk,
                    burst=plan.burst,
                    slot=slot,
                    kind=decision,
                    variant=f"{slot}.{decision}.1",
                    local_date=today,
                    nudged_at=NOW,
                    message=message,
                )
            )
            deliveries.append(
                Delivery(
                    message=message,
                    user_id=one.user_id,
                    channel="sms",
                    contact_point_id=phone.pk,
                    lane="nudges",
                    state=Delivery.State.READY,
                    due_at=NOW,
                    expires_at=NOW + timedelta(hours=4),
                    created_at=NOW,
                    changed_at=NOW,
                )
            )
    NudgeDecision.objects.bulk_create(decisions)
    Nudge.objects.bulk_create(nudges)
    Delivery.objects.bulk_create(deliveries)


def _rule(day: int, done: int, done_count: int) -> tuple[str, str]:
    """This function will decide as the rules of mPower 2.0 do, for a day of the burst (-1: tomorrow it begins)."""
    if day < 0:
        return "pre_burst", "burst_starts_tomorrow"
    if day < 3:
        return "none", "blackout_start"
    if day >= 13:
        return "none", "blackout_end"
    if done >> day & 1:
        return "none", "did_todays_activity"
    if done_count >= 10:
        return "none", "burst_completed"
    last_done = done.bit_length()
    if day + 1 - last_done >= 3:
        if last_done > done_count:
            return "cumulative", "cumulative_missed_threshold"
        kind = "early" if last_done <= 2 else "late"
        return kind, f"consecutive_missed_threshold_{kind}"
    if day + 1 - done_count >= 4:
        return "cumulative", "cumulative_missed_threshold"
    return "none", "thresholds_not_met"


def _message(version: ProtocolVersion) -> Message:
    return Message.objects.create(
        type="studies.nudge", scope=version.study.scope, channels=["sms"], idempotency_key="peer", fingerprint="", created_at=NOW
    )


def _tomorrow(today: date) -> date:
    return today + timedelta(days=1)
