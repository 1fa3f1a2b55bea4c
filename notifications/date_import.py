"""Course dates from a file: read whole, every bad row named, then written all at once or not at all. Read next: date_rows.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from notifications.course_dates import CourseDate

BATCH = 500


@dataclass(frozen=True)
class Row:
    """One date as a file or a request names it, checked by itself."""

    number: int
    course_key: str
    external_id: str
    kind: str
    title: str
    link: str = ""
    at: datetime | None = None
    on: date | None = None
    username: str = ""
    is_cancelled: bool = False


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be taken, and why."""

    number: int
    reason: str


class BadDates(ValueError):
    """Some rows cannot be taken, so none was."""

    def __init__(self, rows: Sequence[BadRow]) -> None:
        super().__init__(f"{len(rows)} bad rows")
        self.rows = list(rows)


@dataclass
class Counts:
    """What became of the rows."""

    new: int = 0
    moved: int = 0
    changed: int = 0
    same: int = 0


def import_dates(rows: Sequence[Row], now: datetime, *, bad: Sequence[BadRow] = (), dry_run: bool = False) -> Counts:
    """This function will store dates, in a few statements a batch, and count what was new, moved, changed or the same.

    Raises BadDates, having written nothing, for a row that stands twice or names a learner whom nobody knows, and for those that were
    `bad` before: with a dry run or without, it names them all.
    """
    with transaction.atomic():
        people = _people(rows)
        if refused := [*bad, *_bad(rows, people)]:
            raise BadDates(sorted(refused, key=lambda row: row.number))
        known = _known(rows)
        counts, made, changed = Counts(), [], []
        for row in rows:
            found = known.get((row.course_key, row.external_id, people.get(row.username)))
            if found is None:
                made.append(_make(row, people.get(row.username), now))
                counts.new += 1
            elif _change(found, row, now, counts):
                changed.append(found)
        if not dry_run:
            CourseDate.objects.bulk_create(made, batch_size=BATCH)
            CourseDate.objects.bulk_update(changed, FIELDS, batch_size=BATCH)
    return counts


FIELDS = ["kind", "title", "link", "at", "on", "sequence", "moved_at", "changed_at", "cancelled_at"]


def _people(rows: Sequence[Row]) -> dict[str, int]:
    names = sorted({row.username for row in rows if row.username})
    users = get_user_model()._default_manager
    return {name: pk for some in _batches(names) for name, pk in users.filter(username__in=some).values_list("username", "pk")}


def _bad(rows: Sequence[Row], people: dict[str, int]) -> Iterable[BadRow]:
    seen: dict[tuple[str, str, str], int] = {}
    for row in rows:
        first = seen.setdefault((row.course_key, row.external_id, row.username), row.number)
        if first != row.number:
            yield BadRow(row.number, _("It is the same date as row %(number)d.") % {"number": first})
        elif row.username and row.username not in people:
            yield BadRow(row.number, _("Nobody has the username “%(name)s”.") % {"name": row.username})


def _known(rows: Sequence[Row]) -> dict[tuple[str, str, int | None], CourseDate]:
    courses = {row.course_key for row in rows}
    found: dict[tuple[str, str, int | None], CourseDate] = {}
    for ids in _batches(sorted({row.external_id for row in rows})):
        stored = CourseDate.objects.select_for_update().filter(course_key__in=courses, external_id__in=ids).order_by("pk")
        found |= {(one.course_key, one.external_id, one.user_id): one for one in stored}
    return found


def _batches(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + BATCH] for start in range(0, len(names), BATCH))


def _make(row: Row, user_id: int | None, now: datetime) -> CourseDate:
    return CourseDate(
        course_key=row.course_key,
        external_id=row.external_id,
        user_id=user_id,
        kind=row.kind,
        title=row.title,
        link=row.link,
        at=row.at,
        on=row.on,
        changed_at=now,
        cancelled_at=now if row.is_cancelled else None,
    )


def _change(stored: CourseDate, row: Row, now: datetime, counts: Counts) -> bool:
    """This function will carry a row over to its stored date and tell whether anything differed."""
    moved = (stored.at, stored.on) != (row.at, row.on)
    words = (stored.kind, stored.title, stored.link, stored.cancelled_at is not None)
    if not moved and words == (row.kind, row.title, row.link, row.is_cancelled):
        counts.same += 1
        return False
    stored.kind, stored.title, stored.link, stored.at, stored.on = row.kind, row.title, row.link, row.at, row.on
    stored.changed_at = now
    stored.cancelled_at = (stored.cancelled_at or now) if row.is_cancelled else None
    # A change of words counts for calendars only when the date moves or ends; the ledger speaks again only then.
    if moved:
        stored.sequence += 1
        stored.moved_at = now
        counts.moved += 1
    else:
        counts.changed += 1
    return True
