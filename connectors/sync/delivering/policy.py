"""When a person is tried again after a failure, and when nobody tries any more: as data, by consequence.

Pauses grow by doubling, with full jitter, so that people who failed together do not come back together. What the ESP
asks for (Retry-After) is a floor. Tries and time both have to run out: many tries within a short outage give up
nobody, and neither does one try before a long pause.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from connectors.esp.errors import Consequence

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 21_600.0
MOST_TRIES = 8
LONGEST_S = 259_200.0
MOST_CRASHES = 3  # workers that may die of one person before nobody tries any more


class Verdict(StrEnum):
    AGAIN = "again"
    REJECTED = "rejected"  # the same would get the same answer
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Policy:
    """`counts`: a failure uses up a try. `final`: there is no second one."""

    counts: bool
    final: bool = False
    first_pause_s: float = FIRST_PAUSE_S
    longest_pause_s: float = LONGEST_PAUSE_S
    tries: int = MOST_TRIES
    longest_s: float = LONGEST_S


POLICIES: Mapping[Consequence, Policy] = {
    Consequence.RETRY: Policy(counts=True),
    Consequence.AMBIGUOUS: Policy(counts=True),
    Consequence.WAIT: Policy(counts=False),
    Consequence.REAUTHENTICATE: Policy(counts=False),
    Consequence.CONFIGURE: Policy(counts=False),
    Consequence.PERSON: Policy(counts=False, final=True),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """`pause_s` until the next try; it means nothing unless the verdict is AGAIN."""

    verdict: Verdict
    pause_s: float = 0.0
    counts: bool = False


def decide(
    consequence: Consequence,
    *,
    tries: int,
    failing_for_s: float,
    retry_after_s: float | None = None,
    spread: Callable[[], float] = random.random,
) -> Decision:
    """What follows from a failure of somebody who used up `tries` before it, the first `failing_for_s` ago.

    `spread` gives numbers from 0 to 1.
    """
    policy = POLICIES[consequence]
    if policy.final:
        return Decision(Verdict.REJECTED)
    if policy.counts and tries + 1 >= policy.tries and failing_for_s >= policy.longest_s:
        return Decision(Verdict.GIVEN_UP, counts=True)
    span_s = min(policy.longest_pause_s, policy.first_pause_s * 2 ** min(tries, 30))
    return Decision(Verdict.AGAIN, max(spread() * span_s, retry_after_s or 0.0), policy.counts)
