"""One participation from enrollment to the last day of the last burst, lived through the product's own functions and rolled back.

Whoever designs a study sees every session and every text before a person does. Read next: nudges.py, timeline.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.db import transaction

from channels_ace.api import Attempt, ContactPoint, Delivery, Recipient, add_contact_point, local_now, render, sentence, to_instant
from scheduling.burst_calendar import Burst
from scheduling.completions import complete
from scheduling.event_dates import event_dates
from scheduling.events import Who, set_event
from scheduling.models import Nudge, NudgeDecision
from scheduling.nudges import do
from scheduling.planner import bursts_of, forget_protocols, protocol
from scheduling.reasons import RULE_REASONS
from scheduling.rolling import roll_tracks
from scheduling.runs import Run, is_hour
from scheduling.timeline import DatedSession, sessions_of
from studies.api import (
    Enrollment,
    PreBurstNudge,
    Protocol,
    Rule,
    SessionReminder,
    choose_attributes,
    create_study,
    enroll,
    import_protocol,
    publish,
)

# Does this person do a session, by the day of its burst (from 1) and its place among those of the day (from 0)?
Profile = Callable[[int, int], bool]
PROFILES: Mapping[str, Profile] = {
    "silent": lambda day, place: False,
    "perfect": lambda day, place: True,
    "forgetful": lambda day, place: day % 3 == 1,
    "quitter": lambda day, place: day <= 5,
    "halfway": lambda day, place: place % 2 == 0,
}
NO_EVENTS: Mapping[str, date] = {}
NO_ATTRIBUTES: Mapping[str, object] = {}
# A number of the range that is kept for fiction (North American Numbering Plan, 555-0100 to 555-0199).
PHONE = "+12065550100"


@dataclass(frozen=True)
class Happening:
    """One line of the story. Times are the participant's own.

    `kind` is "session", "text", "held_back" (a text could not have reached the person) or "no_text" (the rule asked for none).
    """

    at_local: datetime
    kind: str
    burst: int
    what: str
    outcome: str


def simulate(
    document: Mapping[str, Any],
    *,
    profile: str,
    enrolled_local: datetime,
    zone: ZoneInfo,
    events: Mapping[str, date] = NO_EVENTS,
    groups: Collection[str] = (),
    attributes: Mapping[str, object] = NO_ATTRIBUTES,
) -> list[Happening]:
    """This function will live through a protocol's bursts as a person of a profile, and leave nothing behind.

    `enrolled_local` is wall time in the zone; `events` are dated by somebody; `groups` are the person's data groups, beside those that
    chance gives them. Raises ProtocolError for a document that is none, UnknownEvent, NotChangeable and NotAllowed.
    """
    found: list[Happening] = []
    with transaction.atomic():
        enrollment = _begin(document, to_instant(enrolled_local.date(), enrolled_local.time(), zone), zone, groups)
        design = protocol(enrollment.version_id)
        choose_attributes(enrollment, attributes, now=enrollment.enrolled_at)
        for event_id, on in events.items():
            set_event(enrollment, event_id, on, now=enrollment.enrolled_at, who=Who(is_staff=True))
        for day in _days_of_interest(design, bursts_of(enrollment, events), _dates(enrollment, events), enrollment.enrolled_date):
            found += _live(enrollment, design, day, zone, PROFILES[profile])
        transaction.set_rollback(True)
    forget_protocols()
    return sorted(found, key=lambda happening: (happening.at_local.replace(tzinfo=None), happening.kind))


def _begin(document: Mapping[str, Any], now: datetime, zone: ZoneInfo, groups: Collection[str]) -> Enrollment:
    model = get_user_model()
    person = model._default_manager.create(**{model.USERNAME_FIELD: f"simulation-{secrets.token_hex(12)}"})
    Recipient.objects.create(user=person, time_zone=zone.key)
    add_contact_point(user_id=person.pk, kind=ContactPoint.Kind.PHONE, address=PHONE, now=now, verified=True)
    study = create_study(
        name="Simulation", participant_name=str(document.get("participant_name", "Simulation")), owner_id=person.pk, now=now
    )
    publish(import_protocol(study, document, actor_id=person.pk, now=now), actor_id=person.pk, now=now)
    study.refresh_from_db()
    return enroll(study, user_id=person.pk, code="SIMULATION", time_zone=zone.key, now=now, data_groups=groups)


def _dates(enrollment: Enrollment, events: Mapping[str, date]) -> Mapping[str, date]:
    return event_dates(protocol(enrollment.version_id), enrollment.enrolled_date, events, seed=enrollment.public_id)


def _days_of_interest(design: Protocol, known: Iterable[Burst], dates: Mapping[str, date], first: date) -> list[date]:
    """This function will list the local dates on which something may happen: what rules look at, and what they look ahead from."""
    # Held back by another, a text before a burst is tried again on the days up to it.
    leads = [rule.lead_days for rule in design.nudges if isinstance(rule, PreBurstNudge)]
    ahead = {day for lead in leads for day in range(min(1, lead), lead + 1)}
    blocks = [(burst.start_date, (burst.end_date - burst.start_date).days) for burst in known]
    for days in (rule.days for rule in design.nudges if rule.days is not None and rule.days.event_id in dates):
        blocks.append((dates[days.event_id] + timedelta(days=days.delay_days), days.length_days))
    found = {start + timedelta(days=number) for start, length in blocks for number in range(length)}
    found |= {start - timedelta(days=lead) for start, _length in blocks for lead in ahead}
    return sorted(day for day in found if day >= first)


def _live(enrollment: Enrollment, design: Protocol, day: date, zone: ZoneInfo, does: Profile) -> list[Happening]:
    """This function will live through one local date: what is done when it opens, and each rule at its hour."""
    begins = to_instant(day, time.min, zone)
    roll_tracks(enrollment.version_id, zone.key, day, begins)
    due = sessions_of(enrollment, day, day + timedelta(days=1), begins)
    steps: list[tuple[datetime, int, Callable[[], list[Happening]]]] = []
    for session in due:
        steps.append((session.opens_at, 0, lambda session=session: [_session(enrollment, session, zone, does)]))  # type: ignore[misc]
    for rule in design.rules:
        at = _moment(rule, due, day, zone)
        run = Run(enrollment.version, design, rule, zone.key, day)
        if at is not None and at > enrollment.enrolled_at:
            steps.append((at, 1, lambda run=run, at=at: list(_run(run, at))))  # type: ignore[misc]
    return [happening for _at, _order, step in sorted(steps, key=lambda step: step[:2]) for happening in step()]


def _moment(rule: Rule, due: Iterable[DatedSession], day: date, zone: ZoneInfo) -> datetime | None:
    """This function will tell when a rule runs on a date: at its hour, or after the person's own session by chance; None: not at all."""
    if not isinstance(rule, SessionReminder) or rule.random_times is None:
        return to_instant(day, max(rule.send_at, rule.window_opens), zone)
    for session in due:
        design_id, _burst, place = session.id.split(":", 2)
        at = session.opens_at + timedelta(minutes=rule.after_minutes)
        if design_id == rule.session_id and place in rule.places.values() and is_hour(rule, local_now(at, zone)):
            return at
    return None


