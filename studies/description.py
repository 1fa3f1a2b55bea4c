"""A study as its pages name it. Read next: views.py."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from studies.models import Study

PAGE_STATES = {Study.State.DRAFT: "draft", Study.State.LIVE: "published", Study.State.PAUSED: "paused", Study.State.CLOSED: "closed"}


def describe_study(study: Study) -> dict[str, Any]:
    """This function will give what pages show of a study itself."""
    return {
        "title": study.name,
        "url": reverse("study", args=[study.public_id]),
        "state": PAGE_STATES[Study.State(study.state)],
        "description": _("Participants know it as %(name)s.") % {"name": study.participant_name},
    }
