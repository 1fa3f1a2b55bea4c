"""Several items that say the same of one thing are one row: "Lee (and 3 others) answered your post". Read next: inbox_views.py."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from django.utils.translation import ngettext

from channels_ace.api import Message, UnknownType
from notifications.inbox import words_of
from notifications.models import InboxItem
from notifications.registry import NotificationType, find


@dataclass(frozen=True)
class Row:
    """What a page shows as one: its items, newest first."""

    items: Sequence[InboxItem]

    @property
    def newest(self) -> InboxItem:
        """The item whose words and time the row has."""
        return self.items[0]


def rows_of(items: Sequence[InboxItem], most: int) -> list[Row]:
    """This function will make at most so many rows of items that are newest first, and leave the items after those.

    Read and unread never share a row: what is new is not hidden among what is known.
    """
    groups: dict[object, list[InboxItem]] = {}
    for item in items:
        key = _key(item)
        if key not in groups and len(groups) == most:
            break
        groups.setdefault(key, []).append(item)
    return [Row(group) for group in groups.values()]


def words_of_row(row: Row, language: str) -> dict[str, str]:
    """This function will give the `title` and `text` of a row in a language: those of its newest item, with all who did it."""
    message = row.newest.message
    known = type_of(message)
    others = {str(item.message.context.get(known.actor, "")) for item in row.items} if known and known.actor else set()
    others -= {"", str(message.context.get(known.actor, ""))} if known else set()
    if known is None or not others:
        return words_of(message, language)
    # In brackets, so that the sentence around it agrees with one person in every language.
    both = ngettext("%(name)s (and %(count)d other)", "%(name)s (and %(count)d others)", len(others))
    told = copy(message)
    told.context = {**message.context, known.actor: both % {"name": message.context.get(known.actor), "count": len(others)}}
    return words_of(told, language)


def _key(item: InboxItem) -> object:
    known, message = type_of(item.message), item.message
    if known is None or not known.group_by or not message.context.get(known.group_by):
        return item.message_id
    return message.type, message.scope, str(message.context[known.group_by]), item.read_at is None


def type_of(message: Message) -> NotificationType | None:
    """This function will give the notification type of a message; None once it is gone."""
    try:
        return find(message.type)
    except (UnknownType, TypeError):
        return None
