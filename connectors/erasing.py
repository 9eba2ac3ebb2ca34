"""Forgetting people: off every list first, then every row about them, while the books of their runs stay closed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection

from audiences.erasing import register
from connectors.esp.redaction import mask_addresses
from connectors.sync import runs

# Whether the ESP may hold the person because of us. An address that is somebody else's by now is left to them.
THERE = """(
    (s.accepted_hash IS NOT NULL OR s.tried_addresses IS NOT NULL OR s.remote_state = 'cleared')
    AND s.remote_state NOT IN ('unsubscribed', 'bounced', 'removed', 'suppressed') AND s.reason <> 'not_there'
)"""
GIVEN_UP = "(s.dead_at IS NOT NULL AND s.operation = 'unsubscribe')"
ROWS = """
FROM connectors_goal g JOIN connectors_connection c ON c.account_id = g.account_id AND c.id = g.connection_id
CROSS JOIN LATERAL (
    SELECT * FROM connectors_subscriber
    WHERE account_id = %(account)s AND goal_id = g.id AND profile_id = %(profile)s OFFSET 0
) s
WHERE g.account_id = %(account)s
"""
BUSY = f"""
SELECT c.name || ': ' || g.name {ROWS} AND (
    s.due_at IS NOT NULL
    OR {THERE} AND NOT {GIVEN_UP}
    OR EXISTS (
        SELECT FROM audiences_change change
        WHERE change.account_id = %(account)s AND change.planned_at IS NULL
            AND %(profile)s = ANY(change.profile_ids)
    )
    OR EXISTS (
        SELECT FROM connectors_flight flight
        WHERE flight.account_id = %(account)s AND flight.goal_id = g.id
            AND %(profile)s = ANY(flight.profile_ids)
    )
) ORDER BY c.name, g.position
"""  # noqa: S608  made of constants only
STILL_THERE = f"SELECT c.name || ': ' || g.name {ROWS} AND {THERE} ORDER BY c.name, g.position"
ADDRESSES = f"SELECT s.accepted_address, s.tried_addresses {ROWS}"
DUE = f"SELECT s.run_id, s.operation {ROWS} AND s.due_at IS NOT NULL AND s.run_id IS NOT NULL"
NOTE_SUPERSEDED = """
INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
VALUES (%(account)s, %(run)s, %(profile)s, %(operation)s, 'skipped', 'superseded', '', now()) ON CONFLICT DO NOTHING
"""
FORGET_SUBSCRIBER = """
DELETE FROM connectors_subscriber
WHERE account_id = %(account)s AND profile_id = %(profile)s
    AND goal_id = ANY (ARRAY(SELECT id FROM connectors_goal WHERE account_id = %(account)s))
"""
# What happened to them still counts in their runs (connectors.sync.watching.conservation).
FORGET_OUTCOMES = """
WITH gone AS (
    DELETE FROM connectors_outcome WHERE account_id = %(account)s AND profile_id = %(profile)s
    RETURNING run_id, operation || '/' || result || '/' || CASE WHEN result = 'skipped' THEN code ELSE '' END AS what
)
UPDATE connectors_run r SET forgotten = (
    SELECT jsonb_object_agg(what, people) FROM (
        SELECT what, sum(people) AS people FROM (
            SELECT key AS what, value::bigint AS people FROM jsonb_each_text(r.forgotten)
            UNION ALL SELECT what, 1 FROM gone WHERE gone.run_id = r.id
        ) each GROUP BY what
    ) summed
)
WHERE r.account_id = %(account)s AND r.id IN (SELECT run_id FROM gone)
"""
FORGET_CALLS = """
UPDATE connectors_call SET request = '', response = ''
WHERE account_id = %(account)s AND run_id IN (
    SELECT run_id FROM connectors_outcome WHERE account_id = %(account)s AND profile_id = %(profile)s
) AND EXISTS (
    SELECT FROM unnest(%(masked)s::text[]) masked
    WHERE position(masked in request) > 0 OR position(masked in response) > 0
)
"""
FORGET_READ = (
    "DELETE FROM connectors_listentry WHERE account_id = %(account)s AND address = ANY(%(addresses)s)",
    "DELETE FROM connectors_finding WHERE account_id = %(account)s AND profile_id IS NULL"
    " AND address = ANY(%(addresses)s)",
)


def busy(account_id: int, profile_id: int) -> list[str]:
    """Goals whose list may hold the person, as long as somebody tries to take them off."""
    with connection.cursor() as cursor:
        return names(cursor, BUSY, {"account": account_id, "profile": profile_id})


def forget(account_id: int, profile_id: int) -> list[str]:
    """Delete every row about the person. Goals whose list may still hold them: taking them off was given up."""
    params: dict[str, Any] = {"account": account_id, "profile": profile_id}
    with connection.cursor() as cursor:
        left_at = names(cursor, STILL_THERE, params)
        addresses = addresses_of(cursor, params)
        masked = [mask_addresses(address) for address in addresses]
        cursor.execute(
            FORGET_CALLS, {**params, "masked": masked + [one.replace("@", "%40") for one in masked]}
        )
        close_open_runs(cursor, params)
        cursor.execute(FORGET_OUTCOMES, params)
        cursor.execute(FORGET_SUBSCRIBER, params)
        for statement in FORGET_READ:
            cursor.execute(statement, {**params, "addresses": addresses})
    return left_at


def names(cursor: Any, sql: str, params: dict[str, Any]) -> list[str]:
    cursor.execute(sql, params)
    return [name for (name,) in cursor.fetchall()]


def addresses_of(cursor: Any, params: dict[str, Any]) -> list[str]:
    """Every address at which an ESP held the person, or may have."""
    cursor.execute(ADDRESSES, params)
    found = {address for accepted, tried in cursor.fetchall() for address in (accepted, *(tried or ()))}
    return sorted(found - {""})


def close_open_runs(cursor: Any, params: dict[str, Any]) -> None:
    """Of whom is due no more, their runs must not wait."""
    cursor.execute(DUE, params)
    due: list[tuple[UUID, str]] = cursor.fetchall()
    for run_id, operation in due:
        cursor.execute(NOTE_SUPERSEDED, {**params, "run": run_id, "operation": operation})
    runs.take_over(dict.fromkeys(due, 1))


register(busy, forget)
