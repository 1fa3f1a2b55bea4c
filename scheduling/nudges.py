"""Reminding who falls behind: each tick runs the rules of the zones whose hour it is, each as a set, at most once a local date.

A run is one transaction: its ledger row, the decisions with their reasons, the nudges, and the messages handed to the
router. A missed tick costs nothing while the hour is fresh; a second one finds the ledger and does nothing.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat

from channels_ace.api import (
    By,
    Into,
    Message,
    Rule,
    deliveries_of,
    drop_unsaid,
    expect_memory,
    insert_and_count,
    insert_each,
    local_now,
    parse_zone,
    rules,
    write_messages,
)
from scheduling.burst_calendar import session_window
from scheduling.drawn_times import drawn_minute, write_drawn_times
from scheduling.fall_back import fall_back, plan_first
from scheduling.models import Nudge, NudgeDecision, PlannerRow, RunLedger
from scheduling.nudge_rules import Outcome, concerned, ruling, session_of
from scheduling.nudge_texts import NudgeText, Situation, by_text, situations_of, texts_of, with_situation, with_text, write_texts
from scheduling.planner import adopt_orphans, hold_designs, protocol
from scheduling.reach import NUDGE_TYPE, barring_rules, channels_of, question_of, why_not, with_contacts
from scheduling.rolling import live_places, roll_places
from scheduling.runs import FRESH_FOR, Run, runs_of_hour
from scheduling.slots import filled_by, fills, reached_nobody, slot_of
from studies.api import DataGroup, PreBurstNudge, SessionReminder, meets

logger = logging.getLogger(__name__)

# Between two nudges of one person, whichever studies they are of; reminders of sessions stand apart.
GAP = timedelta(hours=18)
# Longer than the days a rule looks at, and the longest lead before them.
LOOK_BACK_DAYS = 160
# Says of an advisory lock that it is ours.
_NUDGING = 0x4E756467


def tick(now: datetime) -> int:
    """This function will do every run whose hour it is and that has not been done, and say how many people it reminded.

    What a run of this hour could not bring to somebody goes on by the next way first: so no other rule takes it for given up.
    """
    adopt_orphans(now)
    places = live_places()
    roll_places(places, now)
    nudged = 0
    runs, done = runs_of_hour(places, now)
    for run in done:
        try:
            fall_back(run.version, run.rule.id, channels_of(run.rule), run.today, now - FRESH_FOR, now)
        except IntegrityError:
            logger.info("Another planner falls back for %s on %s", run.rule.id, run.today)
    for run in runs:
        try:
            nudged += do_in_turn(run, now)
        except IntegrityError:
            # Another beat's tick is doing, or has done, this run.
            logger.info("Run of %s for %s on %s is another's", run.rule.id, run.time_zone, run.today)
    return nudged


def do_in_turn(run: Run, now: datetime) -> int:
    """This function will do a run while nobody else decides about nudges, and leave it if another design has been published since it
    was found: who is in two studies is reminded by one, and the other knows."""
    with transaction.atomic():
        hold_designs([run.version.study_id])
        if protocol(run.version.pk) != run.design:
            return 0
        # SQLite has one writer at a time anyway.
        if connection.vendor == "postgresql" and not isinstance(run.rule, SessionReminder):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_NUDGING])
        return do(run, now)


def do(run: Run, now: datetime) -> int:
    """This function will decide about everyone a run concerns and hand the reminders over, in one transaction.

    Raises IntegrityError when the run has been done. Of sessions by chance it decides about those whose time has come since it ran last.
    """
    with transaction.atomic():
        expect_memory()
        key: dict[str, Any] = {"version": run.version, "rule": run.rule.id, "time_zone": run.time_zone, "local_date": run.today}
        if isinstance(run.rule, SessionReminder) and run.is_by_chance:
            ledger, is_first = RunLedger.objects.select_for_update().get_or_create(**key, defaults={"ran_at": now})
            run = replace(run, opened=_opened(run.rule, parse_zone(run.time_zone), None if is_first else ledger.ran_at, now))
        else:
            ledger = RunLedger.objects.create(**key, ran_at=now)
        starts = set(_rows(run).order_by().values_list("burst_start", flat=True).distinct())
        if not starts:
            return 0
        if not isinstance(run.rule, SessionReminder):
            free_slots(run)
        decided, nudged = decide(run, starts, now)
        RunLedger.objects.filter(pk=ledger.pk).update(ran_at=now, decided=ledger.decided + decided, nudged=ledger.nudged + nudged)
    return nudged


def _opened(rule: SessionReminder, zone: ZoneInfo, since: datetime | None, now: datetime) -> range:
    """This function will tell in which minutes of the day sessions by chance opened of which it is time to remind.

    They are still open, their time has come since the last run, and it falls into the rule's hours.
    """
    after, minute = rule.after_minutes, _minute(local_now(now, zone).time())
    last = _minute(local_now(since, zone).time()) if since else -1
    before = max(last, minute - FRESH_FOR // timedelta(minutes=1), _minute(rule.window_opens) - 1)
    is_open_since = minute - (rule.window_minutes or 0) + 1
    return range(max(0, before + 1 - after, is_open_since), max(0, minute - after + 1))


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def free_slots(run: Run) -> int:
    """This function will free the slots of reminders that reached nobody for good: a failed text does not use up the allowance."""
    people = _rows(run).values("enrollment_id")
    filled = filled_by(run.rule, run.design).filter(enrollment_id__in=people, local_date__gte=run.today - timedelta(days=LOOK_BACK_DAYS))
    freed = filled.filter(reached_nobody()).values("pk")
    return Nudge.objects.filter(pk__in=freed).update(slot=Concat("slot", Value("#"), Cast("pk", CharField())))


def _rows(run: Run) -> QuerySet[PlannerRow]:
    rows = PlannerRow.objects.filter(version=run.version, track=run.track, time_zone=run.time_zone, is_eligible=True)
    return rows.filter(concerned(run.rule, run.design, run.today))


def decide(run: Run, starts: Collection[date], now: datetime) -> tuple[int, int]:
    """This function will decide about everyone the run concerns, with the reason, and hand the reminders over: all in one statement.

    The rule comes first: of whom it wants nothing, nobody asks whether a text could reach them. It says how many were decided about,
    and how many are reminded.
    """
    wanted, outcomes = ruling(run.rule, run.design, run.today, starts, run.time_zone)
    rows = _undecided(run)
    if isinstance(run.rule, SessionReminder):
        rows = rows.annotate(session=session_of(run.rule, run.today, starts))
        if run.opened is not None:
            write_drawn_times(run.rule, rows, run.today)
            drawn = rows.annotate(opens=drawn_minute(run.today))
            rows = drawn.filter(opens__gte=run.opened.start, opens__lt=run.opened.stop)
            first = rows.aggregate(first=Min("opens"))["first"]
            if first is None:
                return 0, 0
            run = replace(run, opened=range(first, run.opened.stop))
    rows = rows.annotate(wanted=wanted)
    texts = [text for text in texts_of(run.rule) if text.kind in {outcome.decision for outcome in outcomes}]
    if not texts:
        return insert_each(rows, _decisions(run, outcomes, [], now)), 0
    decided = nudged = 0
    for place in range(len(channels_of(run.rule))):
        more = _decide_by(place, run, rows, outcomes, texts, now)
        decided, nudged = decided + more[0], nudged + more[1]
    return decided, nudged


def _decide_by(
    place: int, run: Run, rows: QuerySet[Any], outcomes: Sequence[Outcome], texts: Sequence[NudgeText], now: datetime
) -> tuple[int, int]:
    """This function will remind who is undecided so far and can be reached by one channel of the rule; the last one decides about all."""
    channels = channels_of(run.rule)
    channel, is_last = channels[place], place == len(channels) - 1
    question = question_of(run.version.study.scope, now, channel)
    asked = rules(question)
    situations = situations_of(_rows(run), texts)
    barred = [(Q(situation=None), "changed_just_now")] if situations else []
    own = [*barred, *_barred(run, now)]
    noes = [*own, *((rule.when, rule.reason) for rule in asked if rule.until is None)]
    waits = [rule for rule in asked if rule.until is not None]
    messages, key_of = _write(run, texts, situations, now, channels[place:])
    keys = by_text(outcomes, texts, key_of)
    expires_at = next(iter(messages.values())).expires_at
    rows = with_text(with_situation(rows, situations), run.today, texts)
    rows = rows.annotate(held=_held(outcomes, noes, waits))
    passed_over = _passed_over(run, channels[:place], len(own), now) if place else Value("")
    tables = [
        _decisions(run, outcomes, noes, now, channel=channel, passed_over=passed_over, only="" if is_last else f"> {len(noes)}"),
        _nudges(run, outcomes, texts, keys, len(noes), now),
    ]
    if channel == "sms":
        tables.append(deliveries_of(question, keys, waits, after=len(noes), by="held", expires_at=expires_at, now=now))
    decided, nudged, *_others = insert_and_count(rows, *tables, by="held")
    if channel != "sms" and nudged:
        plan_first([message.pk for message in messages.values()], channel, now)
    drop_unsaid(messages)
    return decided, nudged


def _passed_over(run: Run, channels: Sequence[str], own: int, now: datetime) -> Combinable:
    """This function will say why each of these channels did not do; of whom the rule itself bars, nobody asked."""
    scope = run.version.study.scope
    reasons = [
        Concat(why_not(((rule.when, rule.reason) for rule in barring_rules(scope, now, channel)), f"{channel}:"), Value(" "))
        for channel in channels
    ]
    said = Concat(*reasons, Value("")) if len(reasons) > 1 else reasons[0]
    return Case(When(held__lte=own, then=Value("")), default=said, output_field=CharField())


def _expires_at(run: Run, now: datetime) -> datetime | None:
    """This function will tell until when a text may be sent: one of a session only while that is open; None: as the type has it."""
    if not isinstance(run.rule, SessionReminder):
        return None
    opened_on = run.today - timedelta(days=run.rule.days_later)
    # Of several by chance the first that closes: they share their messages.
    opens_at = time(run.opened.start // 60, run.opened.start % 60) if run.opened is not None else run.rule.opens_at
    _opens_at, closes_at = session_window(opened_on, opens_at, run.rule.window_minutes, parse_zone(run.time_zone))
    return min(closes_at, now + FRESH_FOR)


def _undecided(run: Run) -> QuerySet[Any]:
    # Who was decided about today has come from a zone whose hour was earlier: a person has one decision a rule and local date.
    today = NudgeDecision.objects.filter(enrollment_id=OuterRef("enrollment_id"), rule=run.rule.id, local_date=run.today)
    return with_contacts(_rows(run), channels_of(run.rule)).filter(~Exists(today))


def _barred(run: Run, now: datetime) -> Iterable[tuple[Any, str]]:
    groups = DataGroup.objects.filter(enrollment_id=OuterRef("enrollment_id"), name__in=run.rule.excluded_data_groups)
    filled = filled_by(run.rule, run.design).filter(enrollment_id=OuterRef("enrollment_id"), burst=OuterRef("burst"))
    if run.rule.days is not None:
        # Moved a little, it is the same event; of what is before an event, another date is told of again.
        if isinstance(run.rule, PreBurstNudge):
            filled = filled.filter(slot=Concat(Value(f"{slot_of(run.rule, run.design)}:"), Cast(OuterRef("burst_start"), CharField())))
        else:
            filled = filled.filter(local_date__gte=OuterRef("burst_start"))
    if run.rule.excluded_data_groups:
        yield Exists(groups), "excluded_data_group"
    if run.rule.only_data_groups:
        wanted = DataGroup.objects.filter(enrollment_id=OuterRef("enrollment_id"), name__in=run.rule.only_data_groups)
        yield ~Q(Exists(wanted)), "not_in_data_group"
    for condition in run.rule.excluded_attributes:
        yield meets(condition, run.design, "enrollment_id"), "excluded_attribute"
    for condition in run.rule.only_attributes:
        yield ~Q(meets(condition, run.design, "enrollment_id")), "without_attribute"
    if isinstance(run.rule, SessionReminder):
        yield Exists(filled), "already_reminded"
        return
    yield Exists(filled), "already_notified"
    yield Exists(_lately(now)), "reminded_lately"
    yield from ((_has_had(cap["most"], now - timedelta(hours=cap["hours"])), "capped") for cap in settings.STUDIES["NUDGE_CAPS"])


def _lately(now: datetime) -> QuerySet[Nudge]:
    """This function will give what reminded a row's person less than a gap ago, in any study: hours that pass count, not clocks.

    It correlates by equality alone and starts at an index: PostgreSQL reads the last hours' nudges once, not once a row.
    """
    return _counting(now - GAP).filter(~reached_nobody(), enrollment__user_id=OuterRef("enrollment__user_id"))


def _has_had(most: int, since: datetime) -> Q:
    """This function will tell whether a row's person has had so many nudges since then, in all their studies.

    Whoever may have is found for all rows at once; of them alone is asked what became of each.
    """
    people = _counting(since).order_by().values("enrollment__user_id").annotate(had=Count("pk")).filter(had__gte=most)
    mine = _counting(since).filter(~reached_nobody(), enrollment__user_id=OuterRef("enrollment__user_id")).order_by()
    return Q(enrollment__user_id__in=people.values("enrollment__user_id")) & Q(Exists(mine[most - 1 : most]))


def _counting(since: datetime) -> QuerySet[Nudge]:
    return Nudge.objects.filter(nudged_at__gt=since).exclude(slot__startswith="session:")


def _held(outcomes: Sequence[Outcome], noes: Sequence[tuple[Any, str]], waits: Sequence[Rule]) -> Case:
    """This function will number what becomes of a row: 0 where the rule wants nothing, then a number for each no, then "now", then
    one for each thing to wait for."""
    nudging = [number for number, outcome in enumerate(outcomes) if outcome.decision != "none"]
    whens = [When(~Q(wanted__in=nudging), then=Value(0))]
    whens += [When(when, then=Value(number)) for number, (when, _) in enumerate(noes, start=1)]
    whens += [When(rule.when, then=Value(number)) for number, rule in enumerate(waits, start=len(noes) + 2)]
    return Case(*whens, default=Value(len(noes) + 1), output_field=IntegerField())


def _decisions(
    run: Run,
    outcomes: Sequence[Outcome],
    noes: Sequence[tuple[Any, str]],
    now: datetime,
    *,
    channel: str = "",
    passed_over: Combinable | None = None,
    only: str = "",
) -> Into:
    decision = By("wanted", [outcome.decision for outcome in outcomes])
    reason = By("wanted", [outcome.reason for outcome in outcomes])
    return Into(
        model=NudgeDecision,
        columns={
            "enrollment_id": "enrollment_id",
            "burst": "burst",
            "rule": Value(run.rule.id),
            "local_date": Value(run.today),
            "decided_at": Value(now),
            "passed_over": passed_over or Value(""),
        },
        looked_up={
            "decision": By("held", [None, *["none"] * len(noes)], otherwise=decision) if noes else decision,
            "reason": By("held", [None, *(why for _, why in noes)], otherwise=reason) if noes else reason,
            "channel": By("held", [""] * (len(noes) + 1), otherwise=channel) if channel else By("wanted", [""]),
        },
        only=only,
    )


def _nudges(run: Run, outcomes: Sequence[Outcome], texts: Sequence[NudgeText], messages: By, after: int, now: datetime) -> Into:
    return Into(
        model=Nudge,
        columns={
            "enrollment_id": "enrollment_id",
            "burst": "burst",
            "slot": fills(run.rule, run.design),
            "local_date": Value(run.today),
            "nudged_at": Value(now),
        },
        looked_up={
            "kind": By("wanted", [outcome.decision for outcome in outcomes]),
            "variant": by_text(outcomes, texts, lambda text: text.name),
            "message_id": messages,
        },
        only=f"> {after}",
    )


def _write(
    run: Run, texts: Sequence[NudgeText], situations: Sequence[Situation], now: datetime, channels: Sequence[str]
) -> tuple[Mapping[str, Message], Callable[[NudgeText], Any]]:
    """This function will write the messages of each text, also of those that turn out to be nobody's, and tell which of them a row gets."""
    study = run.version.study
    said = {text.name: write_texts(text, situations, run.today, run.design, run.rule, study) for text in texts}
    # What reads the same is one message, in how many situations it may be.
    named = {name: [f"{name}:{words.index(word)}" if len(words) > 1 else name for word in words] for name, words in said.items()}
    contexts = {
        run.key(name, channels[0]): {"study": study.participant_name, **words}
        for text in texts
        for name, words in zip(named[text.name], said[text.name], strict=True)
    }
    messages = write_messages(
        NUDGE_TYPE,
        contexts=contexts,
        scope=study.scope,
        channels=channels,
        now=now,
        expires_at=_expires_at(run, now),
    )

    def key_of(text: NudgeText) -> Any:
        keys = [messages[run.key(name, channels[0])].pk for name in named[text.name]]
        return By("situation", keys) if len(set(keys)) > 1 else keys[0]

    return messages, key_of
