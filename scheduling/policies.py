"""Nobody is reminded of what they have done meanwhile. Read next: completions.py, channels_ace/decision.py."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef
from django.db.models.functions import Length, Substr

from channels_ace.api import Delivery, Question, Rule, deny
from scheduling.models import Completion, Nudge
from scheduling.nudge_rules import done_with_session
from scheduling.reach import NUDGE_TYPE


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
