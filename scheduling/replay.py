"""Deciding cases again with the production query: rows are made, a run decides about them as a set, and all is rolled back.

`bridge` decides what Sage Bridge decided, faults included; `current` what this product does. What Bridge did beside its
rule is a matter of which rows are made (see `_rows_of`). Read next: replay_cases.py, nudges.py.
"""

import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from channels_ace.api import ZONES, ContactPoint, Recipient, add_contact_point, local_now, parse_zone
from scheduling.models import Nudge, NudgeDecision, PlannerRow
from scheduling.nudge_texts import texts_of
from scheduling.nudges import decide
from scheduling.replay_cases import Case
from scheduling.runs import Run
from studies.api import DataGroup, Enrollment, ProtocolVersion, Study
from studies.protocol import BurstSeries, MissedDaysNudge, PreBurstNudge, Protocol, Texts

# Bridge's worker ran once a day and served these offsets only (bands of its exclusion rule).
BRIDGE_WEST, BRIDGE_EAST = timedelta(hours=-11), timedelta(hours=-1)
# Groups that Bridge took for consented, whatever their record said.
BRIDGE_CONSENTED = {"clinical_consent", "test_no_consent"}
# What the cases' bursts are a series of, in the words of a protocol.
SERIES = "activityBurst"
# A number of the range that is kept for fiction (North American Numbering Plan, 555-0100 to 555-0199).
PHONE = "+12065550100"
_ANY_TIME = datetime(2018, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Decision:
    """What was decided about a case, in the words of the cases."""

    id: str
    decision: str
    reason: str
    message: str | None


@dataclass(frozen=True)
class _Row:
    """A case's standing in one burst: the one that starts tomorrow, or one that covers the date."""

    number: int
    case: Case
    burst_start: date
    done: frozenset[int]


def replay(cases: Sequence[Case], *, evaluate: str) -> list[Decision]:
    """This function will decide every case, in their order, and leave nothing behind. `evaluate` is "bridge" or "current"."""
    groups: dict[tuple[str, date, str], list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        groups[json.dumps(case.config, sort_keys=True), case.date, _zone_name(case, evaluate)].append(number)
    decided: dict[int, Decision] = {}
    with transaction.atomic():
        study = Study.objects.create(name="Replay", participant_name="Replay", state=Study.State.LIVE, created_at=_ANY_TIME)
        for turn, ((_config, _date, zone), numbers) in enumerate(groups.items()):
            answers = _replay_group(study, turn, [cases[number] for number in numbers], zone, evaluate)
            decided.update(zip(numbers, answers, strict=True))
        transaction.set_rollback(True)
    return [decided[number] for number in range(len(cases))]


def _replay_group(study: Study, turn: int, cases: Sequence[Case], zone: str, evaluate: str) -> list[Decision]:
    """This function will decide cases of one design, date and zone in one run of each rule."""
    design = _design(cases[0].config, evaluate)
    version = ProtocolVersion.objects.create(study=study, number=turn + 1, document={}, imported_at=cases[0].now, published_at=cases[0].now)
    rows = [row for number, case in enumerate(cases) for row in _rows_of(number, case, evaluate)]
    enrollments = _enroll(version, rows, zone, evaluate)
    told: dict[int, tuple[str, str, str, int]] = {}
    for rule in design.nudges:
        run = Run(version, design, rule, zone, cases[0].date)
        decide(run, {row.burst_start for row in rows}, cases[0].now)
        by_name = {text.name: (text.group, text.variant) for text in texts_of(rule)}
        nudged = Nudge.objects.filter(enrollment__version=version, variant__in=by_name).values_list("enrollment_id", "variant")
        texts = {enrollment_id: by_name[name] for enrollment_id, name in nudged}
        for one in NudgeDecision.objects.filter(enrollment__version=version, rule=rule.id):
            told[one.enrollment_id] = (one.decision, one.reason, *texts.get(one.enrollment_id, ("", 0)))
    by_case: dict[int, list[tuple[str, str, str, int]]] = defaultdict(list)
    for enrollment, row in zip(enrollments, rows, strict=True):
        if enrollment.pk in told:
            by_case[row.number].append(told[enrollment.pk])
    return [_answer(case, by_case[number], design, evaluate) for number, case in enumerate(cases)]


def _rows_of(number: int, case: Case, evaluate: str) -> Iterable[_Row]:
    """This function will give the bursts that matter on the date.

    Bridge looked at the day before a burst first, then at the first burst listed that covers the date, and of a day's
    activities at the first. We look at every burst that covers it, and at every activity.
    """
    tomorrow = case.date + timedelta(days=1)
    covering = [start for start in case.bursts if 0 <= (case.date - start).days < case.config["burstDurationDays"]]
    if tomorrow in case.bursts:
        yield _Row(number, case, tomorrow, frozenset())
        if evaluate == "bridge":
            return
    for start in dict.fromkeys(covering[:1] if evaluate == "bridge" else covering):
        yield _Row(number, case, start, _done_days(case, start, evaluate))


def _done_days(case: Case, start: date, evaluate: str) -> frozenset[int]:
    first: dict[date, bool] = {}
    finished = set()
    for on, is_finished in case.activities:
        first.setdefault(on, is_finished)
        if is_finished and start <= on <= case.date:
            finished.add(on)
    counted = {on for on in finished if first[on]} if evaluate == "bridge" else finished
    return frozenset((on - start).days for on in counted)


def _enroll(version: ProtocolVersion, rows: Sequence[_Row], zone: str, evaluate: str) -> list[Enrollment]:
    """This function will make a person for each row: enrolled, reachable and reminded as the case says."""
    if not rows:
        return []
    model = get_user_model()
    names = [f"replay-{secrets.token_hex(12)}" for _row in rows]
    model._default_manager.bulk_create(model(**{model.USERNAME_FIELD: name}) for name in names)
    people = dict(model._default_manager.filter(**{f"{model.USERNAME_FIELD}__in": names}).values_list(model.USERNAME_FIELD, "pk"))
    now = rows[0].case.now
    enrollments = Enrollment.objects.bulk_create(
        Enrollment(
            study=version.study,
            version=version,
            user_id=people[name],
            code=name[:32],
            state=_state(row.case, evaluate),
            enrolled_at=now,
            enrolled_date=row.burst_start,
            time_zone=zone,
            consented_at=now if _exclusion(row.case, evaluate) not in {"not_consented", "consent_withdrawn"} else None,
        )
        for name, row in zip(names, rows, strict=True)
    )
    Recipient.objects.bulk_create(Recipient(user_id=one.user_id, time_zone=zone) for one in enrollments)
    PlannerRow.objects.bulk_create(_plan(one, row) for one, row in zip(enrollments, rows, strict=True))
    groups = [DataGroup(enrollment=one, name=name) for one, row in zip(enrollments, rows, strict=True) for name in row.case.data_groups]
    DataGroup.objects.bulk_create(groups)
    for one, row in zip(enrollments, rows, strict=True):
        _make_reachable(one, row.case, evaluate)
    Nudge.objects.bulk_create(nudge for one, row in zip(enrollments, rows, strict=True) for nudge in _earlier(one, row, evaluate))
    return enrollments


def _plan(enrollment: Enrollment, row: _Row) -> PlannerRow:
    is_eligible = enrollment.state == Enrollment.State.ACTIVE and enrollment.consented_at is not None
    done = sum(1 << day for day in row.done)
    return PlannerRow(
        enrollment=enrollment,
        version=enrollment.version,
        time_zone=enrollment.time_zone,
        burst=1,
        burst_start=row.burst_start,
        done=done,
        done_count=len(row.done),
        is_eligible=is_eligible and bool(enrollment.time_zone),
    )


def _state(case: Case, evaluate: str) -> str:
    return Enrollment.State.WITHDRAWN if _exclusion(case, evaluate) == "consent_withdrawn" else Enrollment.State.ACTIVE


def _make_reachable(enrollment: Enrollment, case: Case, evaluate: str) -> None:
    # An account without a phone passed Bridge's check; only its sending failed.
    verified = case.phone_verified or (case.phone_verified is None and evaluate == "bridge")
    if verified or case.phone_verified is False:
        kind = ContactPoint.Kind.PHONE
        add_contact_point(user_id=enrollment.user_id, kind=kind, address=PHONE, now=case.now, verified=bool(verified))


def _earlier(enrollment: Enrollment, row: _Row, evaluate: str) -> Iterable[Nudge]:
    """This function will give the reminder that was logged before, in the slots that it fills.

    Bridge's log knew no burst: what is younger than a burst is long counted, for both of its texts, and a text before a burst
    never. Here each of the two has a slot of its own.
    """
    case = row.case
    if case.last_at is None or case.last_at <= case.now - timedelta(days=case.config["burstDurationDays"]):
        return
    was_before = case.last_type == "PRE_BURST"
    before, missed = "pre_burst", "missed"
    slots = {"bridge": () if was_before else (missed, before), "current": (before,) if was_before else (missed,)}
    for slot in slots[evaluate]:
        yield Nudge(
            enrollment=enrollment,
            burst=1,
            slot=slot,
            kind=case.last_type.lower()[:16],
            variant="replay",
            local_date=case.last_at.date(),
            nudged_at=case.last_at,
            message_id=0,
        )


def _exclusion(case: Case, evaluate: str) -> str:
    """This function will name the first of Bridge's grounds for leaving a person out, in its order; "" for none."""
    if case.phone_verified is False or (case.phone_verified is None and evaluate == "current"):
        return "phone_unverified"
    if case.zone is None:
        return "no_time_zone"
    if evaluate == "bridge" and not BRIDGE_WEST <= (case.offset or timedelta()) <= BRIDGE_EAST:
        return "time_zone_out_of_range"
    if not (evaluate == "bridge" and BRIDGE_CONSENTED & set(case.data_groups)):
        if not case.consents:
            return "not_consented"
        if case.consents[-1].get("withdrewOn"):
            return "consent_withdrawn"
    return "excluded_data_group" if set(case.data_groups) & set(case.config.get("excludedDataGroupSet", ())) else ""


def _answer(case: Case, decided: Sequence[tuple[str, str, str, int]], design: Protocol, evaluate: str) -> Decision:
    """This function will put what the runs decided about a case's bursts into the words of the cases."""
    nudged = next((found for found in decided if found[0] != "none"), None)
    if nudged is None:
        reason = next((found[1] for found in decided), "not_in_burst")
        return Decision(case.id, "NONE", _exclusion(case, evaluate) or reason, None)
    kind, reason, group, variant = nudged
    # Without a commitment Bridge had nothing to say to a group but the text for all.
    text = _texts_of(design, kind, group if case.commitment else "")["en"]
    said = text[variant % len(text)]
    if not said:
        return Decision(case.id, "NONE", "no_message_configured", None)
    if "${studyCommitment}" in said and not case.commitment:
        return Decision(case.id, "NONE", "template_variable_missing", None)
    filled = said.replace("${studyCommitment}", case.commitment).replace("${url}", case.config.get("appUrl") or "")
    return Decision(case.id, kind.upper(), reason, filled)


def _texts_of(design: Protocol, kind: str, group: str) -> Texts:
    before, missed = design.nudges
    if isinstance(before, PreBurstNudge) and kind == "pre_burst":
        return before.by_data_group.get(group, before.default)
    texts: Texts = getattr(missed, kind)
    return texts


def _design(config: Mapping[str, Any], evaluate: str) -> Protocol:
    """This function will say a Bridge configuration in the words of a protocol."""
    days = config["burstDurationDays"]
    series = BurstSeries(SERIES, "enrollment", 1, None, days, 0, config["numActivitiesToCompleteBurst"], days)
    shared: dict[str, Any] = {
        "series_id": series.id,
        "send_at": time(12),
        "window_opens": time(0),
        "window_closes": time.max,
        "channels": ("sms",),
        "excluded_data_groups": frozenset(config.get("excludedDataGroupSet", ())),
    }
    by_group = config.get("preburstMessagesByDataGroup", {})
    before = PreBurstNudge(
        id="before",
        lead_days=1,
        first_burst=1,
        default=_texts([config.get("defaultPreburstMessage") or ""]),
        by_data_group={group: _texts(texts) for group, texts in by_group.items()},
        **shared,
    )
    missed = MissedDaysNudge(
        id="missed",
        counts="",
        consecutive=config["numMissedConsecutiveDaysToNotify"],
        total=config["numMissedDaysToNotify"],
        early_before_day=config["earlyLateCutoffDays"],
        blackout_start_days=config.get("notificationBlackoutDaysFromStart", 0),
        blackout_end_days=config.get("notificationBlackoutDaysFromEnd", 0),
        early=_texts(config.get("missedEarlyActivitiesMessagesList", ())),
        late=_texts(config.get("missedLaterActivitiesMessagesList", ())),
        cumulative=_texts(config.get("missedCumulativeActivitiesMessagesList", ())),
        evaluate=evaluate,
        **shared,
    )
    return Protocol("replay", "Replay", "Replay", (), (), ("en",), (series,), (), (before, missed))


def _texts(variants: Iterable[str]) -> Texts:
    # An empty text stands for none: there is always a variant to pick.
    return {"en": tuple(variants) or ("",)}


def _zone_name(case: Case, evaluate: str) -> str:
    """This function will name the zone whose run concerns a case: none for who has no zone, or one that Bridge did not serve."""
    if case.offset is None or _exclusion(case, evaluate) == "time_zone_out_of_range":
        return ""
    return _zone_at(case.offset, datetime.combine(case.date, time(12), UTC))


@cache
def _zone_at(offset: timedelta, at: datetime) -> str:
    """This function will find a zone that is so far from UTC at a time; the run's own zone decides nothing but whose hour it is."""
    names = sorted(ZONES, key=lambda name: (not name.startswith("Etc/"), name))
    return next((name for name in names if local_now(at, parse_zone(name)).utcoffset() == offset), "UTC")
