"""How long to wait after a failure. Pure, but for the dice."""

from __future__ import annotations

import random

CAP_S = 6 * 3600.0


def ceiling_s(attempts: int, first_s: float) -> float:
    """first_s · 2ⁿ after n failures before this one, at most six hours."""
    doublings = min(attempts - 1, 30)  # beyond, the cap has long won
    return min(CAP_S, first_s * 2.0**doublings)


def delay_s(attempts: int, first_s: float) -> float:
    """Full jitter: anything up to the ceiling, so that what failed together does not come back together."""
    return random.uniform(0, ceiling_s(attempts, first_s))  # noqa: S311  no secret depends on it
