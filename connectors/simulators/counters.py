"""What a test or a person can read back: counts per operation, per address, and the last calls."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from .exchange import Tally

CALLS_KEPT = 200


ADDED, UPDATED, REACTIVATED = "added", "updated", "reactivated"
RENAMED, RENAMED_AWAY = "renamed", "renamed_away"
UNSUBSCRIBED, DELETED = "unsubscribed", "deleted"


class Ledger:
    """Per list and address: times received in a write, and a journal of the writes that changed anything.

    The journal is text, "added updated:9f3a…": kept for a million people. What follows the colon stands for all
    that the list then holds of the person: the same entry twice is the same effect twice. Guarded by the
    simulator's own lock. A rename is received under the old address, and is in the journals of both.
    """

    def __init__(self) -> None:
        self._receipts: dict[str, dict[str, int]] = {}
        self._journals: dict[str, dict[str, str]] = {}

    def of(self, list_id: str) -> tuple[dict[str, int], dict[str, str]]:
        """The receipts and the journals of a list, to write into."""
        return self._receipts.setdefault(list_id, {}), self._journals.setdefault(list_id, {})

    def receive(self, list_id: str, address: str) -> None:
        receipts, _ = self.of(list_id)
        receipts[address] = receipts.get(address, 0) + 1

    def note(self, list_id: str, address: str, entry: str) -> None:
        _, journals = self.of(list_id)
        note(journals, address, entry)

    def shown(self, list_id: str) -> dict[str, dict[str, int]]:
        receipts, journals = self.of(list_id)
        return {
            address: {
                "receipts": receipts.get(address, 0),
                "effects": len(journals.get(address, "").split()),
            }
            for address in {**receipts, **journals}
        }

    def journals(self, list_id: str) -> dict[str, list[str]]:
        _, journals = self.of(list_id)
        return {address: entries.split() for address, entries in journals.items()}

    def clear(self) -> None:
        self._receipts.clear()
        self._journals.clear()


def note(journals: dict[str, str], address: str, entry: str) -> None:
    earlier = journals.get(address)
    journals[address] = entry if earlier is None else f"{earlier} {entry}"


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
