"""The fields of the settings page: what each holds, and what changing it does. Read next: settings_views.py.

A field's name says what it changes: "<scope>:<channel>" is a switch ("*" for a whole channel), "cadence:<scope>" how often
e-mail comes, "day:<n>" a day; the rest are named for what they are.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from channels_ace.api import ZONES, Recipient, Refused, UnknownZone, known_language, local_date, parse_zone, to_instant
from notifications.cadences import cadences_by_scope, choose_cadence
from notifications.models import Cadence
from notifications.preferences import Cell, NotChangeable, Row, Section, channels_off, choose, choose_channel, matrix
from notifications.registry import CHANNEL_LABELS, WHOLE_CHANNEL
from notifications.resting import choose_days, choose_hours, choose_summaries, pause, rest_of, summaries_of

PLACE = ("zone", "language")


class NotSaved(ValueError):
    """A field does not take this value. `field` is its name; the text says it to the person."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def held(user_id: int) -> dict[str, str]:
    """This function will give what every field that can be changed holds, in the order in which they are changed together.

    What moves others comes before what it moves: a category's switch, and then those of its types.
    """
    cells = switches(user_id)
    off = channels_off(user_id)
    return {
        **place_of(user_id),
        **{f"{WHOLE_CHANNEL}:{channel}": "off" if channel in off else "on" for channel in CHANNEL_LABELS},
        **{name: _word(cell.is_on) for name, (row, cell) in cells.items() if row.is_category},
        **{name: _word(cell.is_on) for name, (row, cell) in cells.items() if not row.is_category},
        **cadence_fields(user_id, {row.scope for row, _cell in cells.values()}),
        **rest_fields(user_id),
    }


def change(user_id: int, field: str, value: str, *, now: datetime) -> None:
    """This function will give one field another value. Raises NotSaved."""
    start, _colon, end = field.rpartition(":")
    if field in PLACE:
        _change_place(user_id, field, value, now)
    elif field == "paused_until":
        _pause(user_id, value, now)
    elif field in ("opens", "closes"):
        change_hours(user_id, **{field: value})
    elif field in ("digest_hour", "digest_weekday"):
        _change_summaries(user_id, field, value, now)
    elif start == "day":
        _change_day(user_id, field, value)
    elif field.startswith("cadence:"):
        _change_cadence(user_id, field, value, now)
    else:
        _switch(user_id, start, end, value, now)


def change_hours(user_id: int, *, opens: str | None = None, closes: str | None = None) -> None:
    """This function will move one end, or both, of a person's own hours. Raises NotSaved."""
    rest = rest_of(user_id)
    first = rest.opens if opens is None else _hour("opens", opens)
    last = rest.closes if closes is None else _hour("closes", closes)
    try:
        choose_hours(user_id, first, last)
    except Refused as error:
        raise NotSaved("closes" if opens is None else "opens", _("The hours must end after they begin.")) from error


def switches(user_id: int) -> dict[str, tuple[Row, Cell]]:
    """This function will give the switches that the page shows and that can be changed, by the name of their field."""
    rows = [row for section in matrix(user_id) for row in shown_rows(section)]
    return {name_of(row, cell): (row, cell) for row in rows for cell in row.cells if cell.exists and not cell.is_locked}


def shown_rows(section: Section) -> tuple[Row, ...]:
    """This function will give the lines of a section that the page shows."""
    # One switch above one switch would say the same thing twice.
    return (section.row, *section.rows) if len(section.rows) > 1 else section.rows


def name_of(row: Row, cell: Cell) -> str:
    """This function will give the name of a switch's field."""
    return f"{row.scope}:{cell.channel}"


def place_of(user_id: int) -> dict[str, str]:
    """This function will give where a person is and what they read."""
    recipient = Recipient.objects.filter(user_id=user_id).first() or Recipient()
    return {"zone": recipient.time_zone, "language": known_language(recipient.language or translation.get_language() or "")}


