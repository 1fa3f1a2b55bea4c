"""A person's inbox: written with the message, read by pages of keys, counted by an index. Read next: inbox_marks.py, inbox_views.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan
from django.utils import timezone

from channels_ace.api import Into, Message, Prepared, Together, render
from notifications import broadcasts
from notifications.inbox_search import matching
from notifications.live import announce
from notifications.models import InboxItem, InboxState
from notifications.registry import find

# What a person's mark of "all read" is, or where the statement itself asks for it.
Number = int | Combinable
Instant = datetime | Combinable

BADGE_CAP = 100
# What came back from a snooze stands above the rest; nobody has snoozed more than they can look at.
MOST_RETURNED = 20
MOST_COURSES = 100
# For who has never marked all as read, and for a first page: before and after everything.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 2**62
# Titles and texts that a process remembers: a few megabytes.
MOST_WRITTEN = 10_000
_written: dict[tuple[str, str, str], dict[str, str]] = {}


class InboxChannel:
    """The channel that is its own carrier: one thin row a person, in the statement that plans the message."""

    name = "inbox"
    contact_kinds: tuple[str, ...] = ()

    def rows(self, message: Message) -> Into:
        """This function will say which row puts the message into a user's inbox."""
        category = find(message.type).category
        return Into(model=InboxItem, columns={"user_id": "pk", "message_id": Value(message.pk), "category": Value(str(category))})

    def keep_for_all(self, message: Message, through: int) -> None:
        """This function will keep one row for everyone up to an id, and tell the open pages, after the commit."""
        broadcasts.keep(message, through)
        announce(1, through)

    def forget_for_all(self, message: Message) -> None:
        """This function will let the message enter no further inbox."""
        broadcasts.forget(message)

    def announce(self, first_user_id: int, last_user_id: int) -> None:
        """This function will tell the open pages of the people of a chunk, after the commit."""
        announce(first_user_id, last_user_id)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a reader wants to see: `show` is "here", "archived" or "snoozed", and the rest narrows it. Empty means any."""

    show: str = "here"
    category: str = ""
    only_unread: bool = False
    course: str = ""
    search: str = ""


@dataclass(frozen=True)
class Page:
    """Some items, newest first, and the key to ask on with (None at the end). `returned` stand above the first page."""

    items: Sequence[InboxItem]
    next_before: int | None
    returned: Sequence[InboxItem] = ()


def retention() -> timedelta:
    """This function will tell how long an item is kept (settings.INBOX_DAYS)."""
    return timedelta(days=getattr(settings, "INBOX_DAYS", 60))


def items(user_id: int, now: datetime) -> QuerySet[InboxItem]:
    """This function will give what the person's inbox holds now, archived and snoozed too, with its messages."""
    return _kept(user_id, now, now - retention())


def _kept(user_id: int, now: datetime, since: datetime) -> QuerySet[InboxItem]:
    return kept(now, since).filter(user_id=user_id).select_related("message")


def kept(now: datetime, since: datetime) -> QuerySet[InboxItem]:
    """This function will give what all inboxes hold now of what was said since then."""
    is_kept = Q(created_at__gt=since) & (Q(send_after=None) | Q(send_after__lte=now))
    return InboxItem.objects.filter(of_message(ExpressionWrapper(is_kept, BooleanField())))


def of_message(what: Combinable) -> Subquery:
    """This function will give something of an item's message, looked up by its key.

    A value and neither a join nor a condition: by statistics that are wrong for a while after much was said, those read all messages.
    """
    return Subquery(Message.objects.filter(pk=OuterRef("message_id")).values(what=what))


def unread(user_id: int, now: datetime) -> QuerySet[InboxItem]:
    """This function will give what the person has not read: neither one by one nor by "mark all"."""
    return present(items(user_id, now), now).filter(is_unread(*mark_of(user_id, now)))


