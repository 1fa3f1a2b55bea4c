"""Eight ways in which the engine could be wrong, as patches: each takes one rule away. Read next: mutants.py, which must catch them."""

import functools
import importlib
from collections.abc import Callable
from typing import Any

from django.db import connection

MUTANTS = {
    "attempt_after_sending": "attempt row written after the request",
    "no_fence": "nobody asks whether the delivery is still theirs",
    "no_unique_index": "no unique index on nudges, runs and deliveries",
    "sdk_retries": "the SDK repeats requests by itself",
    "record_before_sending": "recorded as accepted, then sent",
    "unknown_is_refused": "no answer is taken for a refusal",
    "no_second_decision": "no policy is asked again before sending",
    "receipts_move_down": "a late receipt moves a delivery back",
}


def apply(name: str) -> None:
    """This function will make this process wrong in one way."""
    _MUTATIONS[name]()


def drop_unique_indexes() -> None:
    """This function will take the unique constraints away that stand for "once"."""
    for table, constraint in _constraints():
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT IF EXISTS "{constraint}"')


def add_unique_indexes() -> None:
    """This function will put them back; the tables must hold nothing twice."""
    for model in _models():
        for constraint in model._meta.constraints:
            if constraint.name in {name for _, name in _constraints()}:
                with connection.schema_editor() as editor:
                    editor.add_constraint(model, constraint)


def _module(name: str) -> Any:
    """A module of the engine as something that may be patched: nothing here has the type it had."""
    return importlib.import_module(f"channels_ace.{name}")


def _models() -> list[Any]:
    from channels_ace.models import Delivery
    from scheduling.models import Nudge, NudgeDecision, RunLedger

    return [Nudge, NudgeDecision, RunLedger, Delivery]


def _constraints() -> list[tuple[str, str]]:
    return [(model._meta.db_table, constraint.name) for model in _models() for constraint in model._meta.constraints]


def _attempt_after_sending() -> None:
    from channels_ace.hand_over import HandOver

    commit, answered = HandOver._commit_attempt, HandOver.answered
    HandOver._commit_attempt = lambda self, sending: True  # type: ignore[method-assign]

    def commit_late(self: Any, outgoing: Any, receipt: Any) -> None:
        commit(self, self._open[outgoing.token])
        answered(self, outgoing, receipt)

    HandOver.answered = commit_late  # type: ignore[method-assign]


def _no_fence() -> None:
    from channels_ace.models import Delivery

    delivery, hand_over = _module("delivery"), _module("hand_over")

    def anybodys(deliveries: Any) -> Any:
        return Delivery.objects.filter(pk__in=[one.pk for one in deliveries])

    delivery.ours = hand_over.ours = anybodys


def _sdk_retries() -> None:
    from botocore import config

    init = config.Config.__init__

    @functools.wraps(init)
    def with_repeats(self: Any, *arguments: Any, **named: Any) -> None:
        if named.get("retries", {}).get("total_max_attempts") == 1:
            named["retries"] = {"total_max_attempts": 3, "mode": "standard"}
        init(self, *arguments, **named)

    config.Config.__init__ = with_repeats  # type: ignore[method-assign]


def _record_before_sending() -> None:
    from channels_ace.channel import Outcome, Receipt

    hand_over = _module("hand_over")
    commit = hand_over.HandOver._commit_attempt

    def commit_and_record(self: Any, sending: Any) -> bool:
        is_ours = bool(commit(self, sending))
        if is_ours:
            hand_over.record(sending, Receipt(outcome=Outcome.ACCEPTED), self._now)
        return is_ours

    hand_over.HandOver._commit_attempt = commit_and_record


def _unknown_is_refused() -> None:
    from dataclasses import replace

    from channels_ace.channel import Outcome

    hand_over = _module("hand_over")
    record = hand_over.record

    def refuse(sending: Any, receipt: Any, now: Any) -> bool:
        return bool(record(sending, replace(receipt, outcome=Outcome.REFUSED) if receipt.outcome is Outcome.UNKNOWN else receipt, now))

    hand_over.record = refuse


def _no_second_decision() -> None:
    _module("delivery")._decide_again = lambda deliveries, *_: {one.pk: 0 for one in deliveries}


def _receipts_move_down() -> None:
    receipts = _module("receipts")

    class Nothing(list[Any]):
        def __getitem__(self, _: Any) -> Any:
            return []

    receipts._RANKS = Nothing(receipts._RANKS)


_MUTATIONS: dict[str, Callable[[], None]] = {
    "attempt_after_sending": _attempt_after_sending,
    "no_fence": _no_fence,
    "no_unique_index": lambda: None,  # the database's own: drop_unique_indexes
    "sdk_retries": _sdk_retries,
    "record_before_sending": _record_before_sending,
    "unknown_is_refused": _unknown_is_refused,
    "no_second_decision": _no_second_decision,
    "receipts_move_down": _receipts_move_down,
}
