"""Who works at which wake-up: claims, leases, ends. Each is a short statement, committed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from syncapp.accounts import scope

MOST_CRASHES = 3  # executions that end with a dead worker; then a person has to look
MOST_PAUSE_S = 60.0
WHY = "wake-ups are claimed and ended whichever account they belong to"

# What may be claimed: due, or left behind by a dead worker that was not the last one to die of it.
CLAIMABLE = f"""(
    (row.state = 'waiting' AND row.due_at <= statement_timestamp())
    OR (
        row.state = 'running' AND row.lease_until <= statement_timestamp()
        AND row.crashes < {MOST_CRASHES - 1}
    )
)"""

BUSY = """
    LEFT JOIN (
        SELECT account_id, count(*) AS running
        FROM work_wakeup WHERE state = 'running' AND lease_until > statement_timestamp() GROUP BY account_id
    ) busy ON busy.account_id = row.account_id
"""
# All processes but one may be an account's own: a short piece of another's work never waits for a long slice to end.
HAS_ROOM = """(
    row.priority OR coalesce(busy.running, 0) < coalesce((
        SELECT greatest(1, sum(processes) - 1) FROM work_worker
        WHERE stopped_at IS NULL AND last_seen_at > statement_timestamp() - interval '15 seconds'
    ), 1000000)
)"""
LOCK = 0x636C61696D  # "claim", as PostgreSQL's advisory lock: two at a time would both take the last room

CLAIM = f"""
WITH best AS MATERIALIZED (
    SELECT row.id, known.lease_s
    FROM work_wakeup row
    JOIN unnest(%(kinds)s::text[], %(leases_s)s::float8[]) known (kind, lease_s) ON known.kind = row.kind
    {BUSY}
    WHERE {CLAIMABLE} AND (
        {HAS_ROOM} OR NOT EXISTS (SELECT FROM unnest(%(served)s::bigint[]) other WHERE other <> row.account_id)
    )
    ORDER BY row.priority DESC, coalesce(busy.running, 0),
        array_position(%(served)s::bigint[], row.account_id) NULLS FIRST, row.due_at
    LIMIT 1
    FOR UPDATE OF row SKIP LOCKED
)
UPDATE work_wakeup row SET
    state = 'running',
    seen_version = version,
    attempts = attempts + 1,
    crashes = crashes + (state = 'running')::int,
    priority = false,
    lease_token = gen_random_uuid(),
    lease_until = clock_timestamp() + make_interval(secs => best.lease_s),
    worker_id = %(worker_id)s, host = %(host)s, pid = %(pid)s,
    started_at = clock_timestamp()
FROM best WHERE row.id = best.id
RETURNING row.id, row.account_id, row.kind, row.key, row.attempts, row.lease_token, best.lease_s
"""  # noqa: S608  made of constants only

RENEW = """
UPDATE work_wakeup SET lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s AND lease_token = %(token)s
"""

DONE = "DELETE FROM work_wakeup WHERE id = %(id)s AND lease_token = %(token)s AND version = seen_version"

# `due_at` is the wish of whoever woke meanwhile, if anybody did.
AGAIN = """
UPDATE work_wakeup SET
    state = 'waiting', attempts = 0, crashes = 0, retry_at = NULL, error_class = '', error_message = '',
    lease_token = NULL, lease_until = NULL, ended_at = clock_timestamp(),
    due_at = CASE
        WHEN version > seen_version
            THEN least(due_at, clock_timestamp() + make_interval(secs => %(delay_s)s))
        ELSE clock_timestamp() + make_interval(secs => %(delay_s)s)
    END
WHERE id = %(id)s AND lease_token = %(token)s
"""

FAIL = """
UPDATE work_wakeup SET
    state = 'waiting', crashes = 0, error_class = %(error_class)s, error_message = %(error_message)s,
    lease_token = NULL, lease_until = NULL, ended_at = clock_timestamp(),
    due_at = clock_timestamp() + make_interval(secs => %(delay_s)s),
    retry_at = clock_timestamp() + make_interval(secs => %(delay_s)s)
WHERE id = %(id)s AND lease_token = %(token)s
"""

QUARANTINE = f"""
UPDATE work_wakeup SET
    state = 'quarantined', crashes = crashes + 1, lease_token = NULL, lease_until = NULL,
    ended_at = statement_timestamp(), error_class = '',
    error_message = 'Its worker died {MOST_CRASHES} times in a row while running it.'