def page(user_id: int, now: datetime, asked: Asked | None = None, *, before: int | None = None, size: int = 20) -> Page:
    """This function will give a page of the inbox below a key, in three statements however long the inbox is."""
    asked = asked or Asked()
    read_through, marked_at = mark_of(user_id, now)
    what = (user_id, now, now - retention(), read_through, marked_at or NEVER)
    returned: list[InboxItem] = []
    if asked == Asked():
        # What is asked for most; to compile it took three times as long as to run it.
        returned = _as_items(_RETURNED.rows(*what)) if before is None else []
        found = _as_items(_first(size + 1).rows(*what, before or LAST))
    else:
        returned = list(came_back(*what, asked=asked)) if before is None and asked.show == "here" else []
        found = list(others(*what, before or LAST, asked=asked)[: size + 1])
    show_mark(found, read_through, marked_at)
    return Page(found[:size], found[size - 1].message_id if len(found) > size else None, returned)


@dataclass(frozen=True)
class Tally:
    """What is unread, by category, and how much is unseen (up to BADGE_CAP). Of two tallies the one with the higher version holds."""

    unread: dict[str, int]
    unseen: int
    version: int


def counts(user_id: int, now: datetime) -> dict[str, int]:
    """This function will count unread items by category."""
    return tally(user_id, now).unread


def tally(user_id: int, now: datetime) -> Tally:
    """This function will count for the tabs and the badge at once, in one statement."""
    since, asked_at = now - retention(), timezone.now()
    (_, is_any_waiting, version), *found = _TALLY.rows(user_id, now, since)
    if is_any_waiting:
        broadcasts.bring_in(user_id, now, since=since)
        asked_at = timezone.now()
        (_, _, version), *found = _TALLY.rows(user_id, now, since)
    unseen = min(sum(unseen for _, _, unseen in found), BADGE_CAP)
    return Tally({category: unread for category, unread, _ in found}, unseen, version or _version(asked_at))


def badge(user_id: int, now: datetime) -> int:
    """This function will count unseen items up to BADGE_CAP: beyond it the exact number helps nobody."""
    return bell(user_id, now)["unread"]


def bell(user_id: int, now: datetime) -> dict[str, int]:
    """This function will give what the bell shows, `unread`, and its `version`: of two answers the one with the higher holds.

    In one statement, with what was said to everyone and the mark of "all read": it is asked on every page.
    """
    since, asked_at = now - retention(), timezone.now()
    ((is_any_waiting, unseen, version),) = _BELL.rows(user_id, now, since)
    if is_any_waiting:
        broadcasts.bring_in(user_id, now, since=since)
        asked_at = timezone.now()
        ((_, unseen, version),) = _BELL.rows(user_id, now, since)
    return {"unread": unseen, "version": version or _version(asked_at)}


def courses(user_id: int, now: datetime) -> list[tuple[str, str]]:
    """This function will list the courses and studies of which the inbox holds something: (scope, name), by name."""
    named = items(user_id, now).exclude(message__scope="").order_by()
    rows = named.values_list("message__scope", KeyTextTransform("course_name", "message__context")).distinct()[: 2 * MOST_COURSES]
    names: dict[str, str] = {}
    for scope, name in rows:
        names[scope] = names.get(scope) or name or ""
    return sorted(((scope, name or scope) for scope, name in names.items()), key=lambda course: course[1].casefold())[:MOST_COURSES]


def words(item: InboxItem, language: str) -> dict[str, str]:
    """This function will give the item's `title` and `text` in a language, written once for all who are told the same."""
    # Times in it are those of the reader's zone. A message never changes.
    key = item.message.public_id, language, timezone.get_current_timezone_name()
    known = _written.get(key)
    if known is None:
        known = _written[key] = words_of(item.message, language)
        if len(_written) > MOST_WRITTEN:
            # The oldest, not the least used: what is new is what is read.
            del _written[next(iter(_written))]
    return known


def words_of(message: Message, language: str) -> dict[str, str]:
    """This function will give the `title` and `text` of a message as inboxes show it."""
    return render(message, "inbox", ("title.txt", "text.txt"), language)


