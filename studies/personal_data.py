"""What studies hold about a person. Read next: channels_ace/personal_data.py."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from channels_ace.api import Held, before_erasing, hold
from studies.enrollment import withdraw
from studies.models import AuditEntry, DataGroup, Enrollment, ProfileAttribute, StudyRole

STUDY_DATA = "Study data stays under its code, which leads to nobody any more; the study's protocol says for how long."


@before_erasing
def leave_every_study(user_id: int, now: datetime) -> None:
    """This function will take a person out of their studies, so that nothing more is planned for them."""
    for enrollment in Enrollment.objects.filter(user_id=user_id).select_related("study"):
        withdraw(enrollment, now=now, why="The account was erased.")


hold(
    Held(
        model=Enrollment,
        title=_("Studies"),
        shown=("study__participant_name", "code", "state", "enrolled_at", "time_zone", "consented_at", "withdrawn_at"),
        kept_because=STUDY_DATA,
    ),
    Held(model=DataGroup, title=_("Data groups"), who="enrollment__user", shown=("name",), kept_because=STUDY_DATA),
    Held(model=ProfileAttribute, title=_("Profile attributes"), who="enrollment__user", shown=("name", "value")),
    Held(model=StudyRole, title=_("Roles in studies"), shown=("study__name", "role")),
    Held(model=AuditEntry, title=_("Done in studies"), who="actor", shown=("at", "what"), kept_because="The audit trail is only added to."),
    Held(
        model=AuditEntry,
        title=_("Study history"),
        who="enrollment__user",
        shown=("at", "what"),
        kept_because="The audit trail is only added to.",
    ),
)
