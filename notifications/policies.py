"""What people chose, asked before every send. Read next: preferences.py, resting.py, channels_ace/decision.py."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from django.db.models import CharField, Exists, ExpressionWrapper, F, Q

from channels_ace.api import Hours, MessageType, Question, Rule, defer, deny
from notifications.models import CourseMembership, Mute, Preference, Rest
from notifications.overrides import is_locked, is_on, overrides_of
from notifications.registry import WHOLE_CHANNEL, NotificationType
from notifications.resting import EVERY_DAY, zones_by_local_hour


class Preferred:
    """A type's own switch beats its category's, which beats the default; a channel's own beats all but what is locked."""

    def made_of(self, message_type: MessageType, channel: str) -> object:
        # The other policies that read overrides stand beside this one.
        return overrides_of(message_type, channel) if isinstance(message_type, NotificationType) else None

    def rules(self, question: Question) -> Iterable[Rule]:
        asked = question.type
        if not isinstance(asked, NotificationType) or question.channel in asked.locked:
            return
        mine = question.of_user(Preference.objects.filter(channel=question.channel))
        type_on = Exists(mine.filter(scope=asked.scope, is_on=True))
        type_off = Exists(mine.filter(scope=asked.scope, is_on=False))
        category_on = Exists(mine.filter(scope=asked.category, is_on=True))
        category_off = Exists(mine.filter(scope=asked.category, is_on=False))
        is_open, by_default = ~is_locked(asked, question), is_on(asked, question)
        yield deny(is_open & Q(Exists(mine.filter(scope=WHOLE_CHANNEL, is_on=False))), "channel_turned_off")
        yield deny(is_open & Q(type_off), "turned_off")
        yield deny(is_open & Q(category_off) & ~Q(type_on), "category_turned_off")
        yield deny(~by_default & ~Q(type_on) & ~Q(category_on), "off_by_default")


class ForTheirRole:
    """What is for a role goes to nobody else: held in that course where the message is about one, else in any."""

    def rules(self, question: Question) -> Iterable[Rule]:
        asked = question.type
        if not isinstance(asked, NotificationType) or not asked.visible_to:
            return
        held = question.of_user(CourseMembership.objects.filter(is_active=True, role__in=asked.visible_to))
        about = ExpressionWrapper(question.scope, output_field=CharField())
        here = held.alias(about=about).filter(Q(course_key=F("about")) | ~Q(about__startswith="course-v1:"))
        yield deny(~Q(Exists(here)), "not_for_role")


class LeftAlone:
    """A pause and a mute end it, own hours and days let it wait; what is locked or may come at any hour goes past them.

    The inbox disturbs nobody: it goes on collecting in a pause and at night, but not what is muted.
    """

    def rules(self, question: Question) -> Iterable[Rule]:
        asked = question.type
        if not isinstance(asked, NotificationType) or question.channel in asked.locked or asked.hours is Hours.ANY:
            return
        is_open = ~is_locked(asked, question)
        about = Q(key=question.scope) | Q(key=question.thread)
        yield deny(is_open & Q(Exists(question.of_user(Mute.objects.all()).filter(about))), "muted")
        if question.channel == "inbox":
            return
        yield deny(is_open & Q(Exists(question.of_user(Rest.objects.filter(paused_until__gt=question.now)))), "paused")
        yield defer(is_open & _resting(question), "own_hours", _next_hour(question.now))


def _resting(question: Question) -> Q:
    """This function will tell whose own hours or days are closed now, by the hour of the week in their zone."""
    zone = ExpressionWrapper(question.outer(question.zone), output_field=CharField())
    narrowed = Rest.objects.exclude(opens=0, closes=24, days=EVERY_DAY)
    closed = _closed(_quarter(question.now))
    days = {f"day_{day}": F("days").bitand(1 << day) for day in range(7)}
    # Who narrowed anything is a set, which PostgreSQL reads once for all; only these are looked at one by one.
    return Q(Exists(question.of_user(narrowed))) & Q(Exists(question.of_user(narrowed).alias(in_zone=zone, **days).filter(closed)))


@lru_cache(maxsize=4)
def _closed(quarter: datetime) -> Q:
    """This function will tell whose own hours are closed, by the zone that their row is in."""
    closed = Q()
    for local, zones in zones_by_local_hour(quarter).items():
        shut = Q(opens__gt=local.hour) | Q(closes__lte=local.hour) | Q(**{f"day_{local.day}": 0})
        closed |= Q(in_zone__in=zones) & shut
    return closed


def _quarter(now: datetime) -> datetime:
    return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)


def _next_hour(now: datetime) -> datetime:
    # One rule for every zone and every choice: whoever still rests then waits another hour.
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
