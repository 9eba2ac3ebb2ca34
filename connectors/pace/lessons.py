"""What an answer teaches about the pace, and how it is said that a call has to wait."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.esp.errors import Ambiguous, BadCredentials, ConnectorError, RateLimited, TryAgain
from connectors.esp.http import retry_after_s
from connectors.esp.pace import Rate
from connectors.models.pace import Breaker
from connectors.pace import budget
from connectors.pace.breaker import Standing
from connectors.pace.budget import Account

TELL_AGAIN_S = 3600.0  # a limit that stays the same is written down this often
BUSY_S = 5.0


def learn_from(account: Account, headers: Mapping[str, str], age_s: float) -> None:
    """A call that left `age_s` ago was one too many. What the connector would wait without a word is no lesson."""
    budget.learn(account, retry_after_s(headers), age_s)


def is_news(rate: Rate, told: tuple[Rate | None, float], now: float, few: int) -> bool:
    """Whether a limit that the ESP tells has to be written down; `told` is the last one that was, and when."""
    known, told_at = told
    is_same = known is not None and (known.calls, known.per_s) == (rate.calls, rate.per_s)
    return not is_same or now > told_at + TELL_AGAIN_S or (rate.left is not None and rate.left <= few)


def out_of_credentials(standing: Standing, error: ConnectorError | None) -> ConnectorError | None:
    """Of a probe: who could not ask whether the credentials work by now does not know that they do."""
    if standing.cause == Breaker.Cause.CREDENTIALS and isinstance(error, (TryAgain, Ambiguous)):
        return BadCredentials(standing.reason, operation=error.operation)
    return error


def slow_down(wait_s: float, operation: str = "") -> RateLimited:
    words = "The calls that the ESP allows are used up for now."
    return RateLimited(words, operation=operation, retry_after_s=max(1.0, wait_s))


def busy(slots: int, operation: str) -> RateLimited:
    words = "Others have as many calls open at the ESP as it takes." if slots == 0 else "The ESP is slow."
    return RateLimited(words, operation=operation, retry_after_s=BUSY_S)
