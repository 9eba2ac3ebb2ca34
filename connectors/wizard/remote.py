"""Questions to an ESP while somebody waits for a page: an answer in seconds, or words instead."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswerYet
from dataclasses import dataclass
from typing import Generic, TypeVar

from connectors.esp import registry
from connectors.esp.contract import Connector
from connectors.esp.errors import BadCredentials, ConnectorError
from connectors.models import Authorization, Connection
from connectors.sync import esp
from syncapp.secrets import CannotOpen

T = TypeVar("T")
PATIENCE_S = 6.0  # a person waits; the call itself may run on to its own deadline


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """`value` is None when there was no answer; then `problem` says why, in words for staff.

    `refused`: the ESP did answer, and does not accept the credentials.
    """

    value: T | None
    problem: str = ""
    refused: bool = False

    @property
    def came(self) -> bool:
        return not self.problem


def ask(
    authorization: Authorization, question: Callable[[Connector], T], use: Connection | None = None
) -> Answer[T]:
    """Put a question to the ESP with these credentials. Never raises for what the ESP does."""
    label = registry.get(authorization.connector).spec.label
    try:
        visitor = esp.visitor_of(authorization)
        connector = esp.connect(authorization, use, pace=visitor)
    except (CannotOpen, KeyError, ValueError) as error:
        words = str(error) if isinstance(error, CannotOpen) else "The credentials are not complete."
        return Answer(None, words)
    visitor.open()
    waiting = ThreadPoolExecutor(1, thread_name_prefix="esp-question")

    def answered() -> T:
        with connector:
            return question(connector)

    try:
        return Answer(waiting.submit(answered).result(PATIENCE_S))
    except NoAnswerYet:
        return Answer(None, f"{label} did not answer within {PATIENCE_S:.0f} seconds.")
    except ConnectorError as error:
        return Answer(None, f"{error} {error.act_by.words}", refused=isinstance(error, BadCredentials))
    finally:
        waiting.shutdown(wait=False)
        visitor.settle()
