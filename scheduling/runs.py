"""Which rules run now, and where: at their hour of a zone's local date, while it is fresh. Read next: nudges.py."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256

from channels_ace.api import local_now, parse_zone
from scheduling.models import Place, RunLedger
from scheduling.nudge_texts import NudgeRule
from scheduling.planner import protocol
from scheduling.reach import channels_of
from scheduling.rolling import live_places
from scheduling.tracks import track_of
from studies.api import Protocol, ProtocolVersion, SessionReminder

# Later than this after its hour a nudge is stale: better none than one at supper time about noon.
FRESH_FOR = timedelta(hours=4)
LONGEST_KEY = 191


@dataclass(frozen=True)
class Run:
    """One rule of one version, for one zone's local date."""

    version: ProtocolVersion
    design: Protocol
    rule: NudgeRule
    time_zone: str
    today: date
    # Of sessions by chance: in which minutes of the day those opened of which it is time to remind.
    opened: range | None = None

    @property
    def is_by_chance(self) -> bool:
        """Whether each person's hour is their own, so that it runs all day."""
        return isinstance(self.rule, SessionReminder) and self.rule.random_times is not None

    @property
    def track(self) -> int:
        """The number of the track that the rule looks at."""
        return track_of(self.design, self.rule)

    def key(self, name: str, channel: str) -> str:
        """This method will give the idempotency key of one of its texts, as it is said to those who are first reached by a channel."""
        by = "" if channel == channels_of(self.rule)[0] else f":{channel}"
        # Of what runs all day, each run has messages of its own.
        at = "" if self.opened is None else f":{self.opened.stop}"
        key = f"nudge:{self.version.pk}:{self.time_zone}:{self.today}:{name}{by}{at}"
        # The ids of a protocol may be long; a key may not.
        return key if len(key) <= LONGEST_KEY else f"nudge:{sha256(key.encode()).hexdigest()}"


def due_runs(now: datetime) -> list[Run]:
    """This function will list the runs whose hour it is, in two statements however many people there are."""
    return runs_of_hour(live_places(), now)[0]


def runs_of_hour(places: Iterable[Place], now: datetime) -> tuple[list[Run], list[Run]]:
    """This function will list the runs that are due, and of those done this hour the ones that have another way to fall back on."""
    found = []
    versions: dict[int, ProtocolVersion] = {}
    for version_id, zone in ((place.version_id, place.time_zone) for place in places):
        local = local_now(now, parse_zone(zone))
        for rule in protocol(version_id).rules:
            if is_hour(rule, local):
                version = versions.get(version_id) or ProtocolVersion.objects.select_related("study").get(pk=version_id)
                versions[version_id] = version
                found.append(Run(version, protocol(version_id), rule, zone, local.date()))
    dates = {run.today for run in found}
    ledger = RunLedger.objects.filter(version_id__in=versions, local_date__in=dates)
    done = set(ledger.values_list("version_id", "rule", "time_zone", "local_date"))
    is_done = [(run.version.pk, run.rule.id, run.time_zone, run.today) in done for run in found]
    again = [run for run, was in zip(found, is_done, strict=True) if was and len(channels_of(run.rule)) > 1]
    return [run for run, was in zip(found, is_done, strict=True) if run.is_by_chance or not was], again


def is_hour(rule: NudgeRule, local: datetime) -> bool:
    """This function will tell whether a rule may run at a local time: from its hour on, while fresh, within its window."""
    opens = max(rule.send_at, rule.window_opens)
    if isinstance(rule, SessionReminder) and rule.random_times is not None:
        return opens <= local.time() < rule.window_closes and rule.random_times.window(local.isoweekday()) is not None
    fresh_until = (datetime.combine(local.date(), rule.send_at) + FRESH_FOR).time() if rule.send_at < time(20) else time.max
    return opens <= local.time() < min(fresh_until, rule.window_closes)
