"""What a person chose: read as one matrix, written one cell at a time. Read next: policies.py, which asks it as a set."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_ace.api import Refused
from notifications.models import CourseMembership, Preference
from notifications.overrides import standing_for
from notifications.registry import CHANNEL_LABELS, WHOLE_CHANNEL, Category, NotificationType

ALWAYS_SENT = _("%(channel)s about courses of %(brand)s: always sent")
SENT = _("%(channel)s about courses of %(brand)s: on")
NOT_SENT = _("%(channel)s about courses of %(brand)s: off")


@dataclass(frozen=True)
class Cell:
    """One switch: what holds now, and whether it can be changed."""

    channel: str
    is_on: bool
    is_locked: bool
    # None: no type of this row goes out by this channel, so there is no switch.
    exists: bool = True


@dataclass(frozen=True)
class Row:
    """One line of the matrix: a category, or a type (or types that share a line)."""

    scope: str
    label: str | Promise
    hint: str | Promise
    is_category: bool
    cells: tuple[Cell, ...]
    # What shares the line, in words, where that is more than one type.
    parts: tuple[str | Promise, ...] = ()
    # What is otherwise about the courses of another brand, in words.
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """One category with its rows."""

    category: Category
    row: Row
    rows: tuple[Row, ...]


class NotChangeable(Refused):
    """The switch is locked or does not exist."""


def matrix(user_id: int) -> list[Section]:
    """This function will give every switch of a person, in three statements; in five where brands have overrides."""
    chosen = {(choice.scope, choice.channel): choice.is_on for choice in Preference.objects.filter(user_id=user_id)}
    courses = set(CourseMembership.objects.filter(user_id=user_id, is_active=True).values_list("course_key", "role"))
    roles, standing = {role for _course, role in courses}, standing_for(user_id)
    brands = {standing.brand_of(course) for course, _role in courses} - {None, standing.own}
    elsewhere = [(brand.name, standing.types_of(brand.pk)) for brand in standing.brands if brand.pk in brands]
    everything = standing.types_of(standing.own)
    sections = []
    for category in Category:
        types = [known for known in everything if known.category == category and is_visible(known, roles)]
        if types:
            rows = tuple(_with_elsewhere(_row(group, chosen), elsewhere, chosen) for group in _lines(types))
            sections.append(Section(category, _category_row(category, types, chosen), rows))
    return sections


def choose(user_id: int, scope: str, channel: str, *, is_on: bool, now: datetime) -> None:
    """This function will turn a channel on or off for a type or a whole category. Raises NotChangeable.

    A category's switch also clears the differing choices of its types, so that it does what it shows.
    """
    section, row = find_row(matrix(user_id), scope)
    cell = next((found for found in row.cells if found.channel == channel), None)
    if cell is None or not cell.exists or cell.is_locked:
        raise NotChangeable("This switch cannot be changed.")
    if scope == section.category:
        scopes = [found.scope for found in section.rows]
        Preference.objects.filter(user_id=user_id, channel=channel, scope__in=scopes).delete()
    Preference.objects.update_or_create(user_id=user_id, scope=scope, channel=channel, defaults={"is_on": is_on, "changed_at": now})


def choose_channel(user_id: int, channel: str, *, is_on: bool, now: datetime) -> None:
    """This function will turn a whole channel off, or back to what was chosen below it. Raises NotChangeable."""
    if channel not in CHANNEL_LABELS:
        raise NotChangeable("There is no such channel.")
    if is_on:
        Preference.objects.filter(user_id=user_id, scope=WHOLE_CHANNEL, channel=channel).delete()
        return
    Preference.objects.update_or_create(user_id=user_id, scope=WHOLE_CHANNEL, channel=channel, defaults={"is_on": False, "changed_at": now})


def channels_off(user_id: int) -> set[str]:
    """This function will give the channels that a person turned off as a whole."""
    return set(Preference.objects.filter(user_id=user_id, scope=WHOLE_CHANNEL, is_on=False).values_list("channel", flat=True))


def find_row(sections: Iterable[Section], scope: str) -> tuple[Section, Row]:
    """This function will find the line of a type or category that a person has. Raises NotChangeable."""
    for section in sections:
        for row in (section.row, *section.rows):
            if row.scope == scope:
                return section, row
    raise NotChangeable("There is no such switch.")


def is_visible(known: NotificationType, roles: set[str]) -> bool:
    """This function will tell whether a person of these course roles ever gets notices of a type."""
    return not known.visible_to or bool(known.visible_to & roles)


def _lines(types: Iterable[NotificationType]) -> list[list[NotificationType]]:
    lines: dict[str, list[NotificationType]] = {}
    for known in types:
        lines.setdefault(known.scope, []).append(known)
    return list(lines.values())


def _row(types: list[NotificationType], chosen: dict[tuple[str, str], bool]) -> Row:
    first = types[0]
    cells = tuple(_cell(types, channel, chosen) for channel in CHANNEL_LABELS)
    return Row(first.scope, first.label, first.hint, False, cells, tuple(known.covers for known in types if known.covers))


def _with_elsewhere(row: Row, elsewhere: Iterable[tuple[str, list[NotificationType]]], chosen: dict[tuple[str, str], bool]) -> Row:
    said = []
    for brand, types in elsewhere:
        there = _row([known for known in types if known.scope == row.scope], chosen)
        for cell, other in zip(row.cells, there.cells, strict=True):
            if (cell.is_on, cell.is_locked) != (other.is_on, other.is_locked):
                named = {"channel": CHANNEL_LABELS[cell.channel], "brand": brand}
                said.append((ALWAYS_SENT if other.is_locked else SENT if other.is_on else NOT_SENT) % named)
    return replace(row, elsewhere=tuple(said))


def _cell(types: list[NotificationType], channel: str, chosen: dict[tuple[str, str], bool]) -> Cell:
    first = types[0]
    if not any(channel in known.channels for known in types):
        return Cell(channel, is_on=False, is_locked=True, exists=False)
    default = chosen.get((first.category, channel), channel in first.on)
    is_locked = all(channel in known.locked for known in types)
    return Cell(channel, is_on=is_locked or chosen.get((first.scope, channel), default), is_locked=is_locked)


def _category_row(category: Category, types: list[NotificationType], chosen: dict[tuple[str, str], bool]) -> Row:
    cells = []
    for channel in CHANNEL_LABELS:
        below = [_cell(line, channel, chosen) for line in _lines(types)]
        open_cells = [cell for cell in below if cell.exists and not cell.is_locked]
        # What is locked stays on whatever the switch says, so the switch shows what it can move.
        is_on = any(cell.is_on for cell in open_cells or below)
        cells.append(Cell(channel, is_on=is_on, is_locked=not open_cells, exists=any(c.exists for c in below)))
    return Row(str(category), category.label, "", True, tuple(cells))
