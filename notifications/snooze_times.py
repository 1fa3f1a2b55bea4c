"""Until when an item may sleep: in three hours, tomorrow, next week, or when the person says. Read next: inbox_actions.py."""

from datetime import datetime, time, timedelta, tzinfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=90)
MORNING = time(8)
LABELS: dict[str, str | Promise] = {
    "later": gettext_lazy("In three hours"),
    "tomorrow": gettext_lazy("Tomorrow morning"),
    "week": gettext_lazy("Next Monday morning"),
}


class BadTime(ValueError):
    """This is no time until which an item can sleep; the text says why."""


def choices(now: datetime, zone: tzinfo) -> list[tuple[str, str | Promise, datetime]]:
    """This function will list what a row offers: (name, label, instant)."""
    here = now.astimezone(zone)
    monday = here.date() + timedelta(days=7 - here.weekday())
    instants = {
        "later": now + timedelta(hours=3),
        "tomorrow": datetime.combine(here.date() + timedelta(days=1), MORNING, zone),
        "week": datetime.combine(monday, MORNING, zone),
    }
    return [(name, label, instants[name]) for name, label in LABELS.items()]


def read_time(text: str, now: datetime, zone: tzinfo) -> datetime:
    """This function will read the name of a choice, or a local date and time as YYYY-MM-DDTHH:MM. Raises BadTime."""
    for name, _label, instant in choices(now, zone):
        if text == name:
            return instant
    try:
        until = datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=zone)
    except ValueError as error:
        raise BadTime(_("Choose a date and a time.")) from error
    if not now + SHORTEST <= until <= now + LONGEST:
        raise BadTime(_("Choose a time between five minutes and ninety days from now."))
    return until
