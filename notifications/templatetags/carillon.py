"""The words, glyphs and figures that every page shares; the fragments that use them are in `templates/carillon/`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

register = template.Library()

BADGE_CAP = 99
DAYS_TOLD_AS_RELATIVE = 7


@dataclass(frozen=True)
class Sign:
    """How a state is shown: a word, a glyph of the sprite and a tone, so that colour is never alone."""

    word: str | Promise
    glyph: str
    tone: str = ""


PLANNED = Sign(pgettext_lazy("state of a message", "Planned"), "clock")
SENT = Sign(pgettext_lazy("state of a message", "Sent"), "check", "accent")
DELIVERED = Sign(pgettext_lazy("state of a message", "Delivered"), "check-double", "ok")
HELD_BACK = Sign(pgettext_lazy("state of a message", "Held back"), "pause", "warn")
FAILED = Sign(pgettext_lazy("state of a message", "Failed"), "cross", "bad")
UNKNOWN = Sign(pgettext_lazy("state of a message", "Unknown"), "question", "warn")

# The state machine is finer than what a reader needs; the reason beside the chip tells the rest.
STATE_SIGNS: Mapping[str, Sign] = {
    "planned": PLANNED,
    "ready": PLANNED,
    "deferred": PLANNED,
    "sending": PLANNED,
    "sent": SENT,
    "accepted": SENT,
    "delivered": DELIVERED,
    "held_back": HELD_BACK,
    "suppressed": HELD_BACK,
    "expired": HELD_BACK,
    "cancelled": HELD_BACK,
    "in_digest": SENT,
    "failed": FAILED,
    "undeliverable": FAILED,
    "dead": FAILED,
    "unknown": UNKNOWN,
    "unknown_final": UNKNOWN,
}

DAY_SIGNS: Mapping[str, Sign] = {
    "done": Sign(pgettext_lazy("state of a study day", "done"), "check"),
    "partial": Sign(pgettext_lazy("state of a study day", "partly done"), "half"),
    "missed": Sign(pgettext_lazy("state of a study day", "missed"), "cross"),
    "excused": Sign(pgettext_lazy("state of a study day", "excused"), "dash"),
    "paused": Sign(pgettext_lazy("state of a study day", "paused"), "pause"),
    "not_sent": Sign(pgettext_lazy("state of a study day", "text not sent"), "warning"),
    "future": Sign(pgettext_lazy("state of a study day", "to come"), ""),
}


@register.inclusion_tag("carillon/_icon.html")
def icon(name: str, classes: str = "") -> dict[str, str]:
    """This function will draw one glyph of the sprite, hidden from screen readers: a word always goes with it."""
    return {"name": name or "other", "classes": classes}


@register.filter
def badge_count(count: int) -> str:
    """This function will give the number on the bell, at most "99+"."""
    return f"{BADGE_CAP}+" if count > BADGE_CAP else str(count)


@register.filter
def short_count(count: int) -> str:
    """This function will give a count exactly up to 999 and as 1.2k or 3.4M above, rounded down."""
    for size, suffix in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            tenths = count * 10 // size
            return f"{tenths // 10}{suffix}" if tenths % 10 == 0 or tenths >= 1000 else f"{number_format(tenths / 10, 1)}{suffix}"
    return str(count)


@register.inclusion_tag("carillon/_count.html")
def exact_count(count: int) -> dict[str, Any]:
    """This function will show a count shortly, with the exact number on focus."""
    return {"count": count, "shown": short_count(count), "exact": number_format(count, force_grouping=True)}


def tell_relative_time(moment: datetime, *, now: datetime) -> str:
    """This function will say how far `moment` is from `now`, or its date when that is more than a week.

    The words are those of the browser's `Intl.RelativeTimeFormat`, which takes over while the page stays open.
    """
    seconds = int((moment - now).total_seconds())
    size = abs(seconds)
    if size < 60:
        return _("now")
    if size < 3600:
        amount = size // 60
        past = ngettext("%(amount)d minute ago", "%(amount)d minutes ago", amount)
        future = ngettext("in %(amount)d minute", "in %(amount)d minutes", amount)
    elif size < 24 * 3600:
        amount = size // 3600
        past = ngettext("%(amount)d hour ago", "%(amount)d hours ago", amount)
        future = ngettext("in %(amount)d hour", "in %(amount)d hours", amount)
    elif size < DAYS_TOLD_AS_RELATIVE * 24 * 3600:
        amount = size // (24 * 3600)
        if amount == 1:
            return _("yesterday") if seconds < 0 else _("tomorrow")
        past = ngettext("%(amount)d day ago", "%(amount)d days ago", amount)
        future = ngettext("in %(amount)d day", "in %(amount)d days", amount)
    else:
        local, local_now = timezone.localtime(moment), timezone.localtime(now)
        return date_format(local, "j M" if local.year == local_now.year else "j M Y")
    return (past if seconds < 0 else future) % {"amount": amount}


def name_zone(moment: datetime) -> str:
    """This function will name the zone of a local time: the IANA name, which is never ambiguous, or the offset."""
    key = getattr(moment.tzinfo, "key", None) or moment.tzname()
    return str(key).replace("_", " ")


def tell_exact_time(moment: datetime, *, zone: tzinfo | None = None) -> str:
    """This function will write a local date and time with the name of its zone."""
    local = timezone.localtime(moment, zone)
    return f"{date_format(local, 'DATE_FORMAT')} {local:%H:%M} {name_zone(local)}"


@register.inclusion_tag("carillon/_time.html", takes_context=True)
def moment(context: Context, value: datetime | None) -> dict[str, Any]:
    """This function will show a time relative to the page's `now`, with the exact time and zone on focus."""
    if value is None:
        return {"value": None}
    now = context.get("now") or timezone.now()
    return {
        "value": value.astimezone(UTC).isoformat(),
        "shown": tell_relative_time(value, now=now),
        "exact": tell_exact_time(value),
        "ages": abs(value - now) < timedelta(days=DAYS_TOLD_AS_RELATIVE),
    }


