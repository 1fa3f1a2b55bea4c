"""May this person get this over this channel, now? One expression for one and for a million. Read next: policies.py.

A policy gives rules over rows that stand for recipients. At planning the rows are users, at sending they are
deliveries; the question carries the names under which a row holds its user, contact point and scope, so that one
rule serves both. `verdict()` turns all rules into one CASE whose value is the number of the first rule that holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Protocol, runtime_checkable

from django.conf import settings
from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.utils.module_loading import import_string

from channels_ace.message_types import MessageType
from channels_ace.models import Delivery

Condition = Q | Exists


@dataclass(frozen=True, kw_only=True)
class Question:
    """Who is asked about: one type over one channel at one time, over rows that hold these names.

    `contact_point` is null on rows without a contact point that could be used at `now`; `expiry` may be left out.
    """

    type: MessageType
    channel: str
    contact_kinds: tuple[str, ...]
    now: datetime
    user: str = "pk"
    contact_point: str = "contact"
    address: str = "contact_index"
    zone: str = "carillon_recipient__time_zone"
    scope: Combinable = field(default_factory=lambda: Value(""))
    thread: Combinable = field(default_factory=lambda: Value(""))
    expiry: str = ""
    # Only where the rows are deliveries: their key, and until when they are leased.
    delivery: str = ""
    lease: str = "lease_until"
    # Rows of other apps that each row is joined to, by what they are called: a policy of theirs reads those and need not look for them.
    joined: Mapping[str, str] = field(default_factory=dict)
    # The lowest and the highest id of the rows' users, where known: then a policy reads that part of a table and not all of it.
    among: tuple[int, int] | None = None
    # What policies looked up to answer it, by names of their own: several that need the same ask for it once.
    found: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def of_user(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """This function will narrow a table that has a `user_id` down to the row's own user, for a subquery."""
        mine = rows.filter(user_id=OuterRef(self.user))
        return mine.filter(user_id__gte=self.among[0], user_id__lte=self.among[1]) if self.among else mine

    def outer(self, name: str) -> OuterRef:
        """This function will refer to a column of the row from inside a subquery."""
        return OuterRef(name)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A no (`until` is None) or a later, with its reason code (reasons.py) and the rows it holds for."""

    when: Condition
    reason: str
    until: datetime | None = None

    @property
    def state(self) -> Delivery.State:
        """The state of a delivery for which the rule holds."""
        if self.until is not None:
            return Delivery.State.DEFERRED
        return Delivery.State.EXPIRED if self.reason == "expired" else Delivery.State.SUPPRESSED


def deny(when: Condition, reason: str) -> Rule:
    """This function will make a no."""
    return Rule(when=when, reason=reason)


def defer(when: Condition, reason: str, until: datetime) -> Rule:
    """This function will make a later."""
    return Rule(when=when, reason=reason, until=until)


class Policy(Protocol):
    """A rule before sending, written once as a set."""

    def rules(self, question: Question) -> Iterable[Rule]: ...


@runtime_checkable
class Made(Protocol):
    """A policy whose rules themselves are made of rows: it says of which, so that rules are made again when those change."""

    def made_of(self, message_type: MessageType, channel: str) -> object: ...


@cache
def policies(paths: tuple[str, ...]) -> tuple[Policy, ...]:
    """This function will load the policies of the settings, in their order."""
    return tuple(import_string(path)() for path in paths)


def made_of(message_type: MessageType, channel: str) -> list[object]:
    """This function will tell what the rules of a type over a channel are made of, as it is now: what equals it has the same rules."""
    asked = policies(tuple(settings.CHANNELS_ACE["POLICIES"]))
    return [policy.made_of(message_type, channel) for policy in asked if isinstance(policy, Made)]


def rules(question: Question) -> list[Rule]:
    """This function will list every rule that applies to the question, noes before laters, each in order of the policies."""
    found = [rule for policy in policies(tuple(settings.CHANNELS_ACE["POLICIES"])) for rule in policy.rules(question)]
    # A "later" must never hide a "no": what is deferred and then refused was only a slower refusal.
    return [rule for rule in found if rule.until is None] + [rule for rule in found if rule.until is not None]


def verdict(rules: Sequence[Rule]) -> Combinable:
    """This function will give an expression over rows: 0 for yes, else 1 + the index of the first rule that holds."""
    if not rules:
        return Value(0, output_field=IntegerField())
    whens: list[Any] = [When(rule.when, then=Value(number)) for number, rule in enumerate(rules, start=1)]
    return Case(*whens, default=Value(0), output_field=IntegerField())
