"""Reminding who falls behind: each tick runs the rules of the zones whose hour it is, each as a set, at most once a local date.

A run is one transaction: its ledger row, the decisions with their reasons, the nudges, and the messages handed to the
router. A missed tick costs nothing while the hour is fresh; a second one finds the ledger and does nothing.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import (
    Case,
    CharField,
    Count,
    DateField,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat, Mod

from channels_ace.api import Delivery, insert_from, local_now, parse_zone
from notifications.api import notify
from scheduling.models import Nudge, NudgeDecision, PlannerRow, RunLedger
from scheduling.nudge_rules import concerned, ruling
from scheduling.planner import adopt_orphans, protocol, roll_over
from scheduling.reach import NUDGE_TYPE, barring_rules, with_phone
from studies.api import DataGroup, MissedDaysNudge, PreBurstNudge, Protocol, ProtocolVersion, Study

logger = logging.getLogger(__name__)

# Later than this after its hour a nudge is stale: better none than one at supper time about noon.
FRESH_FOR = timedelta(hours=4)
# Ends that reached nobody: the person may still be reminded in this burst. An unknown end is not among them.
FREEING = [Delivery.State.UNDELIVERABLE, Delivery.State.SUPPRESSED, Delivery.State.EXPIRED, Delivery.State.CANCELLED, Delivery.State.DEAD]

NudgeRule = MissedDaysNudge | PreBurstNudge


@dataclass(frozen=True)
class Run:
    """One rule of one version, for one zone's local date."""

    version: ProtocolVersion
    design: Protocol
    rule: NudgeRule
    time_zone: str
    today: date


def tick(now: datetime) -> int:
    """This function will do every run whose hour it is and that has not been done, and say how many people it reminded."""
    adopt_orphans(now)
    nudged = 0
    for run in due_runs(now):
        try:
            nudged += do(run, now)
        except IntegrityError:
            # Another beat's tick is doing, or has done, this run.
            logger.info("Run of %s for %s on %s is another's", run.rule.id, run.time_zone, run.today)
    return nudged


def due_runs(now: datetime) -> list[Run]:
    """This function will list the runs whose hour it is, in two statements however many people there are."""
    places = PlannerRow.objects.filter(is_eligible=True, version__study__state=Study.State.LIVE).exclude(time_zone="")
    found = []
    versions: dict[int, ProtocolVersion] = {}
    for version_id, zone in places.order_by().values_list("version_id", "time_zone").distinct():
        local = local_now(now, parse_zone(zone))
        for rule in protocol(version_id).nudges:
            if is_hour(rule, local):
                version = versions.get(version_id) or ProtocolVersion.objects.select_related("study").get(pk=version_id)
                versions[version_id] = version
                found.append(Run(version, protocol(version_id), rule, zone, local.date()))
    dates = {run.today for run in found}
    ledger = RunLedger.objects.filter(version_id__in=versions, local_date__in=dates)
    done = set(ledger.values_list("version_id", "rule", "time_zone", "local_date"))
    return [run for run in found if (run.version.pk, run.rule.id, run.time_zone, run.today) not in done]


def is_hour(rule: NudgeRule, local: datetime) -> bool:
    """This function will tell whether a rule may run at a local time: from its hour on, while fresh, within its window."""
    opens = max(rule.send_at, rule.window_opens)
    fresh_until = (datetime.combine(local.date(), rule.send_at) + FRESH_FOR).time() if rule.send_at < time(20) else time.max
    return opens <= local.time() < min(fresh_until, rule.window_closes)


def do(run: Run, now: datetime) -> int:
    """This function will decide about everyone a run concerns and hand the reminders over, in one transaction.

    Raises IntegrityError when the run has been done.
    """
    with transaction.atomic():
        ledger = RunLedger.objects.create(version=run.version, rule=run.rule.id, time_zone=run.time_zone, local_date=run.today, ran_at=now)
        roll_over(run.version.pk, run.time_zone, run.today, now)
        starts = set(_rows(run).order_by().values_list("burst_start", flat=True).distinct())
        if not starts:
            return 0
        free_slots(run)
        decided = decide(run, starts, now)
        nudged = sum(_remind(run, kind, group, variant, now) for kind, group, variant in _texts_due(run))
        RunLedger.objects.filter(pk=ledger.pk).update(decided=decided, nudged=nudged)
    return nudged


def slot_of(rule: NudgeRule) -> str:
    """This function will name what a rule may fill once in a burst: early, late and cumulative share one."""
    return "pre_burst" if isinstance(rule, PreBurstNudge) else "missed"


def free_slots(run: Run) -> int:
    """This function will free the slots of reminders that reached nobody for good: a failed text does not use up the allowance."""
    failed = Delivery.objects.filter(message=OuterRef("message"), user=OuterRef("enrollment__user"), state__in=FREEING)
    alive = Delivery.objects.filter(message=OuterRef("message"), user=OuterRef("enrollment__user")).exclude(state__in=FREEING)
    filled = Nudge.objects.filter(enrollment__plan__in=_rows(run), slot=slot_of(run.rule), local_date__gte=run.today - timedelta(days=40))
    freed = filled.filter(Exists(failed) & ~Q(Exists(alive))).values_list("pk", flat=True)
    return Nudge.objects.filter(pk__in=list(freed)).update(slot=Concat("slot", Value("#"), Cast("pk", CharField())))


def _rows(run: Run) -> QuerySet[PlannerRow]:
    rows = PlannerRow.objects.filter(version=run.version, time_zone=run.time_zone, is_eligible=True)
    return rows.filter(concerned(run.rule, run.design, run.today))