def mark_of(user_id: int, now: datetime) -> tuple[int, datetime | None]:
    """This function will tell up to which message the person has marked everything as read, and when.

    Asked before every list and count, and so it first brings in what was said to everyone: most often nothing, in the same statement.
    """
    since = now - retention()
    for read_through, read_at, is_any_waiting in _MARK.rows(user_id, now, since):
        if is_any_waiting:
            broadcasts.bring_in(user_id, now, since=since)
        return read_through or 0, read_at
    return 0, None


def _mark(user_id: int, now: datetime, since: datetime) -> QuerySet[Any, Any]:
    is_waiting = Exists(broadcasts.waiting(user_id, now, since=since))
    person = get_user_model()._default_manager.filter(pk=user_id)
    return person.values_list("carillon_inbox_state__read_through", "carillon_inbox_state__read_at", is_waiting)


_MARK = Prepared(_mark)


def find_item(user_id: int, public_id: str, now: datetime) -> InboxItem | None:
    """This function will find an item by its message's public id, among what the person's inbox holds now."""
    mine = items(user_id, now).filter(message__public_id=public_id)
    found = mine.first()
    if found is None and broadcasts.waiting(user_id, now, since=now - retention()).filter(message__public_id=public_id).exists():
        # A push told of it before its reader has looked into the inbox.
        broadcasts.bring_in(user_id, now, since=now - retention())
        found = mine.first()
    return found


def present(rows: QuerySet[InboxItem], now: datetime) -> QuerySet[InboxItem]:
    """This function will leave out what is archived, and what sleeps."""
    return rows.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=now), archived_at=None)


def is_unread(read_through: Number, marked_at: Instant | None) -> Q:
    """This function will give the condition of what is unread beside a mark, of one person or of the row's own."""
    above = Q(message_id__gt=read_through)
    # "Mark all" did not cover what was hidden when it was pressed.
    if marked_at is None:
        return Q(read_at=None) & above
    said_later = Q(GreaterThan(Coalesce(of_message(F("send_after")), NEVER), marked_at))
    return Q(read_at=None) & (above | Q(snoozed_until__gt=marked_at) | said_later)


def show_mark(found: Iterable[InboxItem], read_through: int, marked_at: datetime | None) -> None:
    """This function will let items look read that a mark covers; their rows stay as they are."""
    for item in found:
        if item.read_at is None and item.message_id <= read_through and not _was_hidden(item, marked_at):
            item.read_at = marked_at
            item.seen_at = item.seen_at or marked_at


def _shown(rows: QuerySet[InboxItem], show: str, now: datetime) -> QuerySet[InboxItem]:
    if show == "archived":
        return rows.filter(archived_at__isnull=False)
    if show == "snoozed":
        return rows.filter(archived_at=None, snoozed_until__gt=now)
    return present(rows, now)


def _narrowed(rows: QuerySet[InboxItem], asked: Asked) -> QuerySet[InboxItem]:
    if asked.category:
        rows = rows.filter(category=asked.category)
    if asked.course:
        rows = rows.filter(message__scope=asked.course)
    return matching(rows, asked.search) if asked.search else rows


def _wanted(user_id: int, now: datetime, since: datetime, read_through: Number, marked_at: Instant, asked: Asked) -> QuerySet[InboxItem]:
    rows = _narrowed(_shown(_kept(user_id, now, since), asked.show, now), asked)
    return rows.filter(is_unread(read_through, marked_at)) if asked.only_unread else rows


def came_back(
    user_id: int, now: datetime, since: datetime, read_through: Number, marked_at: Instant, *, asked: Asked
) -> QuerySet[InboxItem]:
    """This function will give what has come back from a snooze and is unread: it stands above the rest."""
    back = Q(snoozed_until__lte=now) & is_unread(read_through, marked_at)
    return _wanted(user_id, now, since, read_through, marked_at, asked).filter(back).order_by("-snoozed_until")[:MOST_RETURNED]


