"""Deleting what an inbox no longer shows, a few people at a time. Read next: tasks.py."""

from datetime import datetime

from django.db.models import Min

from channels_ace.api import Message
from notifications.inbox import retention
from notifications.models import Broadcast, InboxItem

# People a statement: their rows lie together in the key's index, and no statement is long.
CHUNK = 2_000


def forget_old_items(now: datetime) -> int:
    """This function will delete the items whose time is over, and say how many those were; and what was said to everyone before it."""
    # Messages are numbered as they are said; below the first that is still kept, none is.
    first_kept = Message.objects.filter(created_at__gt=now - retention()).aggregate(first=Min("pk"))["first"]
    old = InboxItem.objects.all() if first_kept is None else InboxItem.objects.filter(message_id__lt=first_kept)
    deleted, people = 0, _people(0)
    while people:
        deleted += old.filter(user_id__in=people).delete()[0]
        people = _people(people[-1])
    # Nobody would be shown it any more, and each look of everybody asks about each.
    Broadcast.objects.filter(message__created_at__lte=now - retention()).delete()
    return deleted


def _people(after: int) -> list[int]:
    owners = InboxItem.objects.filter(user_id__gt=after).order_by("user_id").values_list("user_id", flat=True).distinct()
    return list(owners[:CHUNK])