def cadence_fields(user_id: int, scopes: set[str]) -> dict[str, str]:
    """This function will give how often e-mail comes about each of the scopes; "" where the types below differ."""
    return {f"cadence:{scope}": cadence for scope, cadence in cadences_by_scope(user_id).items() if scope in scopes}


def rest_fields(user_id: int) -> dict[str, str]:
    """This function will give when a person wants quiet, and their summaries."""
    rest = rest_of(user_id)
    until = local_date(rest.paused_until, zone_of(user_id)).isoformat() if rest.paused_until else ""
    days = {f"day:{day}": _word(bool(rest.days >> day & 1)) for day in range(7)}
    hour, weekday = summaries_of(rest)
    summaries = {"digest_hour": str(hour), "digest_weekday": str(weekday)}
    return {"paused_until": until, "opens": str(rest.opens), "closes": str(rest.closes), **days, **summaries}


def zone_of(user_id: int) -> ZoneInfo:
    """This function will give the zone in which a person's dates are read: theirs, or UTC while we do not know it."""
    name = place_of(user_id)["zone"]
    return parse_zone(name) if name in ZONES else ZoneInfo("UTC")


def _change_place(user_id: int, field: str, value: str, now: datetime) -> None:
    if field == "zone":
        try:
            parse_zone(value)
        except UnknownZone as error:
            raise NotSaved("zone", _("Choose a time zone from the list.")) from error
    elif value not in dict(settings.LANGUAGES):
        raise NotSaved("language", _("Choose a language from the list."))
    with transaction.atomic():
        Recipient.objects.update_or_create(user_id=user_id, defaults={"time_zone" if field == "zone" else field: value})
        for path in getattr(settings, "AFTER_ZONE", ()) if field == "zone" else ():
            import_string(path)(user_id, value, now)


def _pause(user_id: int, value: str, now: datetime) -> None:
    try:
        until = to_instant(date.fromisoformat(value), time.min, zone_of(user_id)) if value else None
        pause(user_id, until.astimezone(UTC) if until else None, now=now)
    except (ValueError, OverflowError, Refused) as error:
        raise NotSaved("paused_until", _("Choose a date in the future, within a year.")) from error


def _change_day(user_id: int, field: str, value: str) -> None:
    day = field.removeprefix("day:")
    if day not in set("0123456") or value not in ("on", "off"):
        raise NotSaved(field, _("Choose on or off."))
    bit, days = 1 << int(day), rest_of(user_id).days
    try:
        choose_days(user_id, days | bit if value == "on" else days & ~bit)
    except Refused as error:
        raise NotSaved(field, _("Leave at least one day.")) from error


def _change_summaries(user_id: int, field: str, value: str, now: datetime) -> None:
    try:
        choose_summaries(user_id, now=now, **{field.removeprefix("digest_"): _hour(field, value)})
    except Refused as error:
        raise NotSaved(field, _("Choose from the list.")) from error


def _change_cadence(user_id: int, field: str, value: str, now: datetime) -> None:
    if value not in Cadence.values:
        raise NotSaved(field, _("Choose how often from the list."))
    try:
        choose_cadence(user_id, field.removeprefix("cadence:"), value, now=now)
    except NotChangeable as error:
        raise NotSaved(field, _("This choice cannot be changed.")) from error


def _switch(user_id: int, scope: str, channel: str, value: str, now: datetime) -> None:
    field = f"{scope}:{channel}" if scope else channel
    if value not in ("on", "off"):
        raise NotSaved(field, _("Choose on or off."))
    try:
        if scope == WHOLE_CHANNEL:
            choose_channel(user_id, channel, is_on=value == "on", now=now)
        else:
            choose(user_id, scope, channel, is_on=value == "on", now=now)
    except NotChangeable as error:
        raise NotSaved(field, _("This switch cannot be changed.")) from error


def _hour(field: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 2):
        raise NotSaved(field, _("Choose an hour from the list."))
    return int(value)


def _word(is_on: bool) -> str:
    return "on" if is_on else "off"
