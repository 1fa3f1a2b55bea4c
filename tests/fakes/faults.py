"""Faults by script: the next N requests to a provider go wrong in a named way."""

import threading
from dataclasses import dataclass

KINDS = frozenset({"hang_after_accept", "reset_after_accept", "error_500", "error_500_after_accept", "throttle", "malformed", "slow"})
PROVIDERS = frozenset({"eum", "sns", "fcm", "smtp"})


@dataclass(kw_only=True)
class Fault:
    kind: str
    times: int = 1
    seconds: float = 30.0  # how long it hangs or dawdles, or what Retry-After says

    @property
    def is_refusal(self) -> bool:
        """Whether the request is turned away, so that nothing may be accepted."""
        return self.kind in {"error_500", "throttle"}


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Fault]] = {}
        self.stopping = threading.Event()

    def script(self, provider: str, fault: str, *, times: int = 1, seconds: float = 30.0) -> None:
        """This function will let the next `times` requests to a provider go wrong."""
        if provider not in PROVIDERS or fault not in KINDS:
            raise ValueError(f"no such provider or fault: {provider}, {fault}")
        with self._lock:
            self._waiting.setdefault(provider, []).append(Fault(kind=fault, times=times, seconds=seconds))

    def next_for(self, provider: str) -> Fault | None:
        """This function will take the fault that the present request meets, or None."""
        with self._lock:
            queue = self._waiting.get(provider, [])
            if not queue:
                return None
            fault = queue[0]
            fault.times -= 1
            if fault.times <= 0:
                queue.pop(0)
            return fault

    def clear(self) -> None:
        """This function will forget every fault that has not happened yet and let go whoever hangs in one."""
        with self._lock:
            self._waiting.clear()
        self.stopping.set()
        self.stopping = threading.Event()

    def wait(self, seconds: float) -> None:
        """This function will dawdle, but not past `clear`."""
        self.stopping.wait(seconds)
