"""Nine ways in which the engine could be wrong, as patches: each takes one rule away. Read next: mutants.py, which must catch them."""

import contextlib
import functools
import importlib
from collections.abc import Callable
from types import SimpleNamespace
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
    "run_in_pieces": "a run of nudges is not one transaction",
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

    hand_over = _module("hand_over")
    take_step, answered = hand_over.take_step, HandOver.answered

    def record_only(answers: Any, sendings: Any, provider: str, now: Any) -> Any:
        take_step(answers, [], provider, now)
        return list(sendings)

    def commit_late(self: Any, outgoing: Any, receipt: Any) -> None:
        take_step([], [self._open[outgoing.token]], self._provider, self._now)
        answered(self, outgoing, receipt)

    hand_over.take_step = record_only
    HandOver.answered = commit_late  # type: ignore[method-assign]


def _no_fence() -> None:
    from channels_ace.models import Delivery

    delivery, steps = _module("delivery"), _module("steps")

    def anybodys(deliveries: Any) -> Any:
        return Delivery.objects.filter(pk__in=[one.pk for one in deliveries])

    delivery.ours = anybodys
    delivery._is_ours = lambda *_: True
    for condition in (
        " AND delivery.fence = next.fence",
        "AND delivery.state || '' = 'sending' AND delivery.lease_until > statement_timestamp()",
    ):
        if condition not in steps._STEP:
            raise RuntimeError(f"The statement of a step does not say any more: {condition}")
        steps._STEP = steps._STEP.replace(condition, "")


def _sdk_retries() -> None:
    from botocore import config
    from urllib3 import Retry

    init = config.Config.__init__

    @functools.wraps(init)
    def with_repeats(self: Any, *arguments: Any, **named: Any) -> None:
        if named.get("retries", {}).get("total_max_attempts") == 1:
            named["retries"] = {"total_max_attempts": 3, "mode": "standard"}
        init(self, *arguments, **named)

    config.Config.__init__ = with_repeats  # type: ignore[method-assign]
    pool: Any = importlib.import_module("urllib3").HTTPConnectionPool
    urlopen = pool.urlopen

    @functools.wraps(urlopen)
    def open_with_repeats(self: Any, *arguments: Any, **named: Any) -> Any:
        if named.get("retries") is False:
            named["retries"] = Retry(total=2, allowed_methods=None)
        return urlopen(self, *arguments, **named)

    pool.urlopen = open_with_repeats


def _record_before_sending() -> None:
    from channels_ace.channel import Outcome, Receipt

    hand_over = _module("hand_over")
    take_step = hand_over.take_step

    def commit_and_record(answers: Any, sendings: Any, provider: str, now: Any) -> Any:
        begun = take_step(answers, sendings, provider, now)
        take_step([(sending, Receipt(outcome=Outcome.ACCEPTED)) for sending in begun], [], provider, now)
        return begun

    hand_over.take_step = commit_and_record


def _unknown_is_refused() -> None:
    from dataclasses import replace

    from channels_ace.channel import Outcome

    steps = _module("steps")
    record = steps.record

    def refuse(sending: Any, receipt: Any, now: Any) -> bool:
        return bool(record(sending, replace(receipt, outcome=Outcome.REFUSED) if receipt.outcome is Outcome.UNKNOWN else receipt, now))

    steps.record = refuse


def _no_second_decision() -> None:
    _module("delivery")._decide_again = lambda deliveries, *_: {one.pk: 0 for one in deliveries}


def _receipts_move_down() -> None:
    receipts = _module("receipts")

    class Nothing(list[Any]):
        def __getitem__(self, _: Any) -> Any:
            return []

    receipts._RANKS = Nothing(receipts._RANKS)


def _run_in_pieces() -> None:
    nudges: Any = importlib.import_module("scheduling.nudges")
    nudges.transaction = SimpleNamespace(atomic=contextlib.nullcontext)


_MUTATIONS: dict[str, Callable[[], None]] = {
    "attempt_after_sending": _attempt_after_sending,
    "no_fence": _no_fence,
    "no_unique_index": lambda: None,  # the database's own: drop_unique_indexes
    "sdk_retries": _sdk_retries,
    "record_before_sending": _record_before_sending,
    "unknown_is_refused": _unknown_is_refused,
    "no_second_decision": _no_second_decision,
    "receipts_move_down": _receipts_move_down,
    "run_in_pieces": _run_in_pieces,
}