def others(
    user_id: int, now: datetime, since: datetime, read_through: Number, marked_at: Instant, before: int, *, asked: Asked
) -> QuerySet[InboxItem]:
    """This function will give what is asked for below a message, newest first, without what stands above."""
    rows = _wanted(user_id, now, since, read_through, marked_at, asked).filter(message_id__lt=before)
    if asked.show == "here":
        rows = rows.exclude(Q(snoozed_until__lte=now) & is_unread(read_through, marked_at))
    return rows.order_by("-message_id")


def _unread(user_id: int, now: datetime, since: datetime) -> QuerySet[InboxItem]:
    """This function will give what is unread, asking for the mark in the same statement, once."""
    return present(_kept(user_id, now, since), now).filter(is_unread(*asked_mark(user_id))).order_by()


def asked_mark(user_id: int) -> tuple[Combinable, Combinable]:
    """This function will give the person's mark of "all read" for a statement that asks for it by itself."""
    mark = InboxState.objects.filter(user_id=user_id)
    return Coalesce(Subquery(mark.values("read_through")), 0), Coalesce(Subquery(mark.values("read_at")), NEVER)


def _bell(user_id: int, now: datetime, since: datetime) -> Together:
    unseen = _unread(user_id, now, since).filter(seen_at=None).values("message_id")[:BADGE_CAP]
    return Together(
        f"SELECT EXISTS({{waiting}}), (SELECT COUNT(*) FROM ({{unseen}}) AS found), {_clock()}",  # noqa: S608 - words of our own
        waiting=waiting(user_id, now, since),
        unseen=unseen,
    )


def _tally(user_id: int, now: datetime, since: datetime) -> Together:
    unread = _unread(user_id, now, since).values("category")
    unread = unread.annotate(items=Count("message_id"), unseen=Count("message_id", filter=Q(seen_at=None)))
    return Together(
        f"SELECT '', CASE WHEN EXISTS({{waiting}}) THEN 1 ELSE 0 END, {_clock()} UNION ALL {{unread}}",
        waiting=waiting(user_id, now, since),
        unread=unread.values_list("category", "items", "unseen"),
    )


def waiting(user_id: int, now: datetime, since: datetime) -> QuerySet[Any, Any]:
    """This function will give what was said to everyone and is still to come in."""
    return broadcasts.waiting(user_id, now, since=since).values("message_id")


def _clock() -> str:
    """This function will give the SQL of the database's clock in microseconds, at the begin of the transaction.

    A statement outside of one sees all that was committed before that. SQLite has no clock but ours.
    """
    return "0" if connection.vendor == "sqlite" else "(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000000)::bigint"


def _version(asked_at: datetime) -> int:
    return int(asked_at.timestamp() * 1_000_000)


_ITEM = [field.attname for field in InboxItem._meta.concrete_fields]
_MESSAGE = [field.attname for field in Message._meta.concrete_fields]
_COLUMNS = [*_ITEM, *(f"message__{name}" for name in _MESSAGE)]
_RETURNED = Prepared(lambda *what: came_back(*what, asked=Asked()).values_list(*_COLUMNS))
_TALLY = Prepared(_tally)
_BELL = Prepared(_bell)


@cache
def _first(number: int) -> Prepared:
    return Prepared(lambda *what: others(*what, asked=Asked()).values_list(*_COLUMNS)[:number])


def _as_items(rows: Iterable[tuple[Any, ...]]) -> list[InboxItem]:
    items = []
    for row in rows:
        item = InboxItem.from_db(None, _ITEM, row[: len(_ITEM)])
        item.message = Message.from_db(None, _MESSAGE, row[len(_ITEM) :])
        items.append(item)
    return items


def _was_hidden(item: InboxItem, marked_at: datetime | None) -> bool:
    return marked_at is not None and any(time and time > marked_at for time in (item.snoozed_until, item.message.send_after))
