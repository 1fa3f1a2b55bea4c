"""Nobody is reminded of what they have done meanwhile, or told of what they were reminded of. Read next: completions.py, tellings.py."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat, Length, Substr

from channels_ace.api import Delivery, Question, Rule, deny
from scheduling.models import Completion, Nudge, Told
from scheduling.nudge_rules import done_with_session
from scheduling.reach import NUDGE_TYPE
from scheduling.slots import reached_nobody
from scheduling.tellings import SESSION_DUE


class NotReminded:
    """For what tells of sessions, asked again before it is sent: of what a reminder has called a person to, nothing else does."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if question.type.name != SESSION_DUE or question.channel == "inbox" or not question.delivery:
            return
        reminder = Nudge.objects.filter(
            ~reached_nobody(), enrollment_id=OuterRef("enrollment_id"), slot__startswith=Concat(OuterRef("what"), Value(":"))
        )
        told = Told.objects.filter(message_id=OuterRef("message_id"), enrollment__user_id=OuterRef("user_id"))
        mine = Delivery.objects.filter(pk=question.outer(question.delivery))
        all_of_it = mine.filter(Exists(told.filter(Exists(reminder))), ~Exists(told.filter(~Exists(reminder))))
        yield deny(Exists(all_of_it), "session_reminded")


class StillToDo:
    """For a reminder of a session, asked again before it is sent: who completes a session while it is decided about gets no text.

    What waits is cancelled when the session is completed (completions.cancel_reminders); this finds what was written in the same moment.
    """

    def rules(self, question: Question) -> Iterable[Rule]:
        if question.type.name != NUDGE_TYPE or not question.delivery:
            return
        done = Completion.objects.filter(enrollment_id=OuterRef("enrollment_id"), session_id=OuterRef("session"))
        reminder = Nudge.objects.filter(
            message_id=OuterRef("message_id"), enrollment__user_id=OuterRef("user_id"), slot__startswith="session:"
        ).annotate(session=Substr("slot", 9, Length("slot") - 11))  # of "session:<the session's id>:01"
        mine = Delivery.objects.filter(pk=question.outer(question.delivery))
        yield deny(Exists(mine.filter(Exists(reminder.filter(Exists(done_with_session(done)))))), "session_done")
