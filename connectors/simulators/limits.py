"""A limit that is enforced to the call, and what a test of one's manners reads afterwards."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .exchange import ControlError

NAMES = {"requests", "seconds", "key", "window", "headers", "retry_after"}


@dataclass(slots=True)
class Most:
    """The highest number of moments in any `seconds`, as they come."""

    seconds: float
    most: int = 0
    _times: deque[float] = field(default_factory=deque)

    def add(self, now: float) -> None:
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        self._times.append(now)
        self.most = max(self.most, len(self._times))


class Limit:
    """At most `requests` in `seconds`: in any ("sliding") or in each one by the clock ("fixed").

    `key`: only calls with these credentials count; "" is everyone's. A refused call does not count against the
    limit. Guarded by the host.
    """

    def __init__(
        self,
        requests: int,
        seconds: float,
        *,
        key: str = "",
        window: str = "sliding",
        headers: bool = True,
        retry_after: bool = True,
    ) -> None:
        if requests < 1 or seconds <= 0 or window not in ("sliding", "fixed"):
            raise ValueError("A limit is of one request at least, in more than 0 seconds, sliding or fixed.")
        self.requests, self.seconds = requests, seconds
        self.key, self.window = key, window
        self.headers, self.retry_after = headers, retry_after
        self.asked = self.passed = 0
        self.first_at = self.last_at = 0.0
        self._most_asked, self._most_passed = Most(seconds), Most(seconds)
        self._times: deque[float] = deque()

    def wait_s(self, now: float) -> float:
        """0 when the call may pass (and is counted), else the seconds until one may."""
        self.first_at, self.last_at = self.first_at or now, now
        self.asked += 1
        self._most_asked.add(now)
        if self.left(now) == 0:
            return self.reset_s(now)
        self._times.append(now)
        self.passed += 1
        self._most_passed.add(now)
        return 0.0

    def left(self, now: float) -> int:
        over = now - self.seconds if self.window == "sliding" else now - now % self.seconds
        while self._times and (self._times[0] <= over if self.window == "sliding" else self._times[0] < over):
            self._times.popleft()
        return self.requests - len(self._times)

    def reset_s(self, now: float) -> float:
        """Until one more call fits; with fixed windows, until the next one begins."""
        if self.window == "fixed":
            return self.seconds - now % self.seconds
        return self._times[0] + self.seconds - now if self._times else 0.0

    def headers_of(self, now: float, *, is_refused: bool) -> dict[str, str]:
        """Whole seconds, rounded up: who waits that long is let through."""
        wait = str(math.ceil(self.reset_s(now)))
        told = {"Retry-After": wait} if self.retry_after and is_refused else {}
        if self.headers:
            told |= {
                "X-RateLimit-Limit": str(self.requests),
                "X-RateLimit-Remaining": str(self.left(now)),
                "X-RateLimit-Reset": wait,
            }
        return told

    def shown(self) -> dict[str, Any]:
        """`most_asked`: calls in any window as they came in; above the limit, somebody overshot."""
        return {
            "requests": self.requests,
            "seconds": self.seconds,
            "key": self.key,
            "window": self.window,
            "asked": self.asked,
            "passed": self.passed,
            "limited": self.asked - self.passed,
            "most_asked": self._most_asked.most,
            "most_passed": self._most_passed.most,
            "lasted_s": round(self.last_at - self.first_at, 3),
        }


def to_limit(data: dict[str, Any]) -> Limit:
    """{"requests": 50, "seconds": 1, "key": "", "window": "sliding", "headers": true, "retry_after": true}."""
    unknown = set(data) - NAMES
    if unknown:
        raise ControlError(f"Unknown in a limit: {', '.join(sorted(unknown))}.")
    try:
        return Limit(
            int(data["requests"]),
            float(data["seconds"]),
            key=str(data.get("key", "")),
            window=str(data.get("window", "sliding")),
            headers=data.get("headers", True) is True,
            retry_after=data.get("retry_after", True) is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ControlError(f"A rate limit needs requests and seconds: {error}") from None
