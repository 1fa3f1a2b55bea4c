"""What other apps may use of scheduling; everything else here may change."""

from scheduling.completions import NotAcceptable, complete
from scheduling.events import DatedEvent, NotChangeable, UnknownEvent, Who, events_of, history_of, restore_event, set_event
from scheduling.models import Nudge, NudgeDecision
from scheduling.nudges import tick
from scheduling.planner import replan
from scheduling.reasons import RULE_REASONS
from scheduling.runs import due_runs
from scheduling.tellings import tell_all
from scheduling.timeline import DatedSession, UnknownSession, sessions_of
from scheduling.zones import report_zone

__all__ = [
    "RULE_REASONS",
    "DatedEvent",
    "DatedSession",
    "NotAcceptable",
    "NotChangeable",
    "Nudge",
    "NudgeDecision",
    "UnknownEvent",
    "UnknownSession",
    "Who",
    "complete",
    "due_runs",
    "events_of",
    "history_of",
    "replan",
    "report_zone",
    "restore_event",
    "sessions_of",
    "set_event",
    "tell_all",
    "tick",
]
