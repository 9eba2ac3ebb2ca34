"""What an error or a success at the ESP means for the connection: in words, and who must act."""

from __future__ import annotations

import random

from django.utils import timezone

from connectors.esp.errors import BadCredentials, ConnectorError, NeedsAttention, TryAgain
from connectors.models import Authorization, Connection, Goal

BACK_OFF_FIRST_S = 5.0  # the goal's own pause while the ESP is down; people's attempts have their own
BACK_OFF_MOST_S = 300.0
PROBE_S = 900.0  # how often a stopped connection tries one call, so that it goes on by itself when repaired


def pause_s(error: ConnectorError, attempts: int) -> float:
    """Seconds until the next call: what the ESP asked for is a floor; else full jitter over a doubling span."""
    span = min(BACK_OFF_MOST_S, BACK_OFF_FIRST_S * 2 ** min(attempts, 10))
    jittered = random.uniform(span / 2, span)  # noqa: S311  spreading load, not a secret
    if isinstance(error, NeedsAttention):
        return PROBE_S
    if isinstance(error, TryAgain) and error.retry_after_s is not None:
        return max(error.retry_after_s, 1.0)
    return jittered


def note_trouble(goal: Goal, error: ConnectorError) -> None:
    """Put the error's words where staff look: the connection, and the authorization when it was refused."""
    connection = goal.connection
    state = state_after(error)
    Connection.objects.filter(pk=connection.pk).exclude(state=state, state_reason=str(error)[:300]).update(
        state=state, state_reason=str(error)[:300], state_since=timezone.now()
    )
    if isinstance(error, BadCredentials):
        Authorization.objects.filter(pk=connection.authorization_id).update(
            state=Authorization.State.REFUSED, state_reason=str(error)[:300], checked_at=timezone.now()
        )


def note_success(goal: Goal) -> None:
    """The ESP answers again. Written only when something was wrong."""
    connection = goal.connection
    Connection.objects.filter(pk=connection.pk).exclude(state=Connection.State.HEALTHY).update(
        state=Connection.State.HEALTHY, state_reason="", state_since=timezone.now()
    )
    Authorization.objects.filter(pk=connection.authorization_id).exclude(
        state=Authorization.State.WORKS
    ).update(state=Authorization.State.WORKS, state_reason="", checked_at=timezone.now())


def state_after(error: ConnectorError) -> str:
    if isinstance(error, BadCredentials):
        return Connection.State.REAUTHENTICATE
    if isinstance(error, NeedsAttention):
        return Connection.State.ATTENTION
    return Connection.State.WAITING
