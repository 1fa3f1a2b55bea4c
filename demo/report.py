"""What the demo came to: counts, rules that must have held, and the doubles' ledger against the database. Read next: world.py."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import CharField, Count, Value
from django.db.models.functions import Cast, Concat

from channels_ace.api import Attempt, Delivery, sentence, to_instant
from demo.people import Participant, Profile, make_staff
from demo.world import join, make_study
from notifications.api import InboxItem
from scheduling.api import RULE_REASONS, Nudge, NudgeDecision, tick

_ONE_BURST = Concat(Cast("enrollment_id", CharField()), Value("/"), Cast("burst", CharField()))
OPEN = (Delivery.State.UNKNOWN, Delivery.State.UNKNOWN_FINAL, Delivery.State.SENDING)
# What the mPower 2 protocol has for somebody who does nothing in any of its nine bursts.
SILENT = {"early": 9, "pre_burst": 8}


@dataclass
class Comparison:
    """The ledger's accepted requests against the attempts that the database calls accepted, by the attempt's token."""

    ledger: int = 0
    database: int = 0
    only_in_ledger: int = 0
    only_in_database: int = 0
    # Accepted by the provider, and told as unknown: shown, counted, not sent again.
    unknown: int = 0
    twice: int = 0

    @property
    def agrees(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        return self.only_in_ledger == self.only_in_database == self.twice == 0


@dataclass
class Report:
    """Everything that `manage.py demo --check` prints as one JSON object."""

    deliveries: list[dict[str, object]]
    nudges: list[dict[str, object]]
    # Reminders that were due to nobody reachable: decided, and never made into a message.
    held_back: list[dict[str, object]]
    comparison: Comparison
    two_missed_in_a_burst: int
    texts_outside_hours: int
    silent_protocol: dict[str, int]
    seconds: float = 0.0
    database: str = ""
    broker: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether ledger and database agree and every rule held."""
        return not self.wrong()

    def wrong(self) -> list[str]:
        """This function will say what does not hold."""
        found = [
            (not self.comparison.agrees, "The ledger and the database do not agree."),
            (self.two_missed_in_a_burst, f"{self.two_missed_in_a_burst} people got two texts about missed days in one burst."),
            (self.texts_outside_hours, f"{self.texts_outside_hours} texts left before 09:00 or after 20:00 where their recipient is."),
            (self.silent_protocol != SILENT, f"Who does nothing for two years would get {self.silent_protocol}, not {SILENT}."),
        ]
        return [*(sentence for is_wrong, sentence in found if is_wrong), *self.faults]

    def as_json(self) -> str:
        """This function will give the whole report as one JSON object."""
        return json.dumps({"agrees": self.agrees, **asdict(self)})


def make_report(ledger: Path, today: date) -> Report:
    """This function will count and compare."""
    return Report(
        deliveries=count_deliveries(),
        nudges=count_nudges(),
        held_back=count_held_back(),
        comparison=compare(ledger),
        two_missed_in_a_burst=count_two_missed(),
        texts_outside_hours=count_texts_outside_hours(),
        silent_protocol=live_silently(today),
    )


def count_deliveries() -> list[dict[str, object]]:
    """This function will count deliveries by channel, state and reason; inbox rows are deliveries of their own."""
    rows = Delivery.objects.order_by("channel", "state", "reason").values("channel", "state", "reason").annotate(count=Count("pk"))
    inbox: dict[str, object] = {"channel": "inbox", "state": "delivered", "reason": "", "count": InboxItem.objects.count()}
    return [inbox, *(dict(row) for row in rows)]


def count_nudges() -> list[dict[str, object]]:
    """This function will count nudges by kind and burst."""
    rows = Nudge.objects.order_by("kind", "burst").values("kind", "burst").annotate(count=Count("pk"))
    return [dict(row) for row in rows]


def count_held_back() -> list[dict[str, object]]:
    """This function will count, by reason, the people and bursts of which the router would not have carried a text."""
    barred = NudgeDecision.objects.filter(decision="none").exclude(reason__in=RULE_REASONS)
    rows = barred.order_by("reason").values("reason").annotate(count=Count(_ONE_BURST, distinct=True))
    return [dict(row) for row in rows]


