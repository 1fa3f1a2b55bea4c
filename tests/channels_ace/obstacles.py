"""Policies that break, for the settings of tests."""

import os
import signal
from collections.abc import Iterable

from channels_ace.api import Question, Rule


class Stumbles:
    """Raises the n-th time it is asked."""

    asked = 0
    at = 0

    def rules(self, question: Question) -> Iterable[Rule]:
        Stumbles.asked += 1
        if Stumbles.asked == Stumbles.at:
            raise RuntimeError("The planner was cut short.")
        return ()


class Kills:
    """Ends the process as the kernel does, the n-th time it is asked."""

    asked = 0
    at = 0

    def rules(self, question: Question) -> Iterable[Rule]:
        Kills.asked += 1
        if Kills.asked == Kills.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return ()


class BrokenForTexts:
    def rules(self, question: Question) -> Iterable[Rule]:
        if question.type.name == "tests.text" and question.user != "pk":
            raise RuntimeError("A policy with a bug.")
        return ()
