"""Worker processes that wait for work, so that starting Python is in no figure. Read next: claims.py."""

import importlib
import multiprocessing
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from bench.database import start_django


class Crew:
    """`with Crew(4) as crew:` has processes on our database; `crew.do` has all of them do the same and gives what each returns."""

    def __init__(self, size: int, changed: Mapping[str, Any] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._lines: list[Connection] = []
        self._processes = []
        for _ in range(size):
            ours, theirs = context.Pipe()
            self._processes.append(context.Process(target=_work, args=(theirs, dict(changed or {})), daemon=True))
            self._lines.append(ours)

    def __enter__(self) -> "Crew":
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            line.send(None)
        for process in self._processes:
            process.join(timeout=10)

    def do(self, function: str, *arguments: Any) -> list[Any]:
        """This function will have every process call a function, named "module.function", and wait for all of them."""
        for line in self._lines:
            line.send((function, arguments))
        answers = [line.recv() for line in self._lines]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


def _work(line: Connection, changed: dict[str, Any]) -> None:
    start_django(changed)
    while (asked := line.recv()) is not None:
        function, arguments = asked
        module, _, name = function.rpartition(".")
        try:
            line.send(getattr(importlib.import_module(module), name)(*arguments))
        except Exception as error:
            line.send(RuntimeError(f"{function}: {type(error).__name__}: {error}"))


def get_ready(*modules: str) -> None:
    """This function will connect to the database and import what the work will need."""
    from bench.database import ask

    ask("SELECT 1")
    for module in modules:
        importlib.import_module(module)
