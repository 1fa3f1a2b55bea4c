"""Faults by script: the next N requests to a provider go wrong in a named way."""

import threading
from dataclasses import dataclass

REFUSALS = frozenset({"error_500", "error_503", "throttle", "throttle_until"})
UNCLEAR = frozenset({"hang_after_accept", "reset_after_accept", "error_500_after_accept", "malformed", "truncated"})
KINDS = REFUSALS | UNCLEAR | {"slow"}
PROVIDERS = frozenset({"eum", "sns", "twilio", "fcm", "ses", "smtp"})


# Magic addresses that every double takes without saying so (docs/magic-addresses.md).
_UNCLEAR_NUMBER, _UNCLEAR_NAME = "0196", "unclear"


def is_unclear(address: str) -> bool:
    """This function will tell whether what goes to an address is accepted, but not answered clearly."""
    return address.startswith(_UNCLEAR_NAME) or (address.startswith("+") and address.endswith(_UNCLEAR_NUMBER))


@dataclass(kw_only=True)
class Fault:
    kind: str
    times: int = 1
    seconds: float = 30.0  # how long it hangs or dawdles, or what Retry-After says (throttle_until)

    @property
    def is_refusal(self) -> bool:
        """Whether the request is turned away, so that nothing may be accepted."""
        return self.kind in REFUSALS


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
