"""One simulator on stage: its faults, latency, rate limits, counters and control calls."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Mapping
from typing import Any

from .counters import Counters
from .exchange import ControlError, Simulator
from .faults import Fault, matches, to_fault
from .limits import Limit, to_limit


class Host:
    """What is the same for every ESP."""

    def __init__(self, simulator: Simulator, latency_ms: float = 0) -> None:
        self.simulator = simulator
        self.counters = Counters()
        self.closing = False
        self.page_origin = ""
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._latency_ms = latency_ms
        self._latencies: dict[str, float] = {"*": latency_ms}
        self._limits: dict[str, Limit] = {}  # by key, "" for everyone

    def fault_for(self, operation: str, line: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._faults if fault.meets(operation, line)), None)

    def latency_s(self, operation: str, line: str) -> float:
        """The latest matching pattern counts."""
        found = [ms for pattern, ms in self._latencies.items() if matches(pattern, operation, line)]
        return found[-1] / 1000 if found else 0.0

    def limit(self, headers: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        """Count a request. Whether it is one too many, and the headers that tell of the limit."""
        if not self._limits:
            return False, {}
        caller = caller_of(headers.get("authorization", ""))
        with self._lock:
            now = time.monotonic()
            limit = self._limits.get(caller) or self._limits.get("")
            if limit is None:
                return False, {}
            is_refused = limit.wait_s(now) > 0
            return is_refused, limit.headers_of(now, is_refused=is_refused)

    def control(self, method: str, parts: list[str], data: dict[str, Any]) -> Any:
        """Answer /control/<parts…>; what is not known here is asked of the simulator."""
        match [method, *parts]:
            case ["GET", "overview"]:
                return self.overview()
            case ["GET", "counters"]:
                return self.counters.operations()
            case ["DELETE", "counters"]:
                self.counters.clear()
                return self.simulator.control("DELETE", ["addresses"], {})
            case ["GET", "calls"]:
                return self.counters.calls()
            case ["GET", "faults"]:
                return self.faults()
            case ["POST", "faults"]:
                return self.add_faults(data)
            case ["DELETE", "faults"]:
                self._faults = []
                return []
            case ["POST", "reset"]:
                self.clear()
                return self.simulator.control(method, parts, data)
            case ["POST", "latency"]:
                return self.set_latency(data)
            case ["POST", "rate-limit"]:
                return self.set_limit(data)
            case ["GET", "rate-limit"]:
                return self.limits()
            case _:
                return self.simulator.control(method, parts, data)

    def clear(self) -> None:
        """As just started."""
        with self._lock:
            self._faults, self._limits = [], {}
            self._latencies = {"*": self._latency_ms}
        self.counters.clear()

    def overview(self) -> dict[str, Any]:
        return {
            "label": self.simulator.label,
            "base_url": self.page_origin + self.simulator.prefix,
            "latency_ms": self._latencies["*"],
            "faults": self.faults(),
            "counters": self.counters.operations(),
            "calls": self.counters.calls(limit=40),
            **self.simulator.overview(),
        }

    def faults(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.shown() for fault in self._faults if fault.count != 0]

    def add_faults(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        """{"faults": [{"kind", …}, …], "replace": false}."""
        try:
            added = [to_fault(fault) for fault in data.get("faults", [])]
        except (TypeError, ValueError) as error:
            raise ControlError(f"Not a fault: {error}") from error
        with self._lock:
            waiting = [] if data.get("replace") else [fault for fault in self._faults if fault.count != 0]
            self._faults = waiting + added
        return self.faults()

    def set_latency(self, data: dict[str, Any]) -> dict[str, float]:
        """{"ms": 50, "match": "*"}."""
        try:
            ms = float(data["ms"])
        except (KeyError, TypeError, ValueError):
            raise ControlError("Latency needs a number in ms.") from None
        if not 0 <= ms <= 600_000:
            raise ControlError("Latency is between 0 and 600000 ms.")
        pattern = str(data.get("match", "*"))
        kept = {name: value for name, value in self._latencies.items() if name != pattern or name == "*"}
        self._latencies = kept | {pattern: ms}
        return self._latencies

    def set_limit(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        """Set one, counting from 0 (see `limits.to_limit`); {} lifts all, {"key"} alone that key's."""
        limit = to_limit(data) if data and set(data) != {"key"} else None
        with self._lock:
            if limit is not None:
                self._limits = self._limits | {limit.key: limit}
            else:
                kept = {key: one for key, one in self._limits.items() if key != data.get("key", key)}
                self._limits = kept
        return self.limits()

    def limits(self) -> list[dict[str, Any]]:
        with self._lock:
            return [limit.shown() for limit in self._limits.values()]


def caller_of(header: str) -> str:
    """The API key or the token of an Authorization header."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return value.strip()
    try:
        return base64.b64decode(value).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
