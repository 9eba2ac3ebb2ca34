"""The retry policy, over ten thousand histories on a clock that nobody waits for."""

from __future__ import annotations

import random

import pytest

from connectors.esp.errors import Consequence
from connectors.sync.delivering.policy import (
    LONGEST_PAUSE_S,
    LONGEST_S,
    MOST_TRIES,
    POLICIES,
    Verdict,
    decide,
)

HISTORIES = 10_000
PASSING = (
    Consequence.RETRY,
    Consequence.RETRY,
    Consequence.AMBIGUOUS,
    Consequence.WAIT,
    Consequence.REAUTHENTICATE,
    Consequence.CONFIGURE,
)


def test_ten_thousand_histories_keep_the_promises():
    """0 sends before Retry-After, 0 tries after a permanent error, 0 gaps above the cap, the end exactly when due."""
    chance = random.Random(4)
    ends = {Verdict.REJECTED: 0, Verdict.GIVEN_UP: 0, Verdict.AGAIN: 0}
    for _ in range(HISTORIES):
        ends[live(chance)] += 1
    assert ends[Verdict.REJECTED] > HISTORIES / 10
    assert ends[Verdict.GIVEN_UP] > HISTORIES / 10


def live(chance: random.Random) -> Verdict:
    """One person's failures until the end, or until they are sent (AGAIN)."""
    now_s, tries, first_failed_s = 0.0, 0, None
    deadly = chance.random() < 0.3
    lucky = chance.random() < 0.3
    while True:
        if lucky and chance.random() < 0.2:
            return Verdict.AGAIN
        kind = Consequence.PERSON if deadly and chance.random() < 0.1 else chance.choice(PASSING)
        asked_s = chance.choice([None, None, 0.0, 5.0, 3600.0, 100_000.0])
        failing_for_s = 0.0 if first_failed_s is None else now_s - first_failed_s
        decision = decide(
            kind,
            tries=tries,
            failing_for_s=failing_for_s,
            retry_after_s=asked_s,
            spread=lambda: chance.choice([0.0, chance.random(), 1.0]),
        )
        is_over = POLICIES[kind].counts and tries + 1 >= MOST_TRIES and failing_for_s >= LONGEST_S
        assert (decision.verdict is Verdict.GIVEN_UP) is is_over
        assert (decision.verdict is Verdict.REJECTED) is (kind is Consequence.PERSON)
        if decision.verdict is not Verdict.AGAIN:
            return decision.verdict
        assert decision.pause_s >= (asked_s or 0.0)
        assert decision.pause_s <= max(LONGEST_PAUSE_S, asked_s or 0.0)
        assert decision.pause_s <= max(30.0 * 2**tries, asked_s or 0.0)
        if decision.counts and first_failed_s is None:
            first_failed_s = now_s
        tries += decision.counts
        now_s += decision.pause_s + 1.0


@pytest.mark.parametrize(
    ("tries", "hours", "verdict"),
    [
        (7, 71.99, Verdict.AGAIN),
        (6, 72.0, Verdict.AGAIN),
        (7, 72.0, Verdict.GIVEN_UP),
        (500, 1.0, Verdict.AGAIN),
    ],
)
def test_both_tries_and_time_have_to_run_out(tries: int, hours: float, verdict: Verdict):
    decision = decide(Consequence.RETRY, tries=tries, failing_for_s=hours * 3600)
    assert decision.verdict is verdict


def test_waiting_as_the_esp_asks_uses_up_nothing():
    decision = decide(
        Consequence.WAIT, tries=7, failing_for_s=LONGEST_S, retry_after_s=60, spread=lambda: 0.0
    )
    assert (decision.verdict, decision.pause_s, decision.counts) == (Verdict.AGAIN, 60, False)


def test_every_way_to_fail_has_a_policy():
    assert set(POLICIES) == set(Consequence) - {Consequence.NONE}