@register.inclusion_tag("carillon/_time.html")
def local_time(value: datetime | None, zone: str) -> dict[str, Any]:
    """This function will show a time in a participant's zone, which is named, with the reader's own on focus.

    Where no zone is known (an empty `zone`) it is the time in UTC, and says so.
    """
    if value is None:
        return {"value": None}
    local = timezone.localtime(value, ZoneInfo(zone or "UTC"))
    return {
        "value": value.astimezone(UTC).isoformat(),
        "shown": _("%(date)s, %(time)s") % {"date": date_format(local, "D j M"), "time": f"{local:%H:%M}"},
        "zone": name_zone(local),
        "exact": tell_exact_time(value),
        "ages": False,
    }


@register.simple_tag(takes_context=True)
def group_by_day(context: Context, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """This function will split inbox items, newest first, into today, yesterday and earlier in the reader's zone."""
    today = timezone.localtime(context.get("now") or timezone.now()).date()

    def head(item: Mapping[str, Any]) -> str:
        day: date = timezone.localtime(item["created_at"]).date()
        if day >= today:
            return _("Today")
        return pgettext("heading", "Yesterday") if day == today - timedelta(days=1) else _("Earlier")

    return [{"heading": heading, "items": list(rows)} for heading, rows in groupby(items, key=head)]


@register.inclusion_tag("carillon/_state_chip.html")
def state_chip(state: str) -> dict[str, Sign]:
    """This function will show the state of a delivery as glyph and word."""
    return {"sign": STATE_SIGNS.get(str(state), UNKNOWN)}


@register.filter
def day_sign(state: str) -> Sign:
    """This function will give word and glyph of a study day's state."""
    return DAY_SIGNS[str(state)]


@register.simple_tag
def day_signs() -> list[tuple[str, Sign]]:
    """This function will list every state of a study day with its sign, for the legend."""
    return list(DAY_SIGNS.items())


@register.filter
def sum_up_days(days: Sequence[Mapping[str, Any]]) -> str:
    """This function will say in words what a strip of study days shows: "3 done, 1 missed, 15 to come"."""
    counts = Counter(day["state"] for day in days)
    return pgettext("between parts of a list", ", ").join(
        f"{counts[state]} {sign.word}" for state, sign in DAY_SIGNS.items() if counts[state]
    )


@register.filter
def label_of(choices: Iterable[Mapping[str, Any]], key: str) -> str:
    """This function will look up the label of a channel, or another keyed choice, by its key."""
    return next((str(choice["label"]) for choice in choices if choice["key"] == key), key)


@register.filter
def lacks(channels: Iterable[Mapping[str, Any]], key: str) -> bool:
    """This function will tell whether the person cannot be reached by the channel of this key."""
    return any(channel["key"] == key and not channel["available"] for channel in channels)


@register.filter
def percent_of(part: float, whole: float) -> str:
    """This function will give a length as a percentage for a picture, unlocalized and so valid SVG everywhere."""
    return f"{100 * part / whole:.3f}%"


@register.simple_tag
def percent_middle(start: float, width: float, whole: float) -> str:
    """This function will give the middle of a stretch as a percentage of the whole picture."""
    return percent_of(start + width / 2, whole)
