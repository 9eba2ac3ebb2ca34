"""How fast calls may go: what a connector asks before each one, and what it tells afterwards.

Who keeps count, and where, is the caller's to say; this library only asks. `rate_of` reads what ESPs tell of
their limits.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from connectors.esp.errors import ConnectorError
    from connectors.esp.http import Call

WINDOWS_S = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 86_400)  # what limits are counted over
EPOCH_S = 1_000_000_000  # a reset above this is a moment, not a number of seconds
_NAMES = ("x-ratelimit-", "ratelimit-", "x-rate-limit-")


class Pace(Protocol):
    """Safe for several threads; `after` is called once for each `before` that returned, by the same thread."""

    def before(self, call: "Call") -> None:
        """Return when the call may be made; waits a few seconds at most.

        Raises RateLimited when the wait is longer (`retry_after_s`), CircuitOpen or BadCredentials when no calls
        are made for now. Then nothing was sent.
        """
        ...

    def after(
        self, status: int | None, headers: Mapping[str, str], error: "ConnectorError | None", /
    ) -> None:
        """What came of it. `error` is what the answer means, also where only the ESP's own code says so."""
        ...

    def close(self) -> None:
        """No more calls are made."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """What an answer tells: `calls` per `per_s`, of which `left` remain for `reset_s` seconds (None: not said)."""

    calls: int
    per_s: int
    left: int | None = None
    reset_s: float | None = None


def rate_of(headers: Mapping[str, str], now_s: float | None = None) -> Rate | None:
    """The limit that the headers of an answer name (X-RateLimit-*, RateLimit-*); None when there is none.

    The length of the window is not among them: it is the shortest usual one that holds the time to the reset.
    """
    for prefix in _NAMES:
        calls = _whole(headers.get(f"{prefix}limit", ""))
        if calls is None or calls < 1:
            continue
        reset_s = _seconds_to(headers.get(f"{prefix}reset", ""), time.time() if now_s is None else now_s)
        per_s = 60 if reset_s is None else next((one for one in WINDOWS_S if one >= reset_s), WINDOWS_S[-1])
        return Rate(calls, per_s, _whole(headers.get(f"{prefix}remaining", "")), reset_s)
    return None


def _whole(text: str) -> int | None:
    """The first number of "100", or of "100, 100;w=60"."""
    first = text.replace(";", ",").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdecimal() and len(first) < 10 else None


def _seconds_to(text: str, now_s: float) -> float | None:
    try:
        seconds = float(text.strip())
    except ValueError:
        return None
    if seconds > EPOCH_S:
        seconds -= now_s
    return seconds if 0 <= seconds <= WINDOWS_S[-1] else None
