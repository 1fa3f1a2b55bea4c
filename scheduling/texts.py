"""What a study's reminders became: sent, or held back and why. Read next: monitoring.py, channels_ace/models.py.

Two sorts of rows tell it. A nudge was handed to the router, and its delivery says what became of it. A decision "none"
whose reason is about reaching the person (no phone, STOP, consent) kept a text from being made; such a decision comes
every day of a burst, so all of one person, burst and rule count as one text held back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Case, CharField, Count, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from channels_ace.api import Delivery, Message
from scheduling.models import Nudge, NudgeDecision
from scheduling.planner import protocol
from scheduling.reasons import RULE_REASONS
from studies.api import PreBurstNudge, Rule

SENT = frozenset({Delivery.State.ACCEPTED, Delivery.State.DELIVERED})
HELD_BACK = frozenset({Delivery.State.SUPPRESSED, Delivery.State.EXPIRED, Delivery.State.CANCELLED})
FAILED = frozenset({Delivery.State.UNDELIVERABLE, Delivery.State.DEAD})
UNKNOWN = frozenset({Delivery.State.UNKNOWN, Delivery.State.UNKNOWN_FINAL})


@dataclass
class Tally:
    """Texts of one study by what became of them; `reasons` counts those held back or failed by reason code."""

    sent: int = 0
    held_back: int = 0
    failed: int = 0
    unknown: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Text:
    """One text, or one that was kept back: to whom, what, when, and how it stands."""

    enrollment_id: int
    participant_id: str
    code: str
    time_zone: str
    kind: str
    kind_code: str
    at: datetime
    local_date: date
    state: str
    reason: str
    days: int = 1
    message: Message | None = None
    channel: str = ""


def count_texts(study_ids: Collection[int]) -> Mapping[int, Tally]:
    """This function will count the texts of studies by what became of them. Two statements."""
    found = {study_id: Tally() for study_id in study_ids}
    nudges = _with_delivery(Nudge.objects.filter(enrollment__study_id__in=study_ids)).order_by()
    for study_id, state, reason, count in nudges.values_list("enrollment__study_id", "state", "reason").annotate(count=Count("pk")):
        _add(found[study_id], state, reason, count)
    one = Concat(Cast("enrollment_id", CharField()), Value(":"), "rule", Value(":"), Cast("burst", CharField()))
    kept = kept_back(Q(enrollment__study_id__in=study_ids)).order_by()
    for study_id, reason, count in kept.values_list("enrollment__study_id", "reason").annotate(count=Count(one, distinct=True)):
        _add(found[study_id], Delivery.State.SUPPRESSED, reason, count)
    return found


def recent_texts(whose: Q, limit: int) -> list[Text]:
    """This function will list texts sent and held back, newest first. Two statements; `whose` speaks of the enrollment."""
    nudges = _with_delivery(Nudge.objects.filter(whose)).select_related("enrollment", "message")
    texts = [_sent(nudge) for nudge in nudges.order_by("-nudged_at", "-pk")[:limit]]
    fields = ["enrollment_id", "enrollment__public_id", "enrollment__code", "enrollment__time_zone", "enrollment__version_id"]
    kept = kept_back(whose).order_by().values(*fields, "rule", "burst", "reason")
    last = kept.annotate(at=Max("decided_at"), last_date=Max("local_date"), days=Count("pk")).order_by("-at", "-enrollment_id")
    texts += [_held_back(row) for row in last[:limit]]
    return sorted(texts, key=lambda text: text.at, reverse=True)[:limit]


def last_texts(enrollment_ids: Iterable[int]) -> Mapping[int, Any]:
    """This function will give the last nudge of each enrollment, with `state` and `reason` of its delivery. One statement."""
    newer = Nudge.objects.filter(enrollment=OuterRef("enrollment")).order_by("-nudged_at", "-pk")
    last = Nudge.objects.filter(enrollment_id__in=list(enrollment_ids), pk=Subquery(newer.values("pk")[:1]))
    return {nudge.enrollment_id: nudge for nudge in _with_delivery(last)}


def kept_back(whose: Q) -> QuerySet[NudgeDecision]:
    """This function will give the decisions that kept a text from somebody because it could not reach them."""
    return NudgeDecision.objects.filter(whose, decision="none").exclude(reason__in=RULE_REASONS)


def name_text(version_id: int, rule: str, kind: str, burst: int) -> str:
    """This function will name a text by what it is for, and by its burst series where the protocol has several."""
    about = next((known for known in protocol(version_id).rules if known.id == rule), None)
    if about is not None and about.days is not None:
        words = _("Text before the event %(event)s") if kind == "pre_burst" else _("Reminder after the event %(event)s")
        return words % {"event": about.days.event_id.removeprefix("custom:")}
    names = {
        "early": _("Reminder early in burst %(number)d"),
        "late": _("Reminder late in burst %(number)d"),
        "cumulative": _("Reminder of days missed in burst %(number)d"),
        "few": _("Reminder of few activities in burst %(number)d"),
        "pre_burst": _("Text before burst %(number)d"),
        "session": _("Reminder of a session in burst %(number)d"),
    }
    name = names.get(kind, _("Reminder in burst %(number)d")) % {"number": burst}
    series = name_series(version_id, about.series_id) if about is not None else ""
    return _("%(text)s of %(series)s") % {"text": name, "series": series} if series else name


def name_rule(version_id: int, rule: Rule) -> str:
    """This function will name what a rule sends, apart from any burst."""
    if rule.days is not None:
        return name_text(version_id, rule.id, kind_of(version_id, rule.id), 0)
    name = _("Text before a burst") if isinstance(rule, PreBurstNudge) else _("Reminder in a burst")
    return say_series(name, version_id, rule.series_id)


def name_series(version_id: int, series_id: str) -> str:
    """This function will name a burst series of a protocol that has several; of one that has only this, the empty string."""
    return series_id if len(protocol(version_id).burst_series) > 1 else ""


def say_series(name: str, version_id: int, series_id: str) -> str:
    """This function will add to the name of a burst its series, where the protocol has several."""
    series = name_series(version_id, series_id)
    return f"{name} · {series}" if series else name


def kind_of(version_id: int, rule: str) -> str:
    """This function will tell what a rule of a version would have sent: `pre_burst`, `session`, or a reminder of no further kind."""
    if rule.startswith("session:"):
        return "session"
    return next(("pre_burst" for known in protocol(version_id).nudges if known.id == rule and isinstance(known, PreBurstNudge)), "missed")


def _with_delivery(nudges: QuerySet[Nudge]) -> QuerySet[Any]:
    # Of several ways that were tried, the one that led furthest.
    led_nowhere = Case(When(state__in=[*HELD_BACK, *FAILED], then=Value(1)), default=Value(0), output_field=IntegerField())
    mine = Delivery.objects.filter(message=OuterRef("message"), user=OuterRef("enrollment__user")).order_by(led_nowhere, "-pk")
    return nudges.annotate(**{name: Subquery(mine.values(name)[:1]) for name in ("state", "reason", "channel")})


def _add(tally: Tally, state: str | None, reason: str | None, count: int) -> None:
    tally.sent += count if state in SENT else 0
    tally.held_back += count if state in HELD_BACK else 0
    tally.failed += count if state in FAILED else 0
    tally.unknown += count if state in UNKNOWN or state is None else 0
    if reason and state in HELD_BACK | FAILED:
        tally.reasons[reason] = tally.reasons.get(reason, 0) + count


def _sent(nudge: Any) -> Text:
    enrollment = nudge.enrollment
    return Text(
        enrollment_id=enrollment.pk,
        participant_id=enrollment.public_id,
        code=enrollment.code,
        time_zone=enrollment.time_zone,
        kind=name_text(enrollment.version_id, nudge.variant.split(".")[0], nudge.kind, nudge.burst),
        kind_code=nudge.kind,
        at=nudge.nudged_at,
        local_date=nudge.local_date,
        state=nudge.state or Delivery.State.UNKNOWN,
        reason=nudge.reason or "",
        message=nudge.message,
        channel=nudge.channel or "sms",
    )


def _held_back(row: Mapping[str, Any]) -> Text:
    kind = kind_of(row["enrollment__version_id"], row["rule"])
    return Text(
        enrollment_id=row["enrollment_id"],
        participant_id=row["enrollment__public_id"],
        code=row["enrollment__code"],
        time_zone=row["enrollment__time_zone"],
        kind=name_text(row["enrollment__version_id"], row["rule"], kind, row["burst"]),
        kind_code=kind,
        at=row["at"],
        local_date=row["last_date"],
        state=Delivery.State.SUPPRESSED,
        reason=row["reason"],
        days=row["days"],
    )
