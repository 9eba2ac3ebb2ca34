"""Sending people together, and finding who of them cannot be sent: halves, down to one person."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence

from connectors.esp.contract import Outcome, Status
from connectors.esp.errors import ConnectorError, ServerFailed, Unexpected, Unknown
from connectors.sync.delivering.claiming import Person
from connectors.sync.delivering.target import Sent

STOPPED = "stopped"  # not sent, or nobody knows: the batch was stopped by `Sent.trouble`
BUG = "bug"
BUG_WORDS = "Sending this person met a fault of ours: we have been told."
HALVED_AFTER_TRIES = 2  # an ESP that failed this often on the same people may fail because of one of them
HOPELESS = 8  # failures in a row with nobody passing: it is not about a person

logger = logging.getLogger(__name__)


class Broken(Unexpected):
    """Our connector fails on everybody."""

    default_words = "A fault of ours keeps anyone from being sent: we have been told."


def send_in_halves(
    people: Sequence[Person], call: Callable[[Sequence[Person]], list[Outcome]], sent: Sent
) -> list[Outcome]:
    """One outcome per person. What fails because of somebody is halved until it is known because of whom.

    An error about something else stops the batch: it is put into `sent.trouble`.
    """
    if not people:
        return []
    if sent.trouble is not None:
        return [later()] * len(people)
    try:
        outcomes = call(people)
        if len(outcomes) != len(people):
            raise ValueError("not one outcome per person")
    except ConnectorError as error:
        if not (error.may_split or is_about_one(error, people)):
            sent.trouble = error
        elif len(people) == 1:
            return [about(error)]
        else:
            note_failure(sent, error)
    except Exception as error:  # noqa: BLE001  a bug must not keep everybody behind the first batch waiting for ever
        note_bug(sent, error)
        if len(people) == 1:
            return [Outcome("", Status.RETRY, BUG, BUG_WORDS)]
    else:
        sent.passed = True
        return outcomes
    half = len(people) // 2 or 1
    return send_in_halves(people[:half], call, sent) + send_in_halves(people[half:], call, sent)


def is_about_one(error: ConnectorError, people: Sequence[Person]) -> bool:
    """An ESP that is down recovers; one that fails on the same people time and again may stumble over one."""
    is_failure = isinstance(error, (ServerFailed, Unknown))
    return is_failure and all(person.attempts >= HALVED_AFTER_TRIES for person in people)


def about(error: ConnectorError) -> Outcome:
    """The one person an error is about."""
    if error.may_split:
        return Outcome("", Status.REFUSED, error.code or "refused", str(error))
    return Outcome("", Status.RETRY, error.code or "failed", str(error))


def later() -> Outcome:
    return Outcome("", Status.RETRY, STOPPED, "")


def note_failure(sent: Sent, error: ConnectorError) -> None:
    sent.failures += 1
    if not error.may_split and sent.failures >= HOPELESS and not sent.passed:
        sent.trouble = error


def note_bug(sent: Sent, error: Exception) -> None:
    """Logged once per batch, without the error's own words: they may hold somebody's data."""
    sent.failures += 1
    if not sent.bug:
        sent.bug = where = f"{type(error).__name__} in {place_of(error)}"
        logger.error(
            "A connector broke: %s\n%s", where, "".join(traceback.format_tb(error.__traceback__)).rstrip()
        )
    if sent.failures >= HOPELESS and not sent.passed:
        sent.trouble = Broken(operation="upsert")


def place_of(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "an unknown place"
