"""The breaker of an authorization: open after failures in a row, one call at a time tries, a success closes it.

One row per authorization for all processes. Successes are written only while failures are remembered, so that an ESP
that works costs nothing here. Refusals of one person and of too many calls are answers, not failures.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from connectors.esp.errors import (
    Ambiguous,
    BadCredentials,
    CircuitOpen,
    ConnectorError,
    RateLimited,
    TryAgain,
)
from connectors.models.pace import Breaker

IN_A_ROW = 5
OF_LAST = 20
SHARE = 10  # failures of the last 20
PROBE_FIRST_S = 5.0  # until the first try; doubles with every opening that follows soon
PROBE_MOST_S = 300.0
CREDENTIALS_PROBE_S = 900.0  # traffic tries refused credentials this often: they may be repaired at the ESP
CALM_S = 300.0  # closed for this long, the waits begin small again

# Of the row as it is when the lock is ours. What is known of other credentials counts no more.
NOTE = f"""
UPDATE connectors_breaker r SET (
    credentials, was, state, cause, reason, since, probe_at, probing_until, openings, failures, recent, seen
) = (
    SELECT %(key)s, now.state, after.state,
           CASE WHEN after.state = 'closed' THEN '' WHEN NOT turn.opens THEN r.cause ELSE %(cause)s END,
           CASE WHEN after.state = 'closed' THEN '' WHEN NOT turn.opens THEN r.reason ELSE %(reason)s END,
           CASE WHEN after.state = now.state AND is_ours THEN r.since ELSE clock_timestamp() END,
           CASE WHEN after.state = 'closed' THEN NULL WHEN turn.opens THEN clock_timestamp() + make_interval(secs =>
                CASE WHEN %(cause)s = 'credentials' THEN {CREDENTIALS_PROBE_S}
                     ELSE least({PROBE_FIRST_S} * 2 ^ least(turn.openings, 10), {PROBE_MOST_S}) END)
                ELSE r.probe_at END,
           CASE WHEN after.state = 'half_open' THEN r.probing_until END,
           turn.openings + turn.opens::int,
           CASE WHEN turn.closes THEN 0 ELSE counted.failures END,
           CASE WHEN turn.closes THEN 0 ELSE counted.recent END,
           CASE WHEN turn.closes THEN 0 ELSE counted.seen END
    FROM (SELECT r.credentials = %(key)s AS is_ours,
                 CASE WHEN r.credentials = %(key)s THEN r.state ELSE 'closed' END AS state) now
    CROSS JOIN LATERAL (
        SELECT CASE WHEN %(failed)s THEN CASE WHEN %(worked)s > 0 OR NOT is_ours THEN 1 ELSE r.failures + 1 END
                    ELSE 0 END AS failures,
               (((CASE WHEN is_ours THEN r.recent ELSE 0 END)::bigint << (least(%(worked)s, 20) + %(failed)s::int))
                    | %(failed)s::int)::bigint & {2**OF_LAST - 1} AS recent,
               least({OF_LAST}, %(worked)s + %(failed)s::int + CASE WHEN is_ours THEN r.seen ELSE 0 END) AS seen
    ) counted
    CROSS JOIN LATERAL (
        SELECT %(failed)s AND (
                   (%(cause)s = 'credentials' AND (now.state <> 'open' OR r.cause <> 'credentials' OR %(is_probe)s))
                   OR (now.state = 'half_open' AND %(is_probe)s)
                   OR (now.state = 'closed' AND (counted.failures >= {IN_A_ROW} OR (
                       counted.seen = {OF_LAST} AND bit_count(counted.recent::bit({OF_LAST})) >= {SHARE}
                   )))
               ) AS opens,
               now.state <> 'closed' AND NOT %(failed)s AND %(is_probe)s AS closes,
               CASE WHEN now.state = 'closed' AND clock_timestamp() - r.since > make_interval(secs => {CALM_S})
                   THEN 0 ELSE r.openings END AS openings
    ) turn
    CROSS JOIN LATERAL (
        SELECT CASE WHEN turn.opens THEN 'open' WHEN turn.closes THEN 'closed' ELSE now.state END AS state
    ) after
)
WHERE account_id = %(account)s AND authorization_id = %(authorization)s
RETURNING was, state, cause, reason, failures, recent
"""  # noqa: S608  made of constants only

ADD = """
INSERT INTO connectors_breaker (account_id, authorization_id, credentials)
SELECT account_id, id, %(key)s FROM connectors_authorization
WHERE account_id = %(account)s AND id = %(authorization)s
ON CONFLICT DO NOTHING
"""

PROBE = """
UPDATE connectors_breaker SET
    was = state, state = 'half_open', since = CASE WHEN state = 'half_open' THEN since ELSE clock_timestamp() END,
    probing_until = clock_timestamp() + make_interval(secs => %(for_s)s)
