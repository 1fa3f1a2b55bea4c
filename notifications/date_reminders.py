"""Reminding of course dates: each tick says what is due and has not been said, a set of learners at a time. Read next: course_dates.py.

The ledger decides, not the clock: a tick that comes twice finds its row and does nothing, and one that was missed is made up
for while the reminder is still of use. Messages are made when due, so that learners who join late or hand in early are right.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from channels_ace.api import Delivery, Message, cancel, local_now, parse_zone, to_instant
from notifications.course_dates import DAY, HOURS, WEEK, CourseDate, DateChoice, DateReminder, Submission
from notifications.models import CourseMembership, InboxItem
from notifications.notify import notify
from notifications.registry import registered

logger = logging.getLogger(__name__)

MOVED = 0
# How long after its hour a reminder is still worth saying.
FRESH_FOR = {WEEK: timedelta(days=2), DAY: timedelta(hours=12), MOVED: timedelta(days=2)}
WAKES, SLEEPS = time(8), time(21)
AHEAD = timedelta(hours=WEEK + 48)
TYPES = {
    CourseDate.Kind.ASSIGNMENT: "dates.assignment_due",
    CourseDate.Kind.COURSE_STARTS: "dates.course_starts",
    CourseDate.Kind.COURSE_ENDS: "dates.course_ends",
    CourseDate.Kind.UPGRADE: "dates.upgrade_deadline",
    CourseDate.Kind.CERTIFICATE: "dates.certificate_available",
    CourseDate.Kind.ORA_STEP: "dates.ora_step_due",
}
TOLD = [Delivery.State.ACCEPTED, Delivery.State.DELIVERED, Delivery.State.UNKNOWN, Delivery.State.UNKNOWN_FINAL]


@dataclass(frozen=True)
class Due:
    """One thing to say: about a date, so long before, in one zone ("" where it is not known)."""

    date: CourseDate
    lead: int
    time_zone: str

    @property
    def key(self) -> tuple[int, int, int, str]:
        """What the ledger knows it by."""
        return self.date.pk, self.date.sequence, self.lead, self.time_zone


def tick_dates(now: datetime) -> int:
    """This function will say what is due about course dates, and tell how many messages that were."""
    for message in _overtaken(now):
        cancel(message, now)
    said = 0
    for due in due_reminders(now):
        try:
            said += say(due, now)
        except IntegrityError:
            logger.info("%s has been said by another tick", due.key)
    return said


def due_reminders(now: datetime) -> list[Due]:
    """This function will list what is due and not in the ledger, in three statements however many learners there are."""
    near = Q(at__gt=now, at__lt=now + AHEAD) | Q(on__gte=now.date() - timedelta(days=1), on__lt=(now + AHEAD).date())
    moved = Q(moved_at__gt=now - FRESH_FOR[MOVED], moved_at__lte=now)
    dates = list(CourseDate.objects.filter(near | moved, cancelled_at=None).order_by("pk"))
    places = _zones({date.course_key for date in dates})
    found = [due for date in dates for zone in places.get(date.course_key, ()) for due in _due(date, zone, now)]
    ledger = DateReminder.objects.filter(date__in={due.date.pk for due in found})
    done = set(ledger.values_list("date_id", "sequence", "lead", "time_zone"))
    # A site may have taken a type out: then nothing is said of its dates.
    known = {one.name for one in registered()}
    return [due for due in found if due.key not in done and _type(due) in known]


def say(due: Due, now: datetime) -> int:
    """This function will say one thing to all who want to hear it, in one transaction. Raises IntegrityError when it has been said."""
    with transaction.atomic():
        row = DateReminder.objects.create(date=due.date, sequence=due.date.sequence, lead=due.lead, time_zone=due.time_zone, said_at=now)
        people = audience(due)
        if not people.exists():
            return 0
        ends = None if due.lead == MOVED else moment(due.date, _zone(due.time_zone))
        row.message = notify(
            type=_type(due),
            audience=people,
            context=_context(due),
            link=due.date.link,
            scope=due.date.course_key,
            idempotency_key=f"date:{':'.join(map(str, due.key))}",
            expires_at=ends,
            now=now,
        )
        row.save(update_fields=["message"])
    return 1


def audience(due: Due) -> QuerySet[Any]:
    """This function will give the active learners of one zone who want this and have not handed in what it is about."""
    date = due.date
    members = CourseMembership.objects.filter(course_key=date.course_key, is_active=True, user=OuterRef("pk"))
    handed_in = Submission.objects.filter(course_key=date.course_key, external_id=date.external_id, user=OuterRef("pk"))
    people: QuerySet[Any] = get_user_model()._default_manager.filter(Exists(members), ~Exists(handed_in), _lives_in(due.time_zone))
    if date.user_id:
        people = people.filter(pk=date.user_id)
    else:
        own = CourseDate.objects.filter(course_key=date.course_key, external_id=date.external_id, user=OuterRef("pk"))
        people = people.filter(~Exists(own))
    return people.filter(_was_told(date) if due.lead == MOVED else _wants(due.lead))


def nominal(date: CourseDate, lead: int, zone: ZoneInfo) -> datetime:
    """This function will give the instant of a reminder: so long before by the local clock, and never later, but not at night."""
    at = moment(date, zone)
    local = local_now(at, zone)
    if lead % 24 == 0:
        at = to_instant(local.date() - timedelta(days=lead // 24), local.time(), zone)
    else:
        at -= timedelta(hours=lead)
    local = local_now(at, zone)
    if local.time() < WAKES:
        return to_instant(local.date() - timedelta(days=1), SLEEPS, zone)
    return min(at, to_instant(local.date(), SLEEPS, zone))


def moment(date: CourseDate, zone: ZoneInfo) -> datetime:
    """This function will give the instant of a date; one without an hour ends with the local day."""
    if date.at:
        return date.at
    if date.on is None:
        raise ValueError("a course date has a time or a date")
    return to_instant(date.on + timedelta(days=1), time.min, zone)


def _due(date: CourseDate, time_zone: str, now: datetime) -> Iterator[Due]:
    zone = _zone(time_zone)
    ends = moment(date, zone)
    if ends <= now:
        return
    for lead in (WEEK, DAY, *HOURS):
        starts = nominal(date, lead, zone)
        if starts <= now < min(ends, starts + FRESH_FOR.get(lead, timedelta(days=1))):
            yield Due(date, lead, time_zone)
    if date.moved_at and now - FRESH_FOR[MOVED] < date.moved_at <= now:
        yield Due(date, MOVED, time_zone)


def _zones(courses: Iterable[str]) -> dict[str, set[str]]:
    members = CourseMembership.objects.filter(course_key__in=courses, is_active=True)
    found: dict[str, set[str]] = {}
    for course, zone in members.order_by().values_list("course_key", "user__carillon_recipient__time_zone").distinct():
        found.setdefault(course, set()).add(zone or "")
    return found


def _zone(name: str) -> ZoneInfo:
    return parse_zone(name or "UTC")


def _lives_in(time_zone: str) -> Q:
    return Q(carillon_recipient__time_zone=time_zone) | (Q(carillon_recipient=None) if not time_zone else Q())


def _wants(lead: int) -> Q:
    chosen = DateChoice.objects.filter(user=OuterRef("pk"))
    wanted = {WEEK: Q(week_before=True), DAY: Q(day_before=True)}.get(lead, Q(hours_before=lead))
    yes = Q(Exists(chosen.filter(wanted, changes_only=False)))
    return yes | ~Q(Exists(chosen)) if lead == DAY else yes


def _was_told(date: CourseDate) -> Q:
    """This function will mean those who heard the earlier time, and those who want to hear of changes alone."""
    earlier = DateReminder.objects.filter(date=date, sequence__lt=date.sequence, message__isnull=False).values("message")
    inbox = InboxItem.objects.filter(user=OuterRef("pk"), message__in=earlier)
    sent = Delivery.objects.filter(user=OuterRef("pk"), message__in=earlier, state__in=TOLD)
    subscribed = DateChoice.objects.filter(user=OuterRef("pk"), changes_only=True)
    return Q(Exists(inbox)) | Q(Exists(sent)) | Q(Exists(subscribed))


def _overtaken(now: datetime) -> list[Message]:
    """This function will list the messages that still wait about a time that is no longer true."""
    stale = DateReminder.objects.filter(Q(date__cancelled_at__isnull=False) | ~Q(date__sequence=F("sequence")))
    return list(Message.objects.filter(pk__in=stale.values("message"), cancelled_at=None, expires_at__gt=now))


def _type(due: Due) -> str:
    return "dates.due_date_changed" if due.lead == MOVED else TYPES[CourseDate.Kind(due.date.kind)]


def _context(due: Due) -> dict[str, str]:
    """This function will say the time with the offset of the reader's zone; where the zone is not known, in UTC."""
    when = due.date.on or local_now(moment(due.date, _zone(due.time_zone)), _zone(due.time_zone))
    # A date of a course itself is called what the course is called.
    return {"assignment": due.date.title, "course": due.date.title, "due_date": when.isoformat()}
