"""What schedules hold about a person. Read next: channels_ace/personal_data.py."""

from django.utils.translation import gettext_lazy as _

from channels_ace.api import Held, hold
from scheduling.models import ActivityEvent, Completion, DrawnTime, Nudge, NudgeDecision, PlannerRow, Told

KEPT = "Study data stays under its code, which leads to nobody any more; the study's protocol says for how long."

hold(
    Held(
        model=ActivityEvent,
        title=_("Study events"),
        who="enrollment__user",
        shown=("event_id", "change", "date", "at", "why"),
        kept_because=KEPT,
    ),
    Held(model=ActivityEvent, title=_("Events changed"), who="actor", kept_because="Who changed an event is part of its history."),
    Held(
        model=Completion,
        title=_("Activities"),
        who="enrollment__user",
        shown=("session_id", "burst", "day", "started_at", "finished_at", "declined", "client_data", "recorded_at"),
        kept_because=KEPT,
    ),
    Held(
        model=Nudge,
        title=_("Reminders"),
        who="enrollment__user",
        shown=("burst", "slot", "kind", "variant", "local_date", "nudged_at"),
        kept_because=KEPT,
    ),
    Held(
        model=NudgeDecision,
        title=_("Decisions about reminders"),
        who="enrollment__user",
        shown=("rule", "local_date", "decision", "reason", "channel", "passed_over"),
        kept_because=KEPT,
    ),
    Held(
        model=DrawnTime,
        title=_("Times drawn for sessions"),
        who="enrollment__user",
        shown=("session_id", "local_date", "minute"),
        kept_because=KEPT,
    ),
    Held(model=Told, title=_("Told of sessions and bursts"), who="enrollment__user", shown=("what", "told_at"), kept_because=KEPT),
    Held(model=PlannerRow, title=_("Plan"), who="enrollment__user", shown=("burst", "burst_start", "done_count"), kept_because=KEPT),
)
