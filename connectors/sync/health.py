"""What an error or a success at the ESP means for the connection: in words, and who must act."""

from __future__ import annotations

import random
from dataclasses import dataclass

from django.db import models
from django.utils import timezone

from connectors import alerts
from connectors.esp.errors import (
    Ambiguous,
    BadCredentials,
    ConnectorError,
    NeedsAttention,
    NotFound,
    TryAgain,
)
from connectors.models import Authorization, Connection, Goal, Run
from connectors.sync import runs
from connectors.sync.delivering.halving import Broken

BACK_OFF_FIRST_S = 5.0  # the goal's own pause while the ESP is down; people's attempts have their own
BACK_OFF_MOST_S = 300.0
PROBE_S = 900.0  # how often a stopped connection tries one call, so that it goes on by itself when repaired


def pause_s(error: ConnectorError, attempts: int) -> float:
    """Seconds until the next call: what the ESP asked for is a floor; else full jitter over a doubling span."""
    span = min(BACK_OFF_MOST_S, BACK_OFF_FIRST_S * 2 ** min(attempts, 10))
    jittered = random.uniform(span / 2, span)  # noqa: S311  spreading load, not a secret
    if isinstance(error, NeedsAttention) and not isinstance(error, Broken):
        return PROBE_S
    if isinstance(error, TryAgain) and error.retry_after_s is not None:
        return max(error.retry_after_s, 1.0)
    return jittered


def note_trouble(goal: Goal, error: ConnectorError) -> None:
    """Put the error's words where staff look, and tell who has to act: once, until it works again."""
    connection = goal.connection
    state = state_after(error)
    Connection.objects.filter(pk=connection.pk).exclude(state=state, state_reason=str(error)[:300]).update(
        state=state, state_reason=str(error)[:300], state_since=timezone.now()
    )
    if isinstance(error, BadCredentials):
        Authorization.objects.filter(pk=connection.authorization_id).update(
            state=Authorization.State.REFUSED, state_reason=str(error)[:300], checked_at=timezone.now()
        )
        alerts.credentials_refused(connection, str(error))
    elif isinstance(error, NotFound):
        alerts.list_gone(
            goal, f"{error} Nothing is sent until another one is chosen on the page of the goal."
        )
    elif state == Connection.State.ATTENTION and not isinstance(error, Broken):
        alerts.connection_trouble(connection, str(error))


def note_success(goal: Goal) -> None:
    """The ESP answers again. Written only when something was wrong, or somebody was told."""
    connection = goal.connection
    Connection.objects.filter(pk=connection.pk).exclude(state=Connection.State.HEALTHY).update(
        state=Connection.State.HEALTHY, state_reason="", state_since=timezone.now()
    )
    Authorization.objects.filter(pk=connection.authorization_id).exclude(
        state=Authorization.State.WORKS
    ).update(state=Authorization.State.WORKS, state_reason="", checked_at=timezone.now())
    alerts.works_again(goal)


def note_bug(goal: Goal, where: str) -> None:
    """A fault of ours kept people from being sent; what, is in the log."""
    alerts.connector_broke(goal, where)


def state_after(error: ConnectorError) -> str:
    if isinstance(error, BadCredentials):
        return Connection.State.REAUTHENTICATE
    if isinstance(error, (TryAgain, Ambiguous)):
        return Connection.State.WAITING
    return Connection.State.ATTENTION


class Word(models.TextChoices):
    """How a goal is, whatever its runs do."""

    DRAFT = "draft", "Draft"
    PAUSED = "paused", "Paused"
    REAUTHENTICATE = "reauthenticate", "Needs new credentials"
    ATTENTION = "attention", "Needs attention"
    HEALTHY = "healthy", "Healthy"


@dataclass(frozen=True, slots=True)
class Health:
    """A word, and a sentence that says why and what to do; "" when nothing is wrong."""

    word: Word
    sentence: str = ""


def word(goal: Goal) -> Health:
    """Of the goal as it stands: what is wrong first, from the set-up to the ESP."""
    connection = goal.connection
    is_off = not (goal.enabled and connection.enabled)
    problem = runs.obstacle(goal)
    if problem and not is_off:
        return Health(Word.DRAFT, problem)
    if is_off:
        setup = runs.obstacle(goal, dry=True)
        return Health(Word.DRAFT, setup) if setup else Health(Word.PAUSED, problem)
    if connection.state == Connection.State.REAUTHENTICATE:
        return Health(Word.REAUTHENTICATE, connection.state_reason)
    if connection.state == Connection.State.ATTENTION:
        return Health(Word.ATTENTION, connection.state_reason)
    if goal.problem:
        return Health(Word.ATTENTION, goal.problem)
    if goal.runs.filter(state=Run.State.HELD).exists():
        return Health(Word.ATTENTION, "A run is held: look at its plan, and approve or dismiss it.")
    return Health(Word.HEALTHY)
