"""What other apps may use of channels_ace; everything else here may change."""

from channels_ace.ask_again import ask_again
from channels_ace.audience import EVERYONE, Audience, with_contact
from channels_ace.batches import deliveries_of, drop_unsaid, write_messages
from channels_ace.channel import Store, registered_channels
from channels_ace.clock import read_clock
from channels_ace.contact_points import (
    BadAddress,
    add_contact_point,
    add_contact_points,
    remove_devices_of,
    replace_contact_point,
    suppress,
)
from channels_ace.contact_points import normal as normal_address
from channels_ace.crypto import BlindIndexField, EncryptedTextField, blind_indexes, indexes_since
from channels_ace.decision import Question, Rule, defer, deny, rules, verdict
from channels_ace.delivery import deliver, deliver_all
from channels_ace.explain import Explanation, explain
from channels_ace.fan_out import let_in, plan_over
from channels_ace.gather import Wait, gather, gather_all
from channels_ace.health import resting_providers
from channels_ace.index_writing import index_to_write
from channels_ace.insert import By, Into, expect_memory, insert_and_count, insert_each, insert_from
from channels_ace.local_time import ZONES, UnknownZone, Window, local_date, local_now, openings, parse_zone, to_instant
from channels_ace.looks import PLAIN, Look
from channels_ace.message_types import Hours, MessageType, Repeat, UnknownType, find, register, registered
from channels_ace.models import Attempt, ContactPoint, Delivery, Message, Recipient, Suppression, new_public_id
from channels_ace.personal_data import Held, all_held, before_erasing, hold, prepare_to_erase
from channels_ace.prepared import Prepared, Together
from channels_ace.reasons import add as add_reasons
from channels_ace.reasons import sentence
from channels_ace.rendering import RESERVED, check_text, known_language, render, shipped_names
from channels_ace.restored import quarantine
from channels_ace.segments import count_segments, write_plainly
from channels_ace.send import KeyReused, Refused, cancel, cancel_scope, cancel_waiting, check_message, send
from channels_ace.silent import tell_devices
from channels_ace.silent_telling import tell_due
from channels_ace.sweep import oldest_due, sweep

__all__ = [
    "EVERYONE",
    "PLAIN",
    "RESERVED",
    "ZONES",
    "Attempt",
    "Audience",
    "BadAddress",
    "BlindIndexField",
    "By",
    "ContactPoint",
    "Delivery",
    "EncryptedTextField",
    "Explanation",
    "Held",
    "Hours",
    "Into",
    "KeyReused",
    "Look",
    "Message",
    "MessageType",
    "Prepared",
    "Question",
    "Recipient",
    "Refused",
    "Repeat",
    "Rule",
    "Store",
    "Suppression",
    "Together",
    "UnknownType",
    "UnknownZone",
    "Wait",
    "Window",
    "add_contact_point",
    "add_contact_points",
    "add_reasons",
    "all_held",
    "ask_again",
    "before_erasing",
    "blind_indexes",
    "cancel",
    "cancel_scope",
    "cancel_waiting",
    "check_message",
    "check_text",
    "count_segments",
    "defer",
    "deliver",
    "deliver_all",
    "deliveries_of",
    "deny",
    "drop_unsaid",
    "expect_memory",
    "explain",
    "find",
    "gather",
    "gather_all",
    "hold",
    "index_to_write",
    "indexes_since",
    "insert_and_count",
    "insert_each",
    "insert_from",
    "known_language",
    "let_in",
    "local_date",
    "local_now",
    "new_public_id",
    "normal_address",
    "oldest_due",
    "openings",
    "parse_zone",
    "plan_over",
    "prepare_to_erase",
    "quarantine",
    "read_clock",
    "register",
    "registered",
    "registered_channels",
    "remove_devices_of",
    "render",
    "replace_contact_point",
    "resting_providers",
    "rules",
    "send",
    "sentence",
    "shipped_names",
    "suppress",
    "sweep",
    "tell_devices",
    "tell_due",
    "to_instant",
    "verdict",
    "with_contact",
    "write_messages",
    "write_plainly",
]
