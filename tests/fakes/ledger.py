"""What the providers were asked and what they accepted, in the order it happened; the other half of every claim about sending."""

import hashlib
import json
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Ledger:
    """Append-only. With a file it outlives the process: what is in the file is counted on start."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._path = path
        if path is not None and path.exists():
            whole_lines = path.read_text(encoding="utf-8").rpartition("\n")[0]
            self._entries = [json.loads(line) for line in whole_lines.splitlines()]
            # A line that a kill cut short was never answered for.
            path.write_text("".join(json.dumps(entry) + "\n" for entry in self._entries), encoding="utf-8")

    def write(
        self,
        *,
        provider: str,
        token: str,
        accepted: bool,
        to: str,
        body: str = "",
        message_type: str = "",
        extra: dict[str, Any] | None = None,
    ) -> int:
        """This function will add one request and return its number. The address is kept as a digest."""
        with self._lock:
            entry = {
                "n": len(self._entries) + 1,
                "at": datetime.now(UTC).isoformat(),
                "provider": provider,
                "token": token,
                "accepted": accepted,
                "to_digest": digest_of(to),
                "body": body,
                "type": message_type,
                "extra": extra or {},
            }
            self._entries.append(entry)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")
            return len(self._entries)

    def entries(self, *, after: int = 0) -> list[dict[str, Any]]:
        """This function will return the entries with a number above `after`."""
        with self._lock:
            return self._entries[after:]

    def summary(self) -> dict[str, dict[str, int]]:
        """This function will count by provider how many requests were accepted and how many were not."""
        counts = Counter((entry["provider"], "accepted" if entry["accepted"] else "not_accepted") for entry in self.entries())
        providers = sorted({provider for provider, _ in counts})
        return {provider: {kind: counts[provider, kind] for kind in ("accepted", "not_accepted")} for provider in providers}

    def forget(self) -> None:
        """This function will empty a ledger that has no file; one with a file is evidence and refuses."""
        if self._path is not None:
            raise ValueError("a ledger on disk is never emptied")
        with self._lock:
            self._entries.clear()


def digest_of(address: str) -> str:
    """This function will return the SHA-256 of an address, as the ledger keeps it."""
    return hashlib.sha256(address.encode()).hexdigest()
