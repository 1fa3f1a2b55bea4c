"""Telling participants that a session is waiting or that a burst is about to begin: many at a time, once each. Read next: timeline.py.

A place remembers until when its people have been told. Who moves that on does the telling, in the same transaction: a tick that comes
twice, or a second planner, finds it moved, and what a missed tick left is made up for while it is fresh. What each person was told is
kept beside it, since people change places. Whether it reaches them, and by what, is the router's and their own.

Of one session one thing calls a person. Where a reminder of it has gone out (nudges.py), what is told of it comes to the inbox alone, and
what still waits of it goes no further (policies.py).
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from channels_ace.api import Delivery, cancel_waiting, local_date, local_now, parse_zone, to_instant
from notifications.api import notify
from scheduling.burst_calendar import Session
from scheduling.models import ActivityEvent, Nudge, Place, RunLedger, Told
from scheduling.planner import protocol
from scheduling.rolling import is_alike
from scheduling.timeline import Calendar, calendars
from studies.api import Enrollment, Protocol, Study

logger = logging.getLogger(__name__)

SESSION_DUE, BURST_STARTS = "study.session_due", "study.burst_starts"
# Later than this after its time it is stale.
FRESH_FOR = timedelta(hours=2)
# What opens in the night is told of in the morning, if it is still open then; a burst on the day before, at nine.
MORNING, DAY_BEFORE_AT = time(8), time(9)
# Times by chance are each person's own: they are worked out so often, and told at most so much later.
CHANCE_EVERY = timedelta(minutes=5)
# So long a place waits for its reminders of sessions, so that whom they call is known.
REMINDERS_FIRST = timedelta(minutes=5)
CHUNK = 1_000
# No other place or zone can bring a session that was told of so long ago.
KEPT_FOR = timedelta(days=7)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Telling:
    """One thing to say to all whom it fits alike."""

    type: str
    expires_at: datetime
    # The local date on which a burst begins.
    starts: date | None = None
    # To the inbox alone: something else has called them.
    is_quiet: bool = False


def tell_all(now: datetime) -> int:
    """This function will tell everybody what has begun since the last tick and has not been told, and say how many people that were."""
    told = 0
    for place in Place.objects.filter(version__study__state=Study.State.LIVE).select_related("version__study").order_by("pk"):
        since = max(place.told_through or now - FRESH_FOR, now - FRESH_FOR)
        if may_begin(protocol(place.version_id), parse_zone(place.time_zone), since, now) and not is_reminding(place, now):
            try:
                told += tell(place, since, now)
            except IntegrityError:
                # Somebody came from another place, where they are being told: the next tick leaves them out.
                logger.info("Somebody in %s of version %s is told elsewhere", place.time_zone, place.version_id)
    return told


def may_begin(design: Protocol, zone: ZoneInfo, since: datetime, now: datetime) -> bool:
    """This function will tell whether anything of a design can begin after `since` and up to now, in a zone, whoever takes part."""
    if now <= since:
        return False
    if _is_by_chance(design) and now - since >= CHANCE_EVERY:
        return True
    days = (local_date(since, zone), local_date(now, zone))
    return any(since < to_instant(day, at, zone) <= now for day in set(days) for at in _times(design))


def is_reminding(place: Place, now: datetime) -> bool:
    """This function will tell whether reminders of sessions are due in a place, and about to go out."""
    zone = parse_zone(place.time_zone)
    today = local_date(now, zone)
    reminders = protocol(place.version_id).reminders
    due = {rule.id for rule in reminders if now - REMINDERS_FIRST < to_instant(today, rule.send_at, zone) <= now}
    done = RunLedger.objects.filter(version_id=place.version_id, time_zone=place.time_zone, local_date=today, rule__in=due)
    return bool(due) and done.count() < len(due)


def tell(place: Place, since: datetime, now: datetime) -> int:
    """This function will tell the people of a place what began after `since`, in one transaction, and say how many they are.

    Nobody, where another planner was first. Raises IntegrityError where somebody is being told in another place.
    """
    with transaction.atomic():
        if not Place.objects.filter(pk=place.pk, told_through=place.told_through).update(told_through=now):
            return 0
        found: dict[Telling, dict[int, list[Told]]] = defaultdict(lambda: defaultdict(list))
        for chunk in _chunks(_people(place, since, now)):
            for telling, told in _untold(chunk, since, now):
                found[telling][told.enrollment.user_id].append(told)
        for number, (telling, people) in enumerate(sorted(found.items(), key=lambda item: str(item[0]))):
            _say(place, telling, people, f"told:{place.pk}:{now.isoformat()}:{number}", now)
    return len({person for people in found.values() for person in people})


def spare(enrollment: Enrollment, session_id: str, now: datetime) -> None:
    """This function will let what still waits to tell somebody of a session go no further: they have seen to it."""
    said = Told.objects.filter(enrollment=enrollment, what=_of_session(session_id))
    waiting = Delivery.objects.filter(user_id=enrollment.user_id, message__in=said.values("message"), state__in=Delivery.WAITING)
    cancel_waiting(waiting, now, reason="session_seen_to")


def forget(now: datetime) -> int:
    """This function will forget the sessions that were told of long ago, and say how many; bursts are told of once for good."""
    return Told.objects.filter(what__startswith="session:", told_at__lt=now - KEPT_FOR).delete()[0]


def _people(place: Place, since: datetime, now: datetime) -> QuerySet[Enrollment]:
    """This function will give who takes part in a place, but for those of whom it is certain that nothing of theirs can begin."""
    mine = Enrollment.objects.filter(
        version_id=place.version_id, time_zone=place.time_zone, state=Enrollment.State.ACTIVE, consented_at__isnull=False
    )
    zone = parse_zone(place.time_zone)
    near = _near(protocol(place.version_id), local_date(since, zone), local_date(now, zone))
    return mine if near is None else mine.filter(near | Exists(ActivityEvent.objects.filter(enrollment_id=OuterRef("pk"))))


def _near(design: Protocol, first: date, last: date) -> Q | None:
    """This function will give the condition under which a burst is on, or begins tomorrow; None where dates alone do not tell."""
    if not all(is_alike(series) for series in design.burst_series):
        return None
    near = Q(pk__in=[])
    for series in design.burst_series:
        for number in series.numbers:
            begins = series.start_offset_days(number)
            near |= Q(enrolled_date__range=(first - (begins + series.extend_to_days - 1) * DAY, last + (1 - begins) * DAY))
    return near


def _chunks(people: QuerySet[Enrollment]) -> Iterator[list[Enrollment]]:
    after = 0
    while chunk := list(people.filter(pk__gt=after).order_by("pk")[:CHUNK]):
        yield chunk
        after = chunk[-1].pk


def _untold(chunk: Iterable[Enrollment], since: datetime, now: datetime) -> Iterator[tuple[Telling, Told]]:
    wanted = [(telling, told) for calendar in calendars(list(chunk)).values() for telling, told in _of(calendar, since, now)]
    said = Told.objects.filter(enrollment__in={told.enrollment_id for _, told in wanted}, what__in={told.what for _, told in wanted})
    known = set(said.values_list("enrollment_id", "what")) if wanted else set()
    reminded = _reminded([told for _, told in wanted])
    for telling, told in wanted:
        this = (told.enrollment_id, told.what)
        if this not in known:
            yield replace(telling, is_quiet=this in reminded), told


def _reminded(wanted: Sequence[Told]) -> set[tuple[int, str]]:
    """This function will give of which sessions people have been reminded already."""
    steps = {one.step for told in wanted for one in protocol(told.enrollment.version_id).reminders}
    slots = {f"{told.what}:{step:02d}" for told in wanted for step in steps}
    found = Nudge.objects.filter(enrollment__in={told.enrollment_id for told in wanted}, slot__in=slots)
    return {(enrollment, slot.rpartition(":")[0]) for enrollment, slot in found.values_list("enrollment_id", "slot")} if slots else set()


def _of(calendar: Calendar, since: datetime, now: datetime) -> Iterator[tuple[Telling, Told]]:
    """This function will yield what one person is to be told: of sessions that wait together once, and of each burst."""
    one, zone = calendar.enrollment, calendar.zone
    # What began before they took part is nothing new to them.
    since = max(since, one.enrolled_at, one.consented_at or one.enrolled_at)
    first, last = local_date(since, zone), local_date(now, zone)
    waiting = [
        session
        for session, done in calendar.between(first, last + DAY, now)
        if done is None and since < _moment(session, zone) <= now < session.closes_at
    ]
    if waiting:
        due = Telling(SESSION_DUE, max(session.closes_at for session in waiting))
        yield from ((due, Told(enrollment=one, what=_of_session(session.id), told_at=now)) for session in waiting)
    for burst in calendar.bursts:
        day_before = burst.start_date - DAY
        follows = any(other.series_id == burst.series_id and other.start_date <= day_before < other.end_date for other in calendar.bursts)
        if not follows and since < to_instant(day_before, DAY_BEFORE_AT, zone) <= now:
            starts = Telling(BURST_STARTS, to_instant(burst.start_date + DAY, time.min, zone), burst.start_date)
            yield starts, Told(enrollment=one, what=f"burst:{burst.event_id}", told_at=now)


def _moment(session: Session, zone: ZoneInfo) -> datetime:
    morning = to_instant(session.date, MORNING, zone)
    return morning if local_now(session.opens_at, zone).time() < MORNING and morning < session.closes_at else session.opens_at


def _say(place: Place, telling: Telling, people: dict[int, list[Told]], key: str, now: datetime) -> None:
    study = place.version.study
    message = notify(
        type=telling.type,
        audience=list(people),
        context={"study": study.participant_name, **({"starts": telling.starts.isoformat()} if telling.starts else {})},
        link=reverse("my_studies"),
        scope=study.scope,
        channels=["inbox"] if telling.is_quiet else None,
        idempotency_key=key,
        expires_at=telling.expires_at,
        now=now,
    )
    told = [one for some in people.values() for one in some]
    for one in told:
        one.message = message
    Told.objects.bulk_create(told, batch_size=CHUNK)


def _of_session(session_id: str) -> str:
    return f"session:{session_id}"


def _is_by_chance(design: Protocol) -> bool:
    return any(session.random_times is not None for schedule in design.schedules for session in schedule.sessions)


def _times(design: Protocol) -> set[time]:
    """This function will give the wall times at which anything of a design may begin, but for those by chance."""
    opens = {at for schedule in design.schedules for session in schedule.sessions for times in session.times for at in times}
    return {*opens, DAY_BEFORE_AT, MORNING}