WHERE account_id = %(account)s AND authorization_id = %(authorization)s AND credentials = %(key)s
  AND probe_at <= clock_timestamp()
  AND (state = 'open' OR (state = 'half_open' AND probing_until <= clock_timestamp()))
RETURNING was, state, cause, reason, failures, recent
"""

LOOK = """
SELECT state, cause, reason, since, extract(epoch FROM coalesce(
    CASE WHEN state = 'half_open' THEN greatest(probing_until, probe_at) ELSE probe_at END - clock_timestamp(),
    interval '0'))::float8
FROM connectors_breaker
WHERE account_id = %(account)s AND authorization_id = %(authorization)s AND credentials = %(key)s
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transition:
    """From `before` to `after`, both of Breaker.State. `cause` and `reason` are "" when it closes.

    A try that fails goes from half open to open again; only from closed to open is news for people.
    """

    account_id: int
    authorization_id: UUID
    before: str
    after: str
    cause: str
    reason: str


on_state_change: list[Callable[[Transition], None]] = []
"""Called once per transition in the whole installation, in the account's scope, after it is written."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose breaker it is. `key` names the credentials, as in the budget."""

    account_id: int
    authorization_id: UUID
    key: bytes

    def parameters(self) -> dict[str, Any]:
        return {"account": self.account_id, "authorization": self.authorization_id, "key": self.key}


@dataclass(frozen=True, slots=True)
class Standing:
    """A breaker as it stands. `wait_s`: until the next call may try, 0 or less when it may now."""

    state: str = Breaker.State.CLOSED
    cause: str = ""
    reason: str = ""
    wait_s: float = 0.0

    @property
    def is_closed(self) -> bool:
        return self.state == Breaker.State.CLOSED


def is_failure(error: ConnectorError | None) -> bool:
    """Whether it speaks against the ESP or the credentials, rather than against what was asked."""
    if isinstance(error, (RateLimited, CircuitOpen)):
        return False
    return isinstance(error, (TryAgain, Ambiguous, BadCredentials))


def note(subject: Subject, *, worked: int, error: ConnectorError | None, is_probe: bool) -> int:
    """Write down so many successes, and then the failure, if it is one. Returns `tell_after` for what comes next."""
    failed = is_failure(error)
    parameters = {
        **subject.parameters(),
        "worked": worked,
        "failed": failed,
        "cause": Breaker.Cause.CREDENTIALS if isinstance(error, BadCredentials) else Breaker.Cause.FAILING,
        "reason": "" if error is None else str(error)[:300],
        "is_probe": is_probe,
    }
    row = write(NOTE, subject, parameters)
    if row is None and failed:
        with connection.cursor() as cursor:
            cursor.execute(ADD, parameters)
        row = write(NOTE, subject, parameters)
    return 0 if row is None else tell_after(row[4], row[5])


def tell_after(failures: int, recent: int) -> int:
    """After how many successes they have to be written down; 0: not at all, as no failure is remembered."""
    return 1 if failures else IN_A_ROW if recent else 0


def probe(subject: Subject, for_s: float) -> bool:
    """Whether this call is the one that tries; if so, nobody else does for `for_s` seconds."""
    return write(PROBE, subject, {**subject.parameters(), "for_s": for_s}) is not None


def look(subject: Subject) -> Standing:
    with connection.cursor() as cursor:
        cursor.execute(LOOK, subject.parameters())
        row = cursor.fetchone()
    return Standing() if row is None else Standing(row[0], row[1], row[2], row[4])


def obstacle(standing: Standing, operation: str = "") -> ConnectorError | None:
    """What a call runs into that may not try; None when it may be made."""
    if standing.is_closed:
        return None
    if standing.cause == Breaker.Cause.CREDENTIALS:
        return BadCredentials(standing.reason, operation=operation)
    return CircuitOpen(
        f"Calls are paused, because they failed: {standing.reason}",
        operation=operation,
        retry_after_s=max(1.0, standing.wait_s),
    )


def write(statement: str, subject: Subject, parameters: dict[str, Any]) -> Any:
    """Run a statement on the row, and tell of the transition it made. Returns the row, None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    if row is not None and row[0] != row[1]:
        tell(Transition(subject.account_id, subject.authorization_id, *row[:4]))
    return row


def tell(transition: Transition) -> None:
    """A listener that fails must not make a failure of the call."""
    _log.info("The breaker of %s is %s: %s", transition.authorization_id, transition.after, transition.reason)
    for listener in on_state_change:
        try:
            listener(transition)
        except Exception:  # noqa: BLE001  whatever it raises, the ESP has answered
            _log.exception("A listener to breakers failed.")
