"""Read in one place is quiet in all: what still waits to be sent of it is cancelled. Read next: inbox.py."""

from datetime import datetime

from django.db.models import Q, QuerySet

from channels_ace.api import Delivery, cancel_waiting
from notifications.models import InboxItem
from notifications.registry import registered


def quieten(read: QuerySet[InboxItem], user_id: int, now: datetime) -> int:
    """This function will cancel what has not been sent of items that a person has read, and say how many deliveries that were.

    What nobody can turn off goes out all the same: whoever is in a person's inbox must not be able to stop security mail.
    """
    locked = Q(pk__in=[])
    for known in registered():
        if known.locked:
            locked |= Q(message__type=known.name, channel__in=known.locked)
    waiting = Delivery.objects.filter(user_id=user_id, message_id__in=read.order_by().values("message_id"), state__in=Delivery.WAITING)
    return cancel_waiting(waiting.exclude(locked), now, reason="read_elsewhere")
