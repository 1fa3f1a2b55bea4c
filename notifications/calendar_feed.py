"""A learner's dates as a calendar that other programs subscribe to, behind a secret link. Read next: calendar_views.py, date_import.py.

The link is kept only as a hash: whoever reads the database cannot open anybody's calendar. Times are written in UTC, so every
calendar shows them right in its own zone, whatever its clocks do.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from icalendar import Calendar, Event

from notifications.course_dates import CourseDate
from notifications.links import absolute

BACK, AHEAD = timedelta(days=90), timedelta(days=400)
MOST = 1_000


class CalendarLink(models.Model):
    """That a learner has a link to their calendar; a new one takes the place of the old."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="carillon_calendar", verbose_name=_("user")
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("calendar link")
        verbose_name_plural = _("calendar links")

    def __str__(self) -> str:
        return f"calendar link of user {self.user_id}"


@dataclass(frozen=True)
class Entry:
    """One event of a calendar. A date without hours is a whole day; without an end it is a moment."""

    uid: str
    title: str
    starts: datetime | date
    changed_at: datetime
    ends: datetime | None = None
    link: str = ""
    sequence: int = 0
    is_cancelled: bool = False


Source = Callable[[int, datetime, datetime], Iterable[Entry]]
_sources: list[Source] = []


def add_calendar_source(source: Source) -> Source:
    """This function will add what a calendar holds: source(user_id, from, to) gives entries. Call it in an app's calendar_source.py."""
    if source not in _sources:
        _sources.append(source)
    return source


def make_link(user_id: int, now: datetime) -> str:
    """This function will make a learner's link, end the one before, and give its token, which is stored nowhere."""
    token = secrets.token_urlsafe(24)
    CalendarLink.objects.update_or_create(user_id=user_id, defaults={"token_hash": _hash(token), "created_at": now})
    return token


def revoke_link(user_id: int) -> None:
    """This function will end a learner's link."""
    CalendarLink.objects.filter(user_id=user_id).delete()


def whose(token: str) -> int | None:
    """This function will find the learner of a token, unless the link or the account has ended."""
    return CalendarLink.objects.filter(token_hash=_hash(token), user__is_active=True).values_list("user_id", flat=True).first()


def write_calendar(user_id: int, now: datetime) -> bytes:
    """This function will write a learner's calendar, from three months ago on, the same bytes while nothing changes."""
    calendar = Calendar()
    calendar.add("prodid", "-//Carillon//Dates//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    entries = [entry for source in _sources for entry in source(user_id, now - BACK, now + AHEAD)]
    for entry in sorted(entries, key=lambda one: (str(one.starts), one.uid))[:MOST]:
        calendar.add_component(_event(entry))
    return bytes(calendar.to_ical())


@add_calendar_source
def course_entries(user_id: int, from_: datetime, to: datetime) -> Iterable[Entry]:
    """This function will give the dates of the courses that a learner is in, their own in place of the course's."""
    from notifications.models import CourseMembership

    courses = CourseMembership.objects.filter(user_id=user_id, is_active=True)
    own = CourseDate.objects.filter(course_key=OuterRef("course_key"), external_id=OuterRef("external_id"), user_id=user_id)
    in_range = Q(at__gte=from_, at__lt=to) | Q(on__gte=from_.date(), on__lt=to.date())
    mine = Q(user_id=user_id) | (Q(user=None) & ~Q(Exists(own)))
    dates = CourseDate.objects.filter(in_range, mine, course_key__in=courses.values("course_key"))
    for one in dates.order_by("at", "on", "pk")[:MOST]:
        starts = one.at or one.on
        if starts is not None:
            # The id outlives an extension: the calendar moves its event instead of showing two.
            name = hashlib.sha256(f"{one.course_key} {one.external_id}".encode()).hexdigest()[:32]
            ended = one.cancelled_at is not None
            yield Entry(name, one.title, starts, one.changed_at, link=one.link, sequence=one.sequence + ended, is_cancelled=ended)


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", f"{entry.uid}@carillon")
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    event.add("sequence", entry.sequence)
    event.add("summary", entry.title)
    event.add("dtstart", entry.starts)
    if entry.ends:
        event.add("dtend", entry.ends)
    if entry.link:
        event.add("url", absolute(entry.link))
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    return event


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
