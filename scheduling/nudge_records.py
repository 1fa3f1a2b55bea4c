"""What became of each draw of a nudge, for those who analyse whether nudges help. Read next: rest_api/nudges.py.

A record is a person on a day on which they were due: reminded or (with a probability) left out by chance; with the chance they had, which
text it was, what became of it, and what they did in the day and the three days after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from channels_ace.api import Delivery
from scheduling.models import Completion, Nudge, NudgeDecision
from scheduling.planner import protocol
from studies.api import Study

LEFT_OUT = "left_out_by_chance"


@dataclass(frozen=True)
class NudgeRecord:
    """`variant`, `channel` and `state` are empty for who was left out; `did_24h` and `did_72h`: a counted session was finished by then.

    `passed_over` are the channels before it with the reason code of each.
    """

    id: int
    enrollment: str
    code: str
    rule: str
    burst: int
    local_date: date
    decided_at: datetime
    decision: str
    reason: str
    probability: float
    variant: str
    channel: str
    passed_over: list[tuple[str, str]]
    state: str
    did_24h: bool
    did_72h: bool


def nudge_records(study: Study, *, after: int, size: int) -> list[NudgeRecord]:
    """This function will list a study's records after the one of an id, by id. One statement."""
    decided = NudgeDecision.objects.filter(enrollment__study=study, pk__gt=after)
    drawn = decided.filter(~Q(decision__in=["none", "session"]) | Q(reason=LEFT_OUT))
    return list(_read(_with_outcome(drawn).select_related("enrollment").order_by("pk")[:size]))


def _with_outcome(decisions: QuerySet[NudgeDecision]) -> QuerySet[Any]:
    nudge = Nudge.objects.filter(enrollment=OuterRef("enrollment"), nudged_at=OuterRef("decided_at"), kind=OuterRef("decision"))
    sent = Delivery.objects.filter(message=OuterRef("message"), user=OuterRef("enrollment__user")).order_by("-pk")
    done = Completion.objects.filter(enrollment=OuterRef("enrollment"), counts=True, finished_at__gt=OuterRef("decided_at"))
    after = {f"did_{hours}h": Exists(done.filter(finished_at__lte=OuterRef("decided_at") + timedelta(hours=hours))) for hours in (24, 72)}
    return decisions.annotate(
        variant=Subquery(nudge.values("variant")[:1]),
        sent_state=Subquery(nudge.annotate(sent=Subquery(sent.values("state")[:1])).values("sent")[:1]),
        **after,
    )


def _read(rows: Iterable[Any]) -> Iterator[NudgeRecord]:
    for row in rows:
        yield NudgeRecord(
            id=row.pk,
            enrollment=row.enrollment.public_id,
            code=row.enrollment.code,
            rule=row.rule,
            burst=row.burst,
            local_date=row.local_date,
            decided_at=row.decided_at,
            decision=row.decision,
            reason=row.reason,
            probability=protocol(row.enrollment.version_id).nudge(row.rule).probability,
            variant=row.variant or "",
            channel=row.channel,
            passed_over=row.ways_passed_over,
            state=row.sent_state or "",
            did_24h=row.did_24h,
            did_72h=row.did_72h,
        )
