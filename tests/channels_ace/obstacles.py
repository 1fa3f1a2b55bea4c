"""What stands in the planner's way: at a chunk it is cut short, or killed; and policies that break, for the settings of tests."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count

from django.db.models.signals import pre_save

from channels_ace.api import Question, Rule
from channels_ace.models import FanOutChunk


def stumble() -> None:
    raise RuntimeError("The planner was cut short.")


def kill() -> None:
    """This function will end the process as the kernel does."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def obstacle(at: int, meet: Callable[[], None] = stumble) -> Iterator[None]:
    """This function will have the planner meet something when it begins with the n-th chunk from here."""
    begun = count(1)

    def look(**_: object) -> None:
        if next(begun) == at:
            meet()

    pre_save.connect(look, sender=FanOutChunk)
    try:
        yield
    finally:
        pre_save.disconnect(look, sender=FanOutChunk)


class BrokenForTexts:
    def rules(self, question: Question) -> Iterable[Rule]:
        if question.type.name == "tests.text" and question.user != "pk":
            raise RuntimeError("A policy with a bug.")
        return ()


class Counts:
    """Says nothing, and counts how often it is asked."""

    asked = 0

    def rules(self, question: Question) -> Iterable[Rule]:
        Counts.asked += 1
        return ()
