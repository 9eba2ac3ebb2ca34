"""One simulator on stage: its faults, latency, rate limit, counters and control calls."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from .counters import Counters
from .exchange import ControlError, Simulator
from .faults import Fault, matches, to_fault


class RateLimit:
    """At most `requests` in any `seconds`."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests = requests
        self.seconds = seconds
        self._times: deque[float] = deque()

    def wait_s(self, now: float) -> float:
        """0 when the request may pass (and is counted), else the seconds until one may."""
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        if len(self._times) >= self.requests:
            return self._times[0] + self.seconds - now
        self._times.append(now)
        return 0.0


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
        self._rate_limit: RateLimit | None = None

    def fault_for(self, operation: str, line: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._faults if fault.meets(operation, line)), None)

    def latency_s(self, operation: str, line: str) -> float:
        """The latest matching pattern counts."""
        found = [ms for pattern, ms in self._latencies.items() if matches(pattern, operation, line)]
        return found[-1] / 1000 if found else 0.0

    def limited_s(self) -> float:
        with self._lock:
            return 0.0 if self._rate_limit is None else self._rate_limit.wait_s(time.monotonic())

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
                return self.set_rate_limit(data)
            case _:
                return self.simulator.control(method, parts, data)

    def clear(self) -> None:
        """As just started."""
        with self._lock:
            self._faults, self._rate_limit = [], None
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

    def set_rate_limit(self, data: dict[str, Any]) -> dict[str, Any]:
        """{"requests": 10, "seconds": 1}; {} lifts it."""
        try:
            limit = RateLimit(int(data["requests"]), float(data["seconds"])) if data else None
        except (KeyError, TypeError, ValueError):
            raise ControlError("A rate limit needs requests and seconds.") from None
        with self._lock:
            self._rate_limit = limit
        return data