def decide(run: Run, starts: Collection[date], now: datetime) -> int:
    """This function will write one decision with its reason for everyone the run concerns, in one statement."""
    rows = with_phone(_rows(run))
    noes = barring_rules(run.version.study.scope, now)
    decision, outcomes = ruling(run.rule, run.design, run.today, starts, barred=_barred(run), reachable=noes)
    columns: dict[str, str | Combinable] = {
        "enrollment_id": "enrollment_id",
        "burst": "burst",
        "rule": Value(run.rule.id),
        "local_date": Value(run.today, output_field=DateField()),
        "decided_at": Value(now, output_field=DateTimeField()),
    }
    columns["decision"] = _in_words(decision, [outcome.decision for outcome in outcomes])
    columns["reason"] = _in_words(decision, [outcome.reason for outcome in outcomes])
    return insert_from(NudgeDecision, columns, rows)


def _in_words(ruled: Any, words: Sequence[str]) -> Case | Value:
    """This function will give a ruling's expression with words in place of the numbers that stand for them."""
    if isinstance(ruled, Value):
        return Value(words[ruled.value])
    # Not a CASE over the number: that would write the whole ruling once for every word.
    whens = [When(case.condition, then=_in_words(case.result, words)) for case in ruled.cases]
    return Case(*whens, default=_in_words(ruled.default, words), output_field=CharField())


def _barred(run: Run) -> Iterable[tuple[Any, str]]:
    groups = DataGroup.objects.filter(enrollment_id=OuterRef("enrollment_id"), name__in=run.rule.excluded_data_groups)
    filled = Nudge.objects.filter(enrollment_id=OuterRef("enrollment_id"), burst=OuterRef("burst"), slot=slot_of(run.rule))
    yield Exists(groups), "excluded_data_group"
    yield Exists(filled), "already_notified"


def _texts_due(run: Run) -> list[tuple[str, str, int]]:
    """This function will list the kinds, groups and variants of text that this run's reminders need."""
    due = reminders(run).order_by().values_list("decision", "text_group", "variant").annotate(people=Count("pk"))
    return sorted((decision, group, variant) for decision, group, variant, _ in due)


def reminders(run: Run) -> QuerySet[Any]:
    """This function will give the decisions of this run that remind someone, with the text each gets.

    The variant is spread by enrollment and date: as good as random, the same at every look, and kept with the nudge.
    """
    decided = NudgeDecision.objects.filter(
        enrollment__plan__version=run.version, enrollment__plan__time_zone=run.time_zone, rule=run.rule.id, local_date=run.today
    ).exclude(decision="none")
    groups = list(run.rule.by_data_group) if isinstance(run.rule, PreBurstNudge) else []
    if groups:
        first = DataGroup.objects.filter(enrollment_id=OuterRef("enrollment_id"), name__in=groups).order_by("pk").values("name")[:1]
        decided = decided.annotate(own_group=Subquery(first))
        decided = decided.annotate(
            text_group=Case(When(own_group__isnull=False, then=F("own_group")), default=Value(""), output_field=CharField())
        )
    else:
        decided = decided.annotate(text_group=Value("", output_field=CharField()))
    sizes = [
        When(decision=kind, text_group=group, then=_variant(run, len(next(iter(texts.values())))))
        for kind, group, texts in _all_texts(run.rule)
    ]
    return decided.annotate(variant=Case(*sizes, default=Value(0), output_field=IntegerField()))


def _variant(run: Run, variants: int) -> Mod:
    return Mod(F("enrollment_id") * 7919 + F("burst") * 104_729 + run.today.toordinal(), variants, output_field=IntegerField())


def _all_texts(rule: NudgeRule) -> list[tuple[str, str, Mapping[str, tuple[str, ...]]]]:
    if isinstance(rule, MissedDaysNudge):
        return [("early", "", rule.early), ("late", "", rule.late), ("cumulative", "", rule.cumulative)]
    return [("pre_burst", "", rule.default), *(("pre_burst", group, texts) for group, texts in rule.by_data_group.items())]


def _remind(run: Run, kind: str, group: str, variant: int, now: datetime) -> int:
    """This function will say one text to everyone who is due it: a message, a nudge row each, and the router does the rest."""
    texts = next(found for known, owner, found in _all_texts(run.rule) if (known, owner) == (kind, group))
    due = reminders(run).filter(decision=kind, text_group=group, variant=variant)
    study = run.version.study
    name = f"{run.rule.id}.{kind}{'.' + group if group else ''}.{variant + 1}"
    message = notify(
        type=NUDGE_TYPE,
        audience=get_user_model()._default_manager.filter(pk__in=due.values("enrollment__user_id")),
        context={"study": study.participant_name, "said": {"in_languages": _said(texts, variant, study)}},
        scope=study.scope,
        channels=[channel for channel in run.rule.channels if channel == "sms"],
        idempotency_key=f"nudge:{run.version.pk}:{run.time_zone}:{run.today}:{name}",
        now=now,
    )
    columns: dict[str, str | Combinable] = {
        "enrollment_id": "enrollment_id",
        "burst": "burst",
        "slot": Value(slot_of(run.rule)),
        "kind": Value(kind),
        "variant": Value(name),
        "local_date": "local_date",
        "nudged_at": Value(now, output_field=DateTimeField()),
        "message_id": Value(message.pk),
    }
    return insert_from(Nudge, columns, due)


def _said(texts: Mapping[str, tuple[str, ...]], variant: int, study: Study) -> dict[str, str]:
    return {
        language: variants[variant % len(variants)].replace("{study}", study.participant_name).replace("{link}", settings.SITE_URL)
        for language, variants in texts.items()
    }
