"""What changed in an inbox since a phone last asked, for its offline copy. Read next: rest_api/changes.py.

Nothing is written or counted for this. PostgreSQL keeps with each row the number of the transaction that wrote it, and tells at any
moment the first that is still open: all rows from that number on are what the phone may not know. So a change that is committed late is
not skipped, however late; while a long transaction is open somewhere, what was written beside it is told more than once, which changes
nothing in a copy. SQLite keeps no such number: there, everything is told each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from notifications.inbox import items, mark_of, retention, show_mark
from notifications.models import InboxItem

# PostgreSQL's numbers go round after 2^32, and tell before from after over half of that.
FARTHEST = 2**31 - 100_000_000


class StartOver(ValueError):
    """The cursor is from another database, or too old to tell what changed since."""


@dataclass(frozen=True)
class Moment:
    """What a copy stands for: the first transaction it may lack, when, and the mark of "all read" at that time."""

    database: str
    transaction: int
    at: datetime
    read_through: int
    marked_at: datetime | None
    kept_days: float


@dataclass(frozen=True)
class Place:
    """How far a phone has come: what it asks since (None: from nothing), what it is led to, and the item below which it goes on."""

    since: Moment | None
    to: Moment
    below: int


@dataclass(frozen=True)
class Changes:
    """Items as they are now, newest first, and where to ask on: at a place while there are more, else since a moment."""

    items: Sequence[InboxItem]
    kept_from: datetime
    more: Place | None
    to: Moment


def changes(user_id: int, now: datetime, since: Moment | Place | None, *, size: int = 100) -> Changes:
    """This function will give a page of what changed, in three statements however long the inbox is. Raises StartOver."""
    # Before anything is read: what is committed from here on belongs to the next time.
    here = _moment(user_id, now)
    place = since if isinstance(since, Place) else Place(since, here, 0)
    for known in (place.since, place.to):
        if known is not None:
            _check(known, here)
    rows = items(user_id, now)
    if place.since is not None:
        rows = rows.filter(_changed(place.since, place.to))
    if place.below:
        rows = rows.filter(message_id__lt=place.below)
    found = list(rows.order_by("-message_id")[: size + 1])
    # By the mark that the copy is led to, on every page: a mark that moves meanwhile is the difference to the next time.
    show_mark(found, place.to.read_through, place.to.marked_at)
    more = Place(place.since, place.to, found[size - 1].message_id) if len(found) > size else None
    return Changes(found[:size], now - retention(), more, place.to)


def _moment(user_id: int, now: datetime) -> Moment:
    database, transaction = "sqlite", 0
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # A database that was restored, or took over, counts anew from where it was: neither is the one that the phone knows.
            cursor.execute(
                """SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()),
                    (SELECT timeline_id FROM pg_control_checkpoint()), (SELECT oid FROM pg_database WHERE datname = current_database())),
                    pg_snapshot_xmin(pg_current_snapshot())::text"""
            )
            database, first_open = cursor.fetchone()
            transaction = int(first_open)
    return Moment(database, transaction, now, *mark_of(user_id, now), retention().total_seconds() / 86_400)


def _check(known: Moment, here: Moment) -> None:
    is_same = known.database == here.database and known.kept_days >= here.kept_days
    if not is_same or not 0 <= here.transaction - known.transaction <= FARTHEST or known.at <= here.at - retention():
        raise StartOver("Nobody can tell what changed since.")


def _changed(since: Moment, to: Moment) -> Q:
    if connection.vendor != "postgresql":
        return Q(user__isnull=False)
    # The row's own number, in its table: InboxItem is what these statements select from.
    written = RawSQL(  # noqa: S611 - the name of our own table, and a parameter
        f'age("{InboxItem._meta.db_table}".xmin) <= age(%s::text::xid8::xid)',
        [str(since.transaction)],
        output_field=BooleanField(),
    )
    changed = Q(written) | Q(snoozed_until__gt=since.at, snoozed_until__lte=to.at)
    # Said to everyone for later: it is here from its time on.
    changed |= Q(message__send_after__gt=since.at, message__send_after__lte=to.at)
    if (since.read_through, since.marked_at) != (to.read_through, to.marked_at):
        low, high = sorted((since.read_through, to.read_through))
        moved = Q(message_id__gt=low, message_id__lte=high)
        if marks := [moment.marked_at for moment in (since, to) if moment.marked_at]:
            # What "mark all" did not cover because it was hidden, the next one may.
            hidden = Q(snoozed_until__gt=min(marks)) | Q(message__send_after__gt=min(marks))
            moved |= Q(message_id__lte=high) & hidden
        changed |= Q(read_at=None) & moved
    return changed
