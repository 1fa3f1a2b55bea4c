"""What other apps may use of scheduling; everything else here may change."""

from scheduling.completions import NotAcceptable, complete
from scheduling.events import DatedEvent, events_of, move_event
from scheduling.models import Nudge, NudgeDecision
from scheduling.nudges import due_runs, tick
from scheduling.planner import replan
from scheduling.reasons import RULE_REASONS
from scheduling.timeline import DatedSession, UnknownSession, sessions_of

__all__ = [
    "RULE_REASONS",
    "DatedEvent",
    "DatedSession",
    "NotAcceptable",
    "Nudge",
    "NudgeDecision",
    "UnknownSession",
    "complete",
    "due_runs",
    "events_of",
    "move_event",
    "replan",
    "sessions_of",
    "tick",
]
