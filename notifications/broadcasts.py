"""What is said to everyone is one row: it enters a person's inbox when they look. Read next: inbox.py, channels_ace/fan_out.py.

Whoever looks gets the same row, by the same rules, that a message to named people would have written at once (docs/adr/0010).
"""

from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from channels_ace.api import Delivery, Message, let_in
from notifications.models import Broadcast, InboxItem, InboxState


def keep(message: Message, through: int) -> None:
    """This function will keep a message for all whose id is not above `through`."""
    begins_at = max(filter(None, [message.created_at, message.send_after]))
    Broadcast.objects.create(message=message, through_user_id=through, begins_at=begins_at)


def forget(message: Message) -> None:
    """This function will let a message enter no further inbox."""
    Broadcast.objects.filter(message=message).delete()


def waiting(user_id: int | OuterRef, now: datetime, *, since: datetime) -> QuerySet[Broadcast]:
    """This function will give what was said to everyone since then and has not been decided for this person, or the row's own."""
    # Seen from the two queries inside, a row of people is one further out.
    person = OuterRef(user_id) if isinstance(user_id, OuterRef) else user_id
    told = InboxItem.objects.filter(user_id=person, message_id=OuterRef("pk")).values("message_id")
    held_back = Delivery.objects.filter(user_id=person, message_id=OuterRef("pk"), channel="inbox").values("message_id")
    said = Broadcast.objects.filter(begins_at__gt=since, begins_at__lte=now, through_user_id__gte=user_id)
    # Two values of each row and not two joins: whatever the statistics say, each is looked up by its key.
    return said.alias(told=Subquery(told[:1]), held_back=Subquery(held_back[:1])).filter(told=None, held_back=None)


def bring_in(user_id: int, now: datetime, *, since: datetime) -> None:
    """This function will put what waits for a person into their inbox, or write down why not; two at once do it once."""
    with transaction.atomic():
        InboxState.objects.get_or_create(user_id=user_id)
        InboxState.objects.select_for_update().get(user_id=user_id)
        for broadcast in waiting(user_id, now, since=since).select_related("message").order_by("pk"):
            let_in(broadcast.message, "inbox", user_id, now)