def compare(ledger: Path) -> Comparison:
    """This function will hold what the doubles accepted against what we say they accepted."""
    accepted = Counter(_accepted_tokens(ledger))
    attempts = {
        str(token): (outcome, state, delivery)
        for token, outcome, state, delivery in Attempt.objects.values_list("token", "outcome", "delivery__state", "delivery_id")
    }
    ours = {token for token, (outcome, _, _) in attempts.items() if outcome == "accepted"}
    unsure = {token for token, (outcome, state, _) in attempts.items() if outcome in ("", "unknown") and state in OPEN}
    by_delivery = Counter(attempts[token][2] for token in accepted if token in attempts)
    return Comparison(
        ledger=sum(accepted.values()),
        database=len(ours),
        only_in_ledger=len(set(accepted) - ours - unsure),
        only_in_database=len(ours - set(accepted)),
        unknown=len(set(accepted) & unsure),
        twice=sum(1 for count in accepted.values() if count > 1) + sum(1 for count in by_delivery.values() if count > 1),
    )


def _accepted_tokens(ledger: Path) -> Iterable[str]:
    if not ledger.exists():
        return
    for line in ledger.read_text().splitlines():
        entry = json.loads(line)
        if entry["accepted"] and entry["token"]:
            yield entry["token"]


def count_two_missed() -> int:
    """This function will count bursts of people who got more than one missed-day text: there must be none."""
    reached = (
        Nudge.objects.filter(slot__startswith="missed")
        .exclude(slot__contains="#")
        .values("enrollment", "burst", "slot")
        .annotate(count=Count("pk"))
    )
    return reached.filter(count__gt=1).count()


def count_texts_outside_hours() -> int:
    """This function will count texts that left before 09:00 or from 20:00 on where their recipient is: there must be none."""
    sent = Attempt.objects.filter(delivery__channel="sms").values_list("started_at", "delivery__user__carillon_recipient__time_zone")
    return sum(1 for at, zone in sent if not time(9) <= at.astimezone(ZoneInfo(zone)).time() < time(20))


def live_silently(today: date) -> dict[str, int]:
    """This function will let one person do nothing for the whole protocol, count what they would get, and leave no trace."""
    zone = "America/Los_Angeles"
    enrolled = today - timedelta(days=800)
    at = to_instant(enrolled, time(9), ZoneInfo(zone))
    with transaction.atomic():
        make_staff(at)
        silent = Participant(97, Profile.SILENT, zone, None)
        enrollment = join(make_study(at), silent, zone, at)
        for burst in range(9):
            for day in range(-1, 14):
                tick(to_instant(enrolled + timedelta(days=91 * burst + day), time(12), ZoneInfo(zone)))
        kinds = Counter(Nudge.objects.filter(enrollment=enrollment).values_list("kind", flat=True))
        transaction.set_rollback(True)
    return dict(kinds)


def print_report(report: Report, now: datetime) -> None:
    """This function will print the table of what was sent and what was held back, each with its reason in words."""
    print("\n  What was sent, and what was held back\n")
    for row in report.deliveries:
        state = Delivery.State(str(row["state"])).label
        print(f"    {row['count']:>6}  {row['channel']!s:<6} {state!s:<14} {_why(row)}")
    print("\n  Study reminders\n")
    for row in report.nudges:
        print(f"    {row['count']:>6}  {row['kind']!s:<11} burst {row['burst']}")
    print("\n  Participants whom no reminder could reach in a burst\n")
    for row in report.held_back:
        print(f"    {row['count']:>6}  {sentence(str(row['reason']))}")
    found = report.comparison
    print("\n  The providers' ledger against the database\n")
    print(f"    {found.ledger:>6}  accepted by the providers\n    {found.database:>6}  recorded as accepted")
    print(f"    {found.only_in_ledger:>6}  lost\n    {found.twice:>6}  doubled\n    {found.unknown:>6}  unknown, and shown as such")
    print("\n  " + "\n  ".join(report.wrong() or ["They agree."]) + "\n")


def _why(row: dict[str, object]) -> str:
    if row["channel"] == "inbox" and row["state"] == "delivered":
        return "It is in the inbox."
    return sentence(str(row["reason"]))
