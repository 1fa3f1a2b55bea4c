"""The number on the icon of a person's app: what they have not read, counted for many people at once. Read next: inbox.py."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import DateTimeField, Exists, F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from channels_ace.api import Delivery
from notifications import broadcasts
from notifications.digest import DIGEST
from notifications.inbox import NEVER, is_unread, kept, present, retention
from notifications.models import InboxItem


def unread_of(user_ids: Collection[int], now: datetime) -> dict[int, int]:
    """This function will count what each of these people has not read, as their inbox does, in one statement.

    What was said to everyone counts before its reader has looked (broadcasts.py); nothing is written for it.
    """
    since = now - retention()
    mark = _mark(OuterRef("carillon_inbox_state__read_through"), OuterRef("carillon_inbox_state__read_at"))
    unread = present(kept(now, since).filter(user_id=OuterRef("pk")), now).filter(is_unread(*mark))
    waiting = broadcasts.waiting(OuterRef("pk"), now, since=since)
    people = get_user_model()._default_manager.filter(pk__in=user_ids)
    return dict(people.values_list("pk", _count(unread) + _count(waiting)))


def is_dealt_with(now: datetime) -> Q:
    """This function will give the condition, over deliveries, that their item is in an inbox and is read, archived or asleep there.

    A summary is dealt with when everything is that it stood for.
    """
    mine = InboxItem.objects.filter(user_id=OuterRef("user_id"), message_id=OuterRef("message_id"))
    through, at = _mark(F("user__carillon_inbox_state__read_through"), F("user__carillon_inbox_state__read_at"))
    # As names: a filter by the join itself would leave out who has never marked anything.
    marked = present(mine, now).alias(own_through=through, own_at=at)
    is_done = Q(Exists(mine)) & ~Q(Exists(marked.filter(is_unread(F("own_through"), F("own_at")))))
    parts = Delivery.objects.filter(user_id=OuterRef("user_id"), digest_id=OuterRef("message_id"))
    return is_done | (Q(message__type=DIGEST) & Q(Exists(parts)) & ~Q(Exists(parts.exclude(is_done))))


def _mark(read_through: F | OuterRef, read_at: F | OuterRef) -> tuple[Combinable, Combinable]:
    """This function will give the mark of "all read" of the row's person, below and before everything where there is none."""
    return Coalesce(read_through, 0), Coalesce(read_at, Value(NEVER), output_field=DateTimeField())


def _count(rows: QuerySet[Any, Any]) -> Subquery:
    counted = rows.order_by().annotate(count=Func(F("message_id"), function="COUNT", output_field=IntegerField()))
    return Subquery(counted.values("count"))
