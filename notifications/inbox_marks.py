"""What a person does to their items: reading, archiving, snoozing, one by one or all, and taking it back. Read next: inbox_undo.py.

Each function takes items of one person; what waits to be sent of what they have dealt with is cancelled (quiet.py), and their devices
are told. `by` is the app in which they did it, which knows.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from channels_ace.api import tell_devices
from notifications.inbox import is_unread, items, mark_of, present
from notifications.live import announce
from notifications.models import InboxItem, InboxState
from notifications.quiet import quieten

Items = Sequence[InboxItem]


def mark_read(items: Items, now: datetime, *, by: str = "") -> None:
    """This function will mark items as read; the second time changes nothing."""
    rows, user_id = _rows(items), items[0].user_id
    with transaction.atomic():
        if rows.filter(read_at=None).update(read_at=now, seen_at=Coalesce("seen_at", now)):
            tell_devices(user_id, now, by=by)
        quieten(rows, user_id, now)
        announce(user_id)


def mark_unread(items: Items, now: datetime, *, by: str = "") -> None:
    """This function will mark items as unread, also such as "mark all as read" covered: its mark goes down to below them."""
    user_id, lowest = items[0].user_id, min(item.message_id for item in items)
    with transaction.atomic():
        state = InboxState.objects.select_for_update().filter(user_id=user_id).first()
        if state is not None and state.read_at is not None and state.read_through >= lowest:
            covered = InboxItem.objects.filter(user_id=user_id, message_id__gte=lowest, message_id__lte=state.read_through, read_at=None)
            covered.exclude(Q(snoozed_until__gt=state.read_at) | Q(message__send_after__gt=state.read_at)).update(
                read_at=state.read_at, seen_at=Coalesce("seen_at", state.read_at)
            )
            InboxState.objects.filter(user_id=user_id).update(read_through=lowest - 1)
        _rows(items).update(read_at=None)
        tell_devices(user_id, now, by=by)
        announce(user_id)


def archive(items: Items, now: datetime, *, by: str = "") -> None:
    """This function will put items out of the list; the second time changes nothing."""
    rows, user_id = _rows(items), items[0].user_id
    with transaction.atomic():
        # What was read has left the screens, and was not counted.
        if rows.filter(archived_at=None).update(archived_at=now) and _has_unread(items):
            tell_devices(user_id, now, by=by)
        quieten(rows, user_id, now)
        announce(user_id)


def unarchive(items: Items, now: datetime, *, by: str = "") -> None:
    """This function will bring items back to where they stood, read or unread as they were."""
    with transaction.atomic():
        if _rows(items).update(archived_at=None) and _has_unread(items):
            tell_devices(items[0].user_id, now, by=by)
        announce(items[0].user_id)


def snooze(items: Items, until: datetime, now: datetime, *, by: str = "") -> None:
    """This function will hide items until an instant, from which on they are unseen and unread again."""
    with transaction.atomic():
        _rows(items).update(snoozed_until=until, seen_at=None, read_at=None, archived_at=None)
        tell_devices(items[0].user_id, now, by=by)
        announce(items[0].user_id)


def unsnooze(items: Items, now: datetime, *, by: str = "") -> None:
    """This function will bring snoozed items back at once."""
    with transaction.atomic():
        _rows(items).update(snoozed_until=None)
        tell_devices(items[0].user_id, now, by=by)
        announce(items[0].user_id)


def mark_seen(user_id: int, now: datetime, *, through: int | None = None) -> int:
    """This function will mark unseen items up to a message (default: the newest) as seen: the badge goes, the items stay unread."""
    unseen = present(InboxItem.objects.filter(user_id=user_id, seen_at=None, read_at=None), now)
    seen = (unseen if through is None else unseen.filter(message_id__lte=through)).update(seen_at=now)
    if seen:
        announce(user_id)
    return seen


def mark_all_read(user_id: int, now: datetime, *, through: int | None = None, by: str = "") -> int:
    """This function will mark everything up to a message (default: the newest) as read by one row, and give that message's key."""
    mark_of(user_id, now)
    newest = InboxItem.objects.filter(user_id=user_id).order_by("-message_id").values_list("message_id", flat=True).first() or 0
    watermark = min(newest, through) if through is not None else newest
    with transaction.atomic():
        state, _created = InboxState.objects.select_for_update().get_or_create(user_id=user_id)
        if watermark > state.read_through:
            InboxState.objects.filter(user_id=user_id).update(read_through=watermark, read_at=now)
            quieten(present(items(user_id, now).filter(message_id__lte=watermark), now), user_id, now)
            tell_devices(user_id, now, by=by)
            announce(user_id)
    return watermark


def take_back_read(user_id: int, now_through: int, through: int, at: datetime | None, now: datetime) -> bool:
    """This function will put the mark of "all read" back, unless it has moved again since; and tell whether it did."""
    mine = InboxState.objects.filter(user_id=user_id, read_through=now_through)
    with transaction.atomic():
        tell_devices(user_id, now)
        announce(user_id)
        return bool(mine.update(read_through=through, read_at=at))


def archive_read(user_id: int, now: datetime, *, through: int) -> int:
    """This function will archive what is read up to a message, in one statement, and say how many items that were."""
    mine = present(InboxItem.objects.filter(user_id=user_id, message_id__lte=through), now)
    announce(user_id)
    return mine.exclude(is_unread(*mark_of(user_id, now))).update(archived_at=now)


def take_back_archive(user_id: int, at: datetime) -> int:
    """This function will bring back what was archived at one instant, and say how many items that were."""
    announce(user_id)
    return InboxItem.objects.filter(user_id=user_id, archived_at=at).update(archived_at=None)


def _rows(items: Items) -> QuerySet[InboxItem]:
    return InboxItem.objects.filter(user_id=items[0].user_id, message_id__in=[item.message_id for item in items])


def _has_unread(items: Items) -> bool:
    return any(item.read_at is None for item in items)
