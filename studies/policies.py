"""Nothing of a study goes to someone who is not in it. Read next: channels_ace/decision.py."""

from collections.abc import Iterable

from django.db.models import Exists, Q, Value
from django.db.models.functions import Concat

from channels_ace.api import Question, Rule, deny
from studies.models import Enrollment


class Consented:
    """For a message in the scope of a study: withdrawn, paused or without consent means no."""

    def rules(self, question: Question) -> Iterable[Rule]:
        if not question.type.name.startswith(("studies.", "study.")):
            return
        if own := question.joined.get("enrollment"):
            # Somebody's own row of this study is at hand: among many, PostgreSQL would read the enrollments of everybody to find it.
            yield deny(Q(**{f"{own}__state": Enrollment.State.WITHDRAWN}), "withdrawn")
            yield deny(Q(**{f"{own}__state": Enrollment.State.PAUSED}), "paused")
            yield deny(Q(**{f"{own}__consented_at": None}), "not_consented")
            yield deny(Q(**{f"{own}__study__state": "paused"}), "study_paused")
            return
        # The scope of a study's messages is "study:<id>" (Study.scope); the same is computed here, for a set.
        mine = question.of_user(Enrollment.objects.annotate(scope=Concat(Value("study:"), "study__public_id")).filter(scope=question.scope))
        # Who left and came back has an enrollment of either sort.
        present = mine.exclude(state=Enrollment.State.WITHDRAWN)
        yield deny(Exists(mine.filter(state=Enrollment.State.WITHDRAWN)) & ~Q(Exists(present)), "withdrawn")
        yield deny(Exists(present.filter(state=Enrollment.State.PAUSED)), "paused")
        yield deny(Exists(present.filter(consented_at=None)), "not_consented")
        yield deny(Q(Exists(mine.filter(study__state="paused"))), "study_paused")
        yield deny(~Q(Exists(mine)), "not_enrolled")
