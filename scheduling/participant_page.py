"""What the page of one participant shows: worked out from the protocol, laid over the few rows that exist. Read next: timeline.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from channels_ace.api import local_date, local_now, parse_zone, render, sentence
from notifications.api import CHANNEL_LABELS
from scheduling.burst_calendar import Burst
from scheduling.day_strip import square, state_of_day, state_of_session
from scheduling.event_dates import event_dates
from scheduling.events import begun_events
from scheduling.explain import Explained, explain_day
from scheduling.models import ActivityEvent, NudgeDecision
from scheduling.monitoring import monitored
from scheduling.pictures import Mark, draw, write_day
from scheduling.planner import bursts_of, overrides_of, protocol
from scheduling.texts import SENT, Text, kind_of, name_rule, name_series, name_text, recent_texts, say_series
from scheduling.timeline import DatedSession, sessions_of
from scheduling.views import describe_text, name_zone, write_time
from studies.api import Enrollment, Protocol, ProtocolVersion, Study
from studies.protocol import ENROLLMENT

MOST_TEXTS = 100
MOST_DECISIONS = 60
# Where a channel's words stand, if not in its text.
WORDS = {"push": "body", "email": "subject"}


@dataclass(frozen=True)
class Person:
    """An enrollment, with what the parts of its page are worked out from."""

    study: Study
    enrollment: Enrollment
    now: datetime

    @cached_property
    def design(self) -> Protocol:
        return protocol(self.enrollment.version_id)

    @cached_property
    def overrides(self) -> Mapping[str, date | None]:
        return overrides_of([self.enrollment.pk])[self.enrollment.pk]

    @cached_property
    def bursts(self) -> list[Burst]:
        return bursts_of(self.enrollment, self.overrides)

    @cached_property
    def texts(self) -> list[Text]:
        return recent_texts(Q(enrollment=self.enrollment), MOST_TEXTS)

    @cached_property
    def standing(self) -> Any:
        """The planner row with its standing (monitoring.py); None in the moment before the first tick."""
        return monitored(self.study, self.now).filter(enrollment=self.enrollment).first()

    @property
    def zone(self) -> ZoneInfo:
        return parse_zone(self.enrollment.time_zone or "UTC")

    @property
    def today(self) -> date:
        return local_date(self.now, self.zone)

    @property
    def language(self) -> str:
        recipient = getattr(self.enrollment.user, "carillon_recipient", None)
        return recipient.language if recipient is not None else ""

    @property
    def removed_events(self) -> dict[str, tuple[str, int]]:
        """The series and numbers of the bursts that were removed for this person, by event."""
        starts = {series.event_id(number): (series.id, number) for series in self.design.burst_series for number in series.numbers}
        return {event_id: burst for event_id, burst in starts.items() if self.overrides.get(event_id, date.max) is None}

    @property
    def movable_bursts(self) -> list[Burst]:
        """Bursts that are not over and in which nothing was done yet: what was done stays on its day."""
        begun = begun_events(self.enrollment)
        return [
            burst
            for burst in self.bursts
            if burst.end_date > self.today and burst.event_id not in begun and self.design.update_of(burst.event_id) == "mutable"
        ]


def describe_person(person: Person) -> dict[str, Any]:
    """This function will give the context of participant.html, without what may be done."""
    return {
        "participant": _describe_head(person),
        "timeline": draw(
            person.design,
            person.enrollment.enrolled_date,
            person.zone,
            known=person.bursts,
            today=person.today,
            texts=[_mark(text) for text in person.texts if text.state in SENT],
        ),
        "bursts": list(_describe_bursts(person)),
        "texts": [_describe_text(person, text) for text in person.texts],
        "decisions": list(_describe_decisions(person)),
        "events": list(_describe_events(person)),
    }


def _name_version(joined: ProtocolVersion) -> str:
    if joined.amended_by is None:
        return str(joined.number)
    return _("%(number)d (joined with %(joined)d)") % {"number": joined.amended_by.number, "joined": joined.number}


def _describe_head(person: Person) -> dict[str, Any]:
    enrollment, standing = person.enrollment, person.standing
    coming = next((burst for burst in person.bursts if burst.start_date > person.today), None)
    blocked = standing.blocked_by if standing is not None else ""
    facts = [
        {"label": _("Local time now"), "value": write_time(local_now(person.now, person.zone))},
        {"label": _("Reached by text"), "value": sentence(blocked) if blocked else _("Yes")},
        {
            "label": _("Next burst"),
            "value": _name_burst(person, coming) if coming and enrollment.state != Enrollment.State.WITHDRAWN else _("None"),
        },
        {"label": _("Protocol version"), "value": _name_version(enrollment.version)},
    ]
    return {
        "label": enrollment.code,
        "zone": name_zone(enrollment.time_zone),
        "zone_name": person.zone.key,
        "state": enrollment.get_state_display(),
        "is_behind": standing is not None and standing.is_behind,
        "enrolled_date": enrollment.enrolled_date,
        "facts": facts,
    }


def _name_burst(person: Person, burst: Burst) -> str:
    name = _("Burst %(number)d, starts %(date)s") % {"number": burst.number, "date": write_day(burst.start_date)}
    return say_series(name, person.enrollment.version_id, burst.series_id)


def _mark(text: Text) -> Mark:
    kind = "pre_burst" if text.kind_code == "pre_burst" else "reminder"
    return Mark(text.local_date, kind, _("%(text)s, on %(day)s") % {"text": text.kind, "day": write_day(text.local_date)})


def _describe_bursts(person: Person) -> Iterator[dict[str, Any]]:
    by_burst: dict[tuple[str, int], list[DatedSession]] = defaultdict(list)
    if person.bursts:
        longest = max(series.extend_to_days for series in person.design.burst_series)
        first, last = person.bursts[0].start_date, person.bursts[-1].start_date + timedelta(days=longest)
        for session in sessions_of(person.enrollment, first, last, person.now):
            by_burst[session.series_id, session.burst].append(session)
    for burst in person.bursts:
        found = by_burst[burst.series_id, burst.number]
        is_current = burst.start_date <= person.today < burst.end_date
        is_coming = burst.start_date > person.today
        yield {
            "number": burst.number,
            "series": name_series(person.enrollment.version_id, burst.series_id),
            "start_date": burst.start_date,
            "end_date": burst.last_date,
            "state": _("Now") if is_current else _("To come") if is_coming else _("Over"),
            "is_current": is_current,
            "is_coming": is_coming,
            "done": sum(session.state == "completed" for session in found),
            # Today's is still to be done, but counts as soon as it is.
            "due": sum(session.opens_at <= person.now for session in found if not session.is_extension),
            "days": _squares(person, found),
            "sessions": [] if is_coming else [_describe_session(person, session) for session in found],
        }


def _squares(person: Person, found: list[DatedSession]) -> list[dict[str, Any]]:
    by_day: dict[int, list[DatedSession]] = defaultdict(list)
    for session in found:
        by_day[session.day].append(session)
    left_on = local_date(person.enrollment.withdrawn_at, person.zone) if person.enrollment.withdrawn_at else date.max
    squares = []
    for number, of_day in sorted(by_day.items()):
        on = of_day[0].date
        state = state_of_day([session.state for session in of_day])
        if on >= left_on and state in ("missed", "future"):
            # Nobody owes what came after they left.
            state = "excused"
        if of_day[0].is_extension and state == "missed":
            # Nor a day that was added, to make up for others.
            state = "excused"
        squares.append(square(number, on, state, is_today=on == person.today))
    return squares


def _describe_session(person: Person, session: DatedSession) -> dict[str, Any]:
    label = session.label
    name = label.get((get_language() or "").split("-")[0]) or next(iter(label.values()), session.task)
    return {
        "name": _("Day %(number)d: %(name)s") % {"number": session.day, "name": name},
        "opens_at": session.opens_at,
        "closes_at": session.closes_at,
        "state": state_of_session(session.state),
    }


def _describe_text(person: Person, text: Text) -> dict[str, Any]:
    row = describe_text(person.study, text)
    del row["participant_url"]
    if text.message is not None:
        part = WORDS.get(text.channel, "text")
        row["body"] = render(text.message, text.channel, (part,), person.language)[part]
    return row


def describe_day(person: Person, on: date) -> list[dict[str, Any]]:
    """This function will say what each rule did about somebody on a local date, as the table of decisions shows it."""
    return [_describe_explained(person, on, found) for found in explain_day(person.enrollment, on, person.now)]


def _describe_explained(person: Person, on: date, found: Explained) -> dict[str, Any]:
    if found.decided is not None:
        return _describe_decision(person, found.decided)
    version_id, rule = person.enrollment.version_id, found.rule.id
    name = name_text(version_id, rule, kind_of(version_id, rule), found.burst) if found.burst else name_rule(version_id, found.rule)
    return {"on": on, "kind": name, "is_told": False, "reason": sentence(found.reason), "reason_code": found.reason}


def _describe_decisions(person: Person) -> Iterator[dict[str, Any]]:
    for decided in NudgeDecision.objects.filter(enrollment=person.enrollment).order_by("-local_date", "rule")[:MOST_DECISIONS]:
        yield _describe_decision(person, decided)


def _describe_decision(person: Person, decided: NudgeDecision) -> dict[str, Any]:
    is_told = decided.decision != "none"
    kind = decided.decision if is_told else kind_of(person.enrollment.version_id, decided.rule)
    return {
        "on": decided.local_date,
        "kind": name_text(person.enrollment.version_id, decided.rule, kind, decided.burst),
        "is_told": is_told,
        "reason": " ".join([sentence(decided.reason), *_tell_ways(decided)]),
        "reason_code": decided.reason,
    }


def _tell_ways(decided: NudgeDecision) -> Iterator[str]:
    """This function will say which ways were passed over, each with its reason, and by which the person was reminded then."""
    for channel, reason in decided.ways_passed_over:
        yield _("%(channel)s was passed over: %(why)s") % {"channel": CHANNEL_LABELS.get(channel, channel), "why": sentence(reason)}
    if decided.passed_over and decided.channel:
        yield _("Said by: %(channel)s.") % {"channel": CHANNEL_LABELS.get(decided.channel, decided.channel)}


def _describe_events(person: Person) -> Iterator[dict[str, Any]]:
    """What the calendar counts from: the enrollment, then the start of each burst, moved and removed ones with who and why."""
    changes: dict[str, list[ActivityEvent]] = defaultdict(list)
    for change in ActivityEvent.objects.filter(enrollment=person.enrollment).select_related("actor").order_by("-pk"):
        changes[change.event_id].append(change)
    enrollment = person.enrollment
    generated = event_dates(person.design, enrollment.enrolled_date, seed=enrollment.public_id)
    dates = event_dates(person.design, enrollment.enrolled_date, person.overrides, seed=enrollment.public_id)
    starts = {series.event_id(number): (series.id, number) for series in person.design.burst_series for number in series.numbers}
    for event_id in person.design.event_ids:
        is_changed = event_id in person.overrides
        yield {
            "on": dates.get(event_id),
            "name": _name_event(person, event_id, starts),
            "event_id": event_id,
            "state": _name_state(event_id, person, is_dated=event_id in dates),
            "is_changed": is_changed,
            "was_on": generated.get(event_id) if is_changed else None,
            "changes": changes[event_id],
        }


def _name_event(person: Person, event_id: str, starts: Mapping[str, tuple[str, int]]) -> str:
    if event_id == ENROLLMENT:
        return pgettext("event", "Enrolled")
    if event_id not in starts:
        return event_id.removeprefix("custom:")
    series, number = starts[event_id]
    return say_series(_("Burst %(number)d starts") % {"number": number}, person.enrollment.version_id, series)


def _name_state(event_id: str, person: Person, *, is_dated: bool) -> str:
    if event_id in person.overrides:
        return _("Moved") if person.overrides[event_id] else _("Removed")
    if event_id == ENROLLMENT:
        return _("From enrollment")
    return _("Generated") if is_dated else _("Not set")
