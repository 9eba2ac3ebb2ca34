"""What a failure means for one person: again later, rejected, or given up."""

from __future__ import annotations

import time

from msgspec.structs import replace

from connectors.esp.contract import Outcome, Status
from connectors.esp.errors import ConnectorError, Consequence
from connectors.sync.delivering.claiming import Person
from connectors.sync.delivering.confirming import News
from connectors.sync.delivering.halving import BUG, STOPPED, Broken
from connectors.sync.delivering.policy import Decision, Verdict, decide
from connectors.sync.delivering.target import Sent

DID_NOTHING = (Consequence.WAIT, Consequence.REAUTHENTICATE)  # the ESP says so; of others nobody knows


def failed(person: Person, outcome: Outcome, sent: Sent) -> News:
    """News of somebody who was not sent: `outcome` is REFUSED or RETRY."""
    if outcome.status is Status.REFUSED:
        state = outcome.state.value if outcome.state is not None else ""
        return News("rejected", outcome.code, outcome.words, state, error_class="" if state else "person")
    if outcome.code == STOPPED and sent.trouble is not None:
        return replace(stopped(person, sent.trouble), maybe_sent=not is_first_call(sent))
    decision = decide(Consequence.RETRY, tries=person.attempts, failing_for_s=failing_for_s(person))
    word = BUG if outcome.code == BUG else Consequence.RETRY.value
    return told(decision, outcome.code, outcome.words, word, decision.pause_s)


def stopped(person: Person, trouble: ConnectorError) -> News:
    """The ESP as a whole had trouble: the goal pauses, and the person goes on with it.

    Unless the fault is ours: then others are let in front.
    """
    is_ours = isinstance(trouble, Broken)
    consequence = Consequence.RETRY if is_ours else trouble.consequence
    if consequence is Consequence.PERSON:
        consequence = Consequence.RETRY
    decision = decide(consequence, tries=person.attempts, failing_for_s=failing_for_s(person))
    pause_s = decision.pause_s if is_ours else 0.0
    return told(decision, trouble.code or STOPPED, str(trouble), word_of(consequence), pause_s)


def is_first_call(sent: Sent) -> bool:
    """Whether the batch was turned away at the door: by its first call, which certainly did nothing."""
    turned_away = sent.trouble is not None and sent.trouble.consequence in DID_NOTHING
    return turned_away and not sent.passed and not sent.failures


def told(decision: Decision, code: str, words: str, error_class: str, pause_s: float) -> News:
    if decision.verdict is Verdict.GIVEN_UP:
        return News("dead", code, words, error_class=error_class)
    return News("retry", code, words, error_class=error_class, delay_s=pause_s, counts=decision.counts)


def word_of(consequence: Consequence) -> str:
    """As kept with the person: 20 characters, no spaces."""
    return consequence.name.lower()


def failing_for_s(person: Person) -> float:
    return 0.0 if person.failing_since is None else max(0.0, time.time() - person.failing_since)
