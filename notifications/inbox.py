"""A person's inbox: written with the message, read by pages of keys, counted by an index. Read next: views.py, rest_api/inbox.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, QuerySet, Value

from channels_ace.api import Into, Message, render
from notifications.models import InboxItem, InboxState
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
    return items(user_id, now).filter(read_at=None, message_id__gt=_read_through(user_id))


def page(user_id: int, now: datetime, *, before: int | None = None, category: str = "", only_unread: bool = False, size: int = 20) -> Page:
    """This function will give a page of the inbox below a key, in two statements however long the inbox is."""
    state = InboxState.objects.filter(user_id=user_id).first()
    read_through, marked_at = (state.read_through, state.read_at) if state else (0, None)
    rows = items(user_id, now)
    if only_unread:
        rows = rows.filter(read_at=None, message_id__gt=read_through)
    if category:
        rows = rows.filter(category=category)
    if before is not None:
        rows = rows.filter(message_id__lt=before)
    found = list(rows.order_by("-message_id")[: size + 1])
    for item in found:
        if item.read_at is None and item.message_id <= read_through:
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


def mark_unread(item: InboxItem) -> None:
    """This function will undo mark_read. What "mark all" covered stays read."""
    InboxItem.objects.filter(user_id=item.user_id, message_id=item.message_id).update(read_at=None)


def mark_seen(user_id: int, now: datetime) -> int:
    """This function will mark all unseen items as seen: the badge goes, the items stay unread."""
    return InboxItem.objects.filter(user_id=user_id, seen_at=None, read_at=None).update(seen_at=now)


def mark_all_read(user_id: int, now: datetime, *, through: int | None = None) -> int:
    """This function will mark everything up to a message (default: the newest) as read by one row, and give that message's key."""
    newest = InboxItem.objects.filter(user_id=user_id).order_by("-message_id").values_list("message_id", flat=True).first() or 0
    watermark = min(newest, through) if through is not None else newest
    with transaction.atomic():
        state, _created = InboxState.objects.select_for_update().get_or_create(user_id=user_id)
        if watermark > state.read_through:
            InboxState.objects.filter(user_id=user_id).update(read_through=watermark, read_at=now)
    return watermark


def words(item: InboxItem, language: str) -> dict[str, str]:
    """This function will give the item's `title` and `text` in a language."""
    return render(item.message, "inbox", ("title.txt", "text.txt"), language)


def _read_through(user_id: int) -> int:
    return InboxState.objects.filter(user_id=user_id).values_list("read_through", flat=True).first() or 0
