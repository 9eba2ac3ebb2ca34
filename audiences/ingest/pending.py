"""People we do not know yet: operations on them wait 30 days for the person to appear."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from audiences.ingest import locks
from audiences.ingest.staging import by_key, fetch_by_key

KEPT = timedelta(days=30)

LOOK_UP = """
UPDATE ingest_person p SET was = left(g.state, 1)::"char", was_at = g.changed_at
FROM (
    SELECT x.ctid AS place, q.state, q.changed_at
    FROM ingest_person x
    LEFT JOIN LATERAL (
        SELECT state, changed_at FROM audiences_pending
        WHERE account_id = %(account)s AND audience_id = %(audience)s
            AND kind = CASE x.kind WHEN 'x' THEN 'external_id' WHEN 'm' THEN 'email' END
            AND value = x.identity
        LIMIT 1
    ) q ON true
    WHERE NOT x.known AND x.code IS NULL
    OFFSET 0
) g
WHERE p.ctid = g.place AND g.state IS NOT NULL
"""

# The trace of a removal makes an older addition stale that comes later, also of somebody nobody knows yet. Where
# unknown people are rejected there is no such addition, and no trace.
WRITE = """
INSERT INTO audiences_pending (account_id, audience_id, kind, value, state, changed_at, source, expires_at)
SELECT %(account)s, %(audience)s, CASE kind WHEN 'x' THEN 'external_id' ELSE 'email' END, identity,
    CASE WHEN outcome = 'held' THEN 'member' ELSE 'removed' END, at, %(source)s, %(expires_at)s
FROM ingest_outcome
WHERE profile_id IS NULL AND identity IS NOT NULL AND outcome IN ('held', 'removed', 'not_member')
    AND (%(leaves_traces)s OR was IS NOT NULL)
ON CONFLICT (account_id, audience_id, kind, value) DO UPDATE
SET state = excluded.state, changed_at = excluded.changed_at, source = excluded.source,
    expires_at = excluded.expires_at
"""

# People of this call first, then what waits for them: the brackets keep the planner from turning it round.
MATCHED = """
    SELECT matched.* FROM (
        SELECT q.*, q.ctid AS place, p.id AS person_id
        FROM (
            SELECT p.id, p.{kind}
            FROM ingest_changed c
            LEFT JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = c.profile_id
            OFFSET 0
        ) p
        LEFT JOIN LATERAL (
            SELECT *, ctid FROM audiences_pending
            WHERE account_id = %(account)s AND kind = '{kind}' AND value = p.{kind} OFFSET 0
        ) q ON true
        OFFSET 0
    ) matched WHERE matched.id IS NOT NULL
"""

WAITING = "SELECT DISTINCT audience_id FROM ({matched}) waiting"

# The newest of what waited decides; what is stored of the membership stays where it is as new.
APPLY = """
WITH matched AS MATERIALIZED (
    {matched}
), gone AS (
    DELETE FROM audiences_pending q
    WHERE q.account_id = %(account)s AND q.ctid = ANY (ARRAY(SELECT place FROM matched))
), latest AS (
    SELECT DISTINCT ON (audience_id, person_id) *
    FROM matched WHERE expires_at > %(now)s ORDER BY audience_id, person_id, changed_at DESC, id DESC
), due AS (
    SELECT * FROM (
        SELECT l.*, m.state AS stored_state, m.changed_at AS stored_at
        FROM latest l
        LEFT JOIN LATERAL (
            SELECT state, changed_at FROM audiences_member
            WHERE account_id = %(account)s AND audience_id = l.audience_id AND profile_id = l.person_id LIMIT 1
        ) m ON true
        OFFSET 0
    ) compared WHERE stored_at IS NULL OR changed_at > stored_at
), written AS (
    INSERT INTO audiences_member AS m
        (account_id, audience_id, profile_id, state, changed_at, added_at, generation, source)
    SELECT %(account)s, audience_id, person_id, state, changed_at, %(now)s, 0, source
    FROM due ORDER BY audience_id, person_id
    ON CONFLICT (account_id, audience_id, profile_id) DO UPDATE
    SET state = excluded.state, changed_at = excluded.changed_at, source = excluded.source,
        added_at = CASE WHEN excluded.state = 'member' AND m.state <> 'member' THEN excluded.added_at
            ELSE m.added_at END
), moved AS (
    SELECT audience_id, person_id,
        (state = 'member')::int - (coalesce(stored_state, 'removed') = 'member')::int AS step
    FROM due
), noted AS (
    INSERT INTO ingest_changed SELECT person_id FROM moved WHERE step <> 0
), steps AS (
    SELECT audience_id, sum(members)::int AS members, sum(held)::int AS held
    FROM (
        SELECT audience_id, step AS members, 0 AS held FROM moved
        UNION ALL SELECT audience_id, 0, -1 FROM matched WHERE state = 'member'
    ) each GROUP BY audience_id
)
UPDATE audiences_audience a
SET member_count = a.member_count + s.members, held_count = a.held_count + s.held,
    version = a.version + (s.members <> 0 OR s.held <> 0)::int, updated_at = %(now)s
FROM steps s WHERE a.account_id = %(account)s AND a.id = s.audience_id
"""
KINDS = ("external_id", "email")


def apply_appeared(cursor: Any, params: dict[str, Any]) -> None:
    """Carry out what waited for the people of `ingest_changed`, in whichever audience."""
    matched = " UNION ALL ".join(MATCHED.format(kind=kind) for kind in KINDS)
    waiting = fetch_by_key(cursor, WAITING.format(matched=matched), params)
    audience_ids = [audience_id for (audience_id,) in waiting]
    if audience_ids:
        locks.lock_audiences(cursor, audience_ids)
        cursor.execute(by_key(APPLY.format(matched=matched)), params)


def expiry(now: datetime) -> datetime:
    return now + KEPT
