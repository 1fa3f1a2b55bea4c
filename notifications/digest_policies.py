"""What is read needs no e-mail, and what can wait comes as one. Read next: digest.py, channels_ace/gather.py."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, Q, Subquery
from django.db.models.lookups import GreaterThan

from channels_ace.api import Delivery, Hours, Question, Rule, defer, deny
from notifications.cadences import comes
from notifications.models import Cadence, InboxItem, InboxState
from notifications.registry import NotificationType

State = Delivery.State


class ReadElsewhere:
    """Read in the inbox is quiet everywhere. Asked of deliveries only: nobody has read what is not yet said."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if not question.delivery or not isinstance(question.type, NotificationType) or question.type.hours is Hours.ANY:
            return
        mine = question.of_user(InboxItem.objects.filter(message_id=question.outer("message_id")))
        marked = question.of_user(InboxState.objects.filter(read_through__gte=question.outer("message_id")))
        # "Mark all" does not cover what was asleep; what it did cover was cancelled when it was pressed (quiet.py).
        awake = mine.filter(snoozed_until=None)
        yield deny(
            Exists(mine.filter(Q(read_at__isnull=False) | Q(archived_at__isnull=False))) | (Q(Exists(awake)) & Q(Exists(marked))),
            "read_elsewhere",
        )


class Summed:
    """E-mail of a type that a person wants daily or weekly waits to be gathered, which also finds out until when."""

    def rules(self, question: Question) -> Iterable[Rule]:
        asked = question.type
        if question.channel != "email" or not isinstance(asked, NotificationType) or asked.hours is Hours.ANY:
            return
        if question.channel in asked.locked:
            return
        for wanted in (Cadence.DAILY, Cadence.WEEKLY):
            yield defer(comes(asked, question, wanted), f"digest_{wanted.value}", question.now)


class Buffered:
    """The first e-mail goes at once, those of the next minutes together. Asked once, when a message is planned."""

    def rules(self, question: Question) -> Iterable[Rule]:
        minutes = settings.CHANNELS_ACE.get("BUFFER_MINUTES", 0)
        asked = question.type
        if not minutes or question.delivery or question.channel != "email" or asked.hours is Hours.ANY:
            return
        if not isinstance(asked, NotificationType) or question.channel in asked.locked:
            return
        went = Q(state__in=[State.READY, State.SENDING, State.ACCEPTED, State.DELIVERED, State.UNKNOWN])
        mail = question.of_user(Delivery.objects.filter(went | Q(reason="buffered"), channel="email")).exclude(lane="urgent")
        # The person's last one only: their index is read from its end, however much they have got.
        last = Subquery(mail.order_by("-pk").values("created_at")[:1])
        window = timedelta(minutes=minutes)
        yield defer(Q(GreaterThan(last, question.now - window)), "buffered", question.now + window)