def _session(enrollment: Enrollment, session: DatedSession, zone: ZoneInfo, does: Profile) -> Happening:
    is_done = does(session.day, int(session.id.rpartition(":")[2]))
    if is_done:
        # Whoever enrolls in the middle of a day does that day's session then.
        at = max(session.opens_at, enrollment.enrolled_at)
        complete(enrollment, session.id, started_at=at, finished_at=at, now=at)
    return Happening(local_now(session.opens_at, zone), "session", session.burst, session.id, "done" if is_done else "missed")


def _run(run: Run, now: datetime) -> Iterator[Happening]:
    """This function will let a rule run, and tell what came of it."""
    do(run, now)
    local = local_now(now, ZoneInfo(run.time_zone))
    decided = NudgeDecision.objects.filter(enrollment__version=run.version, rule=run.rule.id, local_date=run.today).first()
    if decided is None:
        return
    if decided.decision == "none":
        kind = "no_text" if decided.reason in RULE_REASONS else "held_back"
        yield Happening(local, kind, decided.burst, run.rule.id, sentence(decided.reason))
        return
    nudge = Nudge.objects.select_related("message").get(
        enrollment_id=decided.enrollment_id,
        burst=decided.burst,
        local_date=run.today,
        kind=decided.decision,
        variant__startswith=f"{run.rule.id}.",
    )
    delivery = Delivery.objects.get(message=nudge.message, channel=decided.channel)
    if delivery.state == Delivery.State.READY:
        _hand_over(delivery, now)
        yield Happening(local, "text", decided.burst, f"{nudge.kind}: {_said(nudge)}", sentence(decided.reason))
    else:
        yield Happening(local, "held_back", decided.burst, run.rule.id, sentence(delivery.reason))


def _said(nudge: Nudge) -> str:
    return render(nudge.message, "sms", ("text.txt",), "en")["text"].strip()


def _hand_over(delivery: Delivery, now: datetime) -> None:
    """This function will note that the text went out, so that what counts against a cap counts."""
    Attempt.objects.create(
        delivery=delivery, fence=1, provider="simulation", started_at=now, finished_at=now, outcome="accepted", code="simulation"
    )
    Delivery.objects.filter(pk=delivery.pk).update(state=Delivery.State.ACCEPTED, changed_at=now)
