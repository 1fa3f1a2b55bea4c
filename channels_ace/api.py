"""What other apps may use of channels_ace; everything else here may change."""

from channels_ace.ask_again import ask_again
from channels_ace.audience import Audience, with_contact
from channels_ace.channel import Store, registered_channels
from channels_ace.contact_points import BadAddress, add_contact_point, add_contact_points, suppress
from channels_ace.decision import Question, Rule, defer, deny, rules, verdict
from channels_ace.delivery import deliver, deliver_all
from channels_ace.explain import Explanation, explain
from channels_ace.gather import Wait, gather, gather_all
from channels_ace.health import resting_providers
from channels_ace.insert import Into, insert_from
from channels_ace.local_time import ZONES, UnknownZone, Window, local_date, local_now, openings, parse_zone, to_instant
from channels_ace.message_types import Hours, MessageType, Repeat, UnknownType, find, register, registered
from channels_ace.models import Attempt, ContactPoint, Delivery, Message, Recipient, Suppression, new_public_id
from channels_ace.reasons import add as add_reasons
from channels_ace.reasons import sentence
from channels_ace.rendering import known_language, render
from channels_ace.segments import count_segments, write_plainly
from channels_ace.send import KeyReused, Refused, cancel, cancel_scope, cancel_waiting, send
from channels_ace.sweep import oldest_due, sweep

__all__ = [
    "ZONES",
    "Attempt",
    "Audience",
    "BadAddress",
    "ContactPoint",
    "Delivery",
    "Explanation",
    "Hours",
    "Into",
    "KeyReused",
    "Message",
    "MessageType",
    "Question",
    "Recipient",
    "Refused",
    "Repeat",
    "Rule",
    "Store",
    "Suppression",
    "UnknownType",
    "UnknownZone",
    "Wait",
    "Window",
    "add_contact_point",
    "add_contact_points",
    "add_reasons",
    "ask_again",
    "cancel",
    "cancel_scope",
    "cancel_waiting",
    "count_segments",
    "defer",
    "deliver",
    "deliver_all",
    "deny",
    "explain",
    "find",
    "gather",
    "gather_all",
    "insert_from",
    "known_language",
    "local_date",
    "local_now",
    "new_public_id",
    "oldest_due",
    "openings",
    "parse_zone",
    "register",
    "registered",
    "registered_channels",
    "render",
    "resting_providers",
    "rules",
    "send",
    "sentence",
    "suppress",
    "sweep",
    "to_instant",
    "verdict",
    "with_contact",
    "write_plainly",
]