WHERE state = 'running' AND lease_until <= statement_timestamp() AND crashes >= {MOST_CRASHES - 1}
    AND kind = ANY(%(kinds)s)
RETURNING id, kind
"""  # noqa: S608  made of constants only

# What is never quarantined waits instead: 1 s after the third death in a row, doubling up to a minute.
SLOW_DOWN = f"""
UPDATE work_wakeup row SET
    state = 'waiting', crashes = least(crashes + 1, 100), lease_token = NULL, lease_until = NULL,
    ended_at = statement_timestamp(), error_class = '',
    error_message = 'Its worker died time and again while running it.',
    due_at = pause.until, retry_at = pause.until
FROM (
    SELECT id, lease_until + make_interval(secs => least({MOST_PAUSE_S}, 2.0 ^ (crashes - {MOST_CRASHES - 1}))) until
    FROM work_wakeup
    WHERE state = 'running' AND lease_until <= statement_timestamp() AND crashes >= {MOST_CRASHES - 1}
        AND kind = ANY(%(kinds)s)
    ORDER BY id FOR UPDATE SKIP LOCKED
) pause
WHERE row.id = pause.id
"""  # noqa: S608  made of constants only

FREE = """
UPDATE work_wakeup SET lease_until = statement_timestamp()
WHERE state = 'running' AND worker_id = %(worker_id)s AND pid = ANY(%(pids)s)
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims: one process of one `manage.py work`."""

    id: UUID | None
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A wake-up that is ours until the lease runs out; `attempts` counts this one."""

    id: int
    account_id: int | None
    kind: str
    key: str
    attempts: int
    token: UUID
    lease_s: float


def claim(holder: Holder, leases_s: dict[str, float], served: Sequence[int]) -> Claim | None:
    """Take the best due wake-up of the kinds in `leases_s`, of whatever account; None when none is due.

    First those with priority; then accounts with the fewest handlers running anywhere; then accounts this
    process served longest ago (`served`: account ids, the last one last); then what waits longest. So a
    client with a long queue delays another's wake-up by one slice at most per process. Where several accounts
    are served, none fills all processes, unless with priority. All due rows are sorted for it: they are few,
    because wakes of one key melt into one row.
    """
    params = {
        "kinds": list(leases_s),
        "leases_s": list(leases_s.values()),
        "served": list(served),
        "worker_id": holder.id,
        "host": holder.host,
        "pid": holder.pid,
    }
    with transaction.atomic():
        fetch("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": LOCK})
        rows = fetch(CLAIM, params)
    return Claim(*rows[0]) if rows else None


def renew(held: Claim) -> bool:
    """False when the lease is another's by now."""
    return change(RENEW, held, lease_s=held.lease_s)


def finish(held: Claim) -> bool:
    """Done; or, when woken meanwhile, due once more. False when the lease is another's by now."""
    return change(DONE, held) or change(AGAIN, held, delay_s=None)


def put_back(held: Claim, delay_s: float) -> bool:
    """Not done yet: due in so many seconds, or earlier when woken meanwhile."""
    return change(AGAIN, held, delay_s=delay_s)


def fail(held: Claim, delay_s: float, error_class: str, error_message: str) -> bool:
    return change(
        FAIL, held, delay_s=delay_s, error_class=error_class[:200], error_message=error_message[:300]
    )


def quarantine(kinds: Sequence[str]) -> list[tuple[int, str]]:
    """Stop what killed its worker too often. Returns ids and kinds."""
    return fetch(QUARANTINE, {"kinds": list(kinds)})


def slow_down(kinds: Sequence[str]) -> None:
    """Have what killed its worker too often wait a little longer each time."""
    with scope.everything(WHY), connection.cursor() as cursor:
        cursor.execute(SLOW_DOWN, {"kinds": list(kinds)})


def free(worker_id: UUID, dead_pids: Sequence[int]) -> int:
    """End the leases of processes that are known to be dead, without waiting for them to run out."""
    with scope.everything(WHY), connection.cursor() as cursor:
        cursor.execute(FREE, {"worker_id": worker_id, "pids": list(dead_pids)})
        return int(cursor.rowcount)


def change(sql: str, held: Claim, **params: float | str | None) -> bool:
    with scope.everything(WHY), connection.cursor() as cursor:
        cursor.execute(sql, {"id": held.id, "token": held.token, **params})
        return bool(cursor.rowcount)


def fetch(sql: str, params: dict[str, Any]) -> list[Any]:
    with scope.everything(WHY), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
