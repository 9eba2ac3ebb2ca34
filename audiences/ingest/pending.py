"""People we do not know yet: operations on them wait 30 days for the person to appear."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from audiences.ingest import locks

KEPT = timedelta(days=30)

LOOK_UP = """
UPDATE ingest_person p SET was = left(q.state, 1)::"char", was_at = q.changed_at
FROM ingest_operation s
JOIN audiences_pending q ON q.account_id = %(account)s AND q.audience_id = %(audience)s
    AND q.kind = CASE s.kind WHEN 'x' THEN 'external_id' WHEN 'm' THEN 'email' END
    AND q.value = CASE s.kind WHEN 'x' THEN s.external_id WHEN 'm' THEN s.email END
WHERE s.n = p.n AND NOT p.known AND p.code IS NULL
"""

# The trace of a removal makes an older addition stale that comes later, also of somebody nobody knows yet. Where
# unknown people are rejected there is no such addition, and no trace.
WRITE = """
INSERT INTO audiences_pending (account_id, audience_id, kind, value, state, changed_at, source, expires_at)
SELECT %(account)s, %(audience)s, CASE s.kind WHEN 'x' THEN 'external_id' ELSE 'email' END,
    CASE s.kind WHEN 'x' THEN s.external_id ELSE s.email END,
    CASE WHEN o.outcome = 'held' THEN 'member' ELSE 'removed' END, o.at, %(source)s, %(expires_at)s
FROM ingest_outcome o JOIN ingest_operation s ON s.n = o.n
WHERE o.profile_id IS NULL AND s.kind <> 'd' AND o.outcome IN ('held', 'removed', 'not_member')
    AND (%(leaves_traces)s OR o.was IS NOT NULL)
ON CONFLICT (account_id, audience_id, kind, value) DO UPDATE
SET state = excluded.state, changed_at = excluded.changed_at, source = excluded.source,
    expires_at = excluded.expires_at
"""

APPEARED = """
SELECT {columns}
FROM audiences_profile p
JOIN audiences_pending q ON q.account_id = %(account)s AND q.kind = '{kind}' AND q.value = p.{kind}
WHERE p.account_id = %(account)s AND {people}
"""

# The newest of what waited decides; what is stored of the membership stays where it is as new.
APPLY = """
WITH matched AS (
    {appeared}
), taken AS (
    DELETE FROM audiences_pending q USING matched
    WHERE q.account_id = %(account)s AND q.id = matched.id
    RETURNING q.id, q.audience_id, q.state, q.changed_at, q.source, q.expires_at, matched.profile_id
), latest AS (
    SELECT DISTINCT ON (audience_id, profile_id) *
    FROM taken WHERE expires_at > %(now)s ORDER BY audience_id, profile_id, changed_at DESC, id DESC
), due AS (
    SELECT l.*, m.state AS stored_state, m.profile_id IS NOT NULL AS stored
    FROM latest l
    LEFT JOIN audiences_member m ON m.account_id = %(account)s AND m.audience_id = l.audience_id
        AND m.profile_id = l.profile_id
    WHERE m.profile_id IS NULL OR l.changed_at > m.changed_at
), added AS (
    INSERT INTO audiences_member
        (account_id, audience_id, profile_id, state, changed_at, added_at, generation, source)
    SELECT %(account)s, audience_id, profile_id, state, changed_at, %(now)s, 0, source
    FROM due WHERE NOT stored ORDER BY audience_id, profile_id
), updated AS (
    UPDATE audiences_member m
    SET state = d.state, changed_at = d.changed_at, source = d.source,
        added_at = CASE WHEN d.state = 'member' AND d.stored_state <> 'member' THEN %(now)s ELSE m.added_at END
    FROM due d
    WHERE d.stored AND m.account_id = %(account)s AND m.audience_id = d.audience_id
        AND m.profile_id = d.profile_id
), moved AS (
    SELECT audience_id, profile_id,
        (state = 'member')::int - (coalesce(stored_state, 'removed') = 'member')::int AS step
    FROM due
), noted AS (
    INSERT INTO ingest_changed SELECT profile_id FROM moved WHERE step <> 0
), steps AS (
    SELECT audience_id, sum(members)::int AS members, sum(held)::int AS held
    FROM (
        SELECT audience_id, step AS members, 0 AS held FROM moved
        UNION ALL SELECT audience_id, 0, -1 FROM taken WHERE state = 'member'
    ) each GROUP BY audience_id
)
UPDATE audiences_audience a
SET member_count = a.member_count + s.members, held_count = a.held_count + s.held,
    version = a.version + (s.members <> 0 OR s.held <> 0)::int, updated_at = %(now)s
FROM steps s WHERE a.account_id = %(account)s AND a.id = s.audience_id
"""
CHANGED_PEOPLE = "p.id = ANY (ARRAY(SELECT profile_id FROM ingest_changed))"
KINDS = ("external_id", "email")


def apply_appeared(cursor: Any, params: dict[str, Any], people: str = CHANGED_PEOPLE) -> None:
    """Carry out what waited for these people, in whichever audience."""
    cursor.execute(_appeared("q.audience_id", people), params)
    audience_ids = sorted({row[0] for row in cursor.fetchall()})
    if audience_ids:
        locks.lock_audiences(cursor, audience_ids)
        cursor.execute(APPLY.format(appeared=_appeared("q.id, p.id AS profile_id", people)), params)


def _appeared(columns: str, people: str) -> str:
    return " UNION ALL ".join(APPEARED.format(columns=columns, kind=kind, people=people) for kind in KINDS)


def expiry(now: datetime) -> datetime:
    return now + KEPT
