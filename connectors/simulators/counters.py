"""What a test or a person can read back: counts per operation, per address, and the last calls."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from .exchange import Tally

CALLS_KEPT = 200


class Ledger:
    """Per list and address: times received in a write, and times the write changed anything.

    Guarded by the simulator's own lock. A renamed person is counted under the address of the request.
    """

    def __init__(self) -> None:
        self._receipts: dict[str, dict[str, int]] = {}
        self._effects: dict[str, dict[str, int]] = {}

    def of(self, list_id: str) -> tuple[dict[str, int], dict[str, int]]:
        """The receipts and the effects of a list, to count into."""
        return self._receipts.setdefault(list_id, {}), self._effects.setdefault(list_id, {})

    def count(self, list_id: str, address: str, *, effect: bool) -> None:
        receipts, effects = self.of(list_id)
        receipts[address] = receipts.get(address, 0) + 1
        if effect:
            effects[address] = effects.get(address, 0) + 1

    def shown(self, list_id: str) -> dict[str, dict[str, int]]:
        receipts, effects = self.of(list_id)
        return {
            address: {"receipts": times, "effects": effects.get(address, 0)}
            for address, times in receipts.items()
        }

    def clear(self) -> None:
        self._receipts.clear()
        self._effects.clear()


@dataclass(slots=True)
class Call:
    """One request as it went. Holds no header, no body and no query: those carry keys and addresses."""

    number: int
    time: float  # seconds since 1970
    method: str
    path: str
    operation: str
    status: int  # 0: the connection was reset
    ms: float
    rows: int
    fault: str


class Counters:
    """Requests and people per operation, and the last calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._operations: dict[str, dict[str, int]] = {}
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._number = 0

    def record(self, call: Call, tally: Tally) -> None:
        with self._lock:
            self._number += 1
            call.number = self._number
            self._calls.append(call)
            counts = self._operations.setdefault(call.operation, {"requests": 0, **asdict(Tally())})
            counts["requests"] += 1
            for name, value in asdict(tally).items():
                counts[name] += value
            status = f"status_{call.status}"
            counts[status] = counts.get(status, 0) + 1

    def operations(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {name: dict(counts) for name, counts in self._operations.items()}

    def calls(self, limit: int = CALLS_KEPT) -> list[dict[str, Any]]:
        """The last calls, newest first."""
        with self._lock:
            return [asdict(call) for call in list(self._calls)[: -limit - 1 : -1]]

    def clear(self) -> None:
        with self._lock:
            self._operations.clear()
            self._calls.clear()
