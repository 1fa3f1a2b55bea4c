"""Nothing of a study goes to someone who is not in it. Read next: channels_ace/decision.py."""

from collections.abc import Iterable

from django.db.models import Exists, Q, Value
from django.db.models.functions import Concat

from channels_ace.api import Question, Rule, deny
from studies.models import Enrollment


class Consented:
    """For a message in the scope of a study: withdrawn, paused or without consent means no."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if not question.type.name.startswith("studies."):
            return
        # The scope of a study's messages is "study:<id>" (Study.scope); the same is computed here, for a set.
        mine = question.of_user(Enrollment.objects.annotate(scope=Concat(Value("study:"), "study__public_id")).filter(scope=question.scope))
        yield deny(Exists(mine.filter(state=Enrollment.State.WITHDRAWN)), "withdrawn")
        yield deny(Exists(mine.filter(state=Enrollment.State.PAUSED)), "paused")
        yield deny(Exists(mine.filter(consented_at=None)), "not_consented")
        yield deny(Q(Exists(mine.filter(study__state="paused"))), "study_paused")
        yield deny(~Q(Exists(mine)), "not_enrolled")
