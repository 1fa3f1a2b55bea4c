"""A person's inbox: written with the message, read by pages of keys, counted by an index. Read next: views.py, rest_api/inbox.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Value

from channels_ace.api import Into, Message, render
from notifications.models import InboxItem, InboxState
from notifications.quiet import quieten
from notifications.registry import find

BADGE_CAP = 100
RETENTION = timedelta(days=60)


class InboxChannel:
    """The channel that is its own carrier: one thin row a person, in the statement that plans the message."""

    name = "inbox"
    contact_kinds: tuple[str, ...] = ()

    def rows(self, message: Message) -> Into:
        """This function will say which row puts the message into a user's inbox."""
        category = find(message.type).category
        return Into(model=InboxItem, columns={"user_id": "pk", "message_id": Value(message.pk), "category": Value(str(category))})


@dataclass(frozen=True)
class Page:
    """Some items, newest first, and the key to ask on with (None at the end)."""

    items: Sequence[InboxItem]
    next_before: int | None


def items(user_id: int, now: datetime) -> QuerySet[InboxItem]:
    """This function will give what the person's inbox holds now, with its messages."""
    return InboxItem.objects.filter(user_id=user_id, message__created_at__gt=now - RETENTION).select_related("message")


def unread(user_id: int, now: datetime) -> QuerySet[InboxItem]:
    """This function will give what the person has not read: neither one by one nor by "mark all"."""
    return _unread(_present(items(user_id, now), now), *_mark(user_id))


def page(
    user_id: int,
    now: datetime,
    *,
    before: int | None = None,
    category: str = "",
    only_unread: bool = False,
    archived: bool = False,
    size: int = 20,
) -> Page:
    """This function will give a page of the inbox below a key, in two statements however long the inbox is."""
    read_through, marked_at = _mark(user_id)
    rows = items(user_id, now).filter(archived_at__isnull=False) if archived else _present(items(user_id, now), now)
    if only_unread:
        rows = _unread(rows, read_through, marked_at)
    if category:
        rows = rows.filter(category=category)
    if before is not None:
        rows = rows.filter(message_id__lt=before)
    found = list(rows.order_by("-message_id")[: size + 1])
    for item in found:
        if item.read_at is None and item.message_id <= read_through and not _returned(item, marked_at):
            item.read_at = marked_at
            item.seen_at = item.seen_at or marked_at
    return Page(found[:size], found[size - 1].message_id if len(found) > size else None)


def counts(user_id: int, now: datetime) -> dict[str, int]:
    """This function will count unread items by category."""
    rows = unread(user_id, now).order_by().values("category").annotate(count=Count("message_id"))
    return {row["category"]: row["count"] for row in rows}


def badge(user_id: int, now: datetime) -> int:
    """This function will count unseen items up to BADGE_CAP: beyond it the exact number helps nobody."""
    return len(unread(user_id, now).filter(seen_at=None).order_by().values_list("message_id")[:BADGE_CAP])


def mark_read(item: InboxItem, now: datetime) -> None:
    """This function will mark an item as read; the second time changes nothing."""
    InboxItem.objects.filter(user_id=item.user_id, message_id=item.message_id, read_at=None).update(
        read_at=now, seen_at=F("seen_at") if item.seen_at else now
    )
    quieten(_one(item), item.user_id, now)


def archive(item: InboxItem, now: datetime) -> None:
    """This function will put an item out of the list; the second time changes nothing. What waits to be sent of it is cancelled."""
    _one(item).filter(archived_at=None).update(archived_at=now)
    quieten(_one(item), item.user_id, now)


def unarchive(item: InboxItem) -> None:
    """This function will undo archive: the item stands where it stood, read or unread as it was."""
    _one(item).update(archived_at=None)


def snooze(item: InboxItem, until: datetime) -> None:
    """This function will hide an item until an instant, from which on it is unseen and unread again."""
    _one(item).update(snoozed_until=until, seen_at=None, read_at=None, archived_at=None)


def unsnooze(item: InboxItem) -> None:
    """This function will bring a snoozed item back at once."""
    _one(item).update(snoozed_until=None)


def mark_unread(item: InboxItem) -> None:
    """This function will undo mark_read. What "mark all" covered stays read."""
    InboxItem.objects.filter(user_id=item.user_id, message_id=item.message_id).update(read_at=None)


def mark_seen(user_id: int, now: datetime) -> int:
    """This function will mark all unseen items as seen: the badge goes, the items stay unread."""
    return _present(InboxItem.objects.filter(user_id=user_id, seen_at=None, read_at=None), now).update(seen_at=now)


def mark_all_read(user_id: int, now: datetime, *, through: int | None = None) -> int:
    """This function will mark everything up to a message (default: the newest) as read by one row, and give that message's key."""
    newest = InboxItem.objects.filter(user_id=user_id).order_by("-message_id").values_list("message_id", flat=True).first() or 0
    watermark = min(newest, through) if through is not None else newest
    with transaction.atomic():
        state, _created = InboxState.objects.select_for_update().get_or_create(user_id=user_id)
        if watermark > state.read_through:
            InboxState.objects.filter(user_id=user_id).update(read_through=watermark, read_at=now)
            quieten(_present(InboxItem.objects.filter(user_id=user_id, message_id__lte=watermark), now), user_id, now)
    return watermark


def words(item: InboxItem, language: str) -> dict[str, str]:
    """This function will give the item's `title` and `text` in a language."""
    return render(item.message, "inbox", ("title.txt", "text.txt"), language)


def _mark(user_id: int) -> tuple[int, datetime | None]:
    return InboxState.objects.filter(user_id=user_id).values_list("read_through", "read_at").first() or (0, None)


def _present(rows: QuerySet[InboxItem], now: datetime) -> QuerySet[InboxItem]:
    return rows.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=now), archived_at=None)


def _unread(rows: QuerySet[InboxItem], read_through: int, marked_at: datetime | None) -> QuerySet[InboxItem]:
    above = Q(message_id__gt=read_through)
    # "Mark all" did not cover what was hidden when it was pressed.
    return rows.filter(above | Q(snoozed_until__gt=marked_at) if marked_at else above, read_at=None)


def _returned(item: InboxItem, marked_at: datetime | None) -> bool:
    return item.snoozed_until is not None and marked_at is not None and item.snoozed_until > marked_at


def _one(item: InboxItem) -> QuerySet[InboxItem]:
    return InboxItem.objects.filter(user_id=item.user_id, message_id=item.message_id)
