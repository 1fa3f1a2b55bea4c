"""What every fault is given: the cluster, the broker, the providers' doubles and a crew; and how a fault becomes a row of the table."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.apps import apps
from django.db import connection
from django.db.models import Count

from channels_ace import sns
from channels_ace.api import Attempt, Delivery, sweep
from faults.cluster import Broker, Cluster
from faults.crew import Crew, Job
from faults.people import make_crowd
from faults.processors import own_seconds
from scheduling.models import Nudge, RunLedger
from tests.factories import NOW
from tests.fakes import Doubles
from tests.faults.checker import TAKEN, UNKNOWNS, violations

State = Delivery.State
PEOPLE = 500
# People and their numbers stay from fault to fault.
KEPT = {"accounts_user", "carillon_channels_recipient", "carillon_channels_contactpoint"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault: what was done, to how many messages, and what came of it. `broken` is empty, or the promise did not hold."""

    fault: str
    dose: str
    messages: int
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    drained: float = 0.0
    broken: Sequence[str] = ()
    # How long all of it took, and how long processors worked for that.
    seconds: float = 0.0
    worked: float = 0.0


@dataclass(kw_only=True)
class Scene:
    cluster: Cluster
    broker: Broker
    doubles: Doubles
    crew: Crew
    folder: Path
    is_full: bool = False
    is_quick: bool = False
    drained: float = 0.0
    _broken: list[str] = field(default_factory=list)
    _crowd: list[int] = field(default_factory=list)

    def times(self, short: int, full: int = 0) -> int:
        """This function will give the dose: a fifth of the short one in a quick run, ten times it in a full one, unless it is named."""
        if self.is_quick:
            return max(1, short // 5)
        return (full or 10 * short) if self.is_full else short

    def begin(self) -> None:
        """This function will empty the database but for people, the ledger and the queues, and end what still runs."""
        self.crew.forget()
        self.doubles.faults.clear()
        self.doubles.receipts.forget()
        self.doubles.account.forget()
        self.doubles.ledger.forget()
        self.broker.client().flushall()
        sns._certificate.cache_clear()
        tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
        ours = sorted(table for table in tables - KEPT if not table.startswith(("django_", "auth_")))
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(connection.ops.quote_name(table) for table in ours)} RESTART IDENTITY")
        self._broken, self.drained = [], 0.0

    @property
    def worked(self) -> float:
        """How many seconds processors worked so far: for us with the providers' doubles, the crew and the servers."""
        return own_seconds() + self.crew.worked + self.cluster.worked + self.broker.worked

    @property
    def people(self) -> Sequence[int]:
        """Five hundred people with a phone, to whom most is said."""
        return self.crowd(PEOPLE)

    def crowd(self, size: int) -> Sequence[int]:
        """This function will give so many people with a phone; they are made when they are first needed."""
        known = len(self._crowd)
        if size > known:
            self._crowd += make_crowd(size - known, first=known)
        return self._crowd[:size]

    def wait_for_requests(self, number: int, seconds: float = 30) -> None:
        """This function will wait until providers have been asked so many times, or the time is up."""
        until = time.monotonic() + seconds
        while len(self.doubles.ledger.entries()) < number and time.monotonic() < until:
            time.sleep(0.005)

    def gate(self) -> str:
        """This function will name a new file at which processes can wait for each other."""
        return str(self.folder / f"gate{time.monotonic_ns()}")

    def expect_met(self, gate: str, processes: int) -> None:
        """This function will note where not all processes came to a gate: those went on one after the other, which proves nothing."""
        came = Path(gate).stat().st_size if Path(gate).exists() else 0
        self.expect(came == processes, f"{came} of {processes} met")

    def broken(self) -> list[str]:
        """This function will list the promises that did not hold so far."""
        return list(self._broken)

    def expect(self, holds: object, words: str) -> None:
        """This function will note a promise that does not hold."""
        if not holds:
            self._broken.append(words)

    @contextmanager
    def draining(self) -> Iterator[None]:
        """This function will measure how long it takes until all is as it should be."""
        began = time.monotonic()
        yield
        self.drained = time.monotonic() - began

    def finish_work(self, now: datetime = NOW, *, with_events: bool = False) -> None:
        """This function will let a healthy worker do what is due, and read what providers told."""
        with self.draining():
            self.crew.drain(now)
            if with_events:
                self.doubles.receipts.wait_until_told()
                self.doubles.account.give_back()
                self.crew.run_together([Job(do="drain", now=now)] * 2)
                sweep(now)

    def row(self, fault: str, dose: str) -> Row:
        """This function will hold the ledger against the database, and give the row."""
        ledger = self.doubles.ledger.entries()
        broken = [*violations(ledger), *doubled_rows(), *self._broken]
        delivery_of = {str(token): key for token, key in Attempt.objects.values_list("token", "delivery_id")}
        accepted = Counter(delivery_of.get(entry["token"], 0) for entry in ledger if entry["accepted"])
        once = set(Delivery.objects.exclude(message__type="tests.code").values_list("pk", flat=True)) | {0}
        claimed = set(Delivery.objects.filter(state__in=TAKEN).values_list("pk", flat=True))
        waiting = set(Delivery.objects.filter(state__in=[*Delivery.WAITING, State.SENDING]).values_list("pk", flat=True))
        return Row(
            fault=fault,
            dose=dose,
            messages=Delivery.objects.count(),
            lost=len(claimed - set(accepted)) + len(waiting),
            doubled=sum(times - 1 for key, times in accepted.items() if key in once),
            unknown=Delivery.objects.filter(state__in=UNKNOWNS).count(),
            drained=self.drained,
            broken=broken,
        )


Fault = Callable[[Scene], Row]


def doubled_rows() -> list[str]:
    """This function will list what must be there once and is there twice: a slot's nudge, a run, a delivery (I8)."""
    keys = {
        Nudge: ("enrollment", "burst", "slot"),
        RunLedger: ("version", "rule", "time_zone", "local_date"),
        Delivery: ("message", "user", "channel", "contact_point_id"),
    }
    found = []
    for model, key in keys.items():
        twice = model._default_manager.order_by().values(*key).annotate(times=Count("pk")).filter(times__gt=1).count()
        if twice:
            found.append(f"I8 {model.__name__} doubled: {twice}")
    return found


def close_unknowns(scene: Scene) -> int:
    """This function will go past the time in which receipts may come, and say how many are unknown for good."""
    later = NOW + timedelta(hours=1)
    sweep(later)
    scene.crew.drain(later)
    return Delivery.objects.filter(state=State.UNKNOWN_FINAL).count()
