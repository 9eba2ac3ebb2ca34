"""People we do not know yet: operations on them wait 30 days for the person to appear."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from audiences import happenings
from audiences.ingest import history, locks
from audiences.models import Audience
from syncapp.database.joins import fetch_by_key

KEPT = timedelta(days=30)
WORD_OF_KIND = "WHEN 'x' THEN 'external_id' WHEN 'm' THEN 'email' WHEN 'h' THEN 'email_sha256'"

LOOK_UP = """
UPDATE ingest_person p
SET was = left(g.state, 1)::"char", was_at = greatest(g.changed_at, %(floor)s::timestamptz)
FROM (
    SELECT x.ctid AS place, q.state, q.changed_at
    FROM ingest_person x
    LEFT JOIN LATERAL (
        SELECT state, changed_at FROM audiences_pending
        WHERE account_id = %(account)s AND audience_id = %(audience)s
            AND kind = CASE x.kind /* kinds */ END
            AND value = x.identity
        LIMIT 1
    ) q ON true
    WHERE NOT x.known AND x.code IS NULL
    OFFSET 0
) g
WHERE p.ctid = g.place AND g.state IS NOT NULL
""".replace("/* kinds */", WORD_OF_KIND)

# The trace of a removal makes an older addition stale that comes later, also of somebody nobody knows yet. Where
# unknown people are rejected there is no such addition, and no trace.
WRITE = """
INSERT INTO audiences_pending (account_id, audience_id, kind, value, state, changed_at, source, expires_at)
SELECT %(account)s, %(audience)s, CASE kind /* kinds */ END, identity,
    CASE WHEN outcome = 'held' THEN 'member' ELSE 'removed' END, at, %(source)s, %(expires_at)s
FROM ingest_outcome
WHERE profile_id IS NULL AND identity IS NOT NULL AND outcome IN ('held', 'removed', 'not_member')
    AND (%(leaves_traces)s OR was IS NOT NULL)
ON CONFLICT (account_id, audience_id, kind, value) DO UPDATE
SET state = excluded.state, changed_at = excluded.changed_at, source = excluded.source,
    expires_at = excluded.expires_at
""".replace("/* kinds */", WORD_OF_KIND)

# People of this call first, then what waits for them: the brackets keep the planner from turning it round.
MATCHED = """
    SELECT matched.* FROM (
        SELECT q.*, p.id AS person_id
        FROM (
            SELECT p.id, {value} AS value
            FROM ingest_changed c
            LEFT JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = c.profile_id
            OFFSET 0
        ) p
        LEFT JOIN LATERAL (
            SELECT * FROM audiences_pending
            WHERE account_id = %(account)s AND kind = '{kind}' AND value = p.value OFFSET 0
        ) q ON true
        OFFSET 0
    ) matched WHERE matched.id IS NOT NULL
"""

WAITING = "SELECT DISTINCT audience_id FROM ({matched}) waiting"

# The newest of what waited decides; what is stored of the membership stays where it is as new. Who began to wait in an
# audience that was not looked for yet, and so is not locked, goes on waiting: its caller may be changing the row.
APPLY = """
WITH matched AS MATERIALIZED (
    SELECT * FROM ({matched}) waiting WHERE audience_id = ANY (%(audiences)s)
), gone AS (
    DELETE FROM audiences_pending q
    WHERE q.account_id = %(account)s AND q.id = ANY (ARRAY(SELECT id FROM matched))
), latest AS (
    SELECT DISTINCT ON (audience_id, person_id) *
    FROM matched WHERE expires_at > %(now)s ORDER BY audience_id, person_id, changed_at DESC, id DESC
), due AS (
    SELECT * FROM (
        SELECT l.*, m.state AS stored_state, m.changed_at AS stored_at, (
            SELECT replaced_at FROM audiences_audience
            WHERE account_id = %(account)s AND id = l.audience_id
        ) AS replaced_at
        FROM latest l
        LEFT JOIN LATERAL (
            SELECT state, changed_at FROM audiences_member
            WHERE account_id = %(account)s AND audience_id = l.audience_id AND profile_id = l.person_id LIMIT 1
        ) m ON true
        OFFSET 0
    ) compared
    WHERE (stored_at IS NULL OR changed_at > stored_at) AND (replaced_at IS NULL OR changed_at >= replaced_at)
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
    SELECT audience_id, person_id, source,
        (state = 'member')::int - (coalesce(stored_state, 'removed') = 'member')::int AS step
    FROM due
), noted AS (
    INSERT INTO ingest_changed SELECT person_id FROM moved WHERE step <> 0
), told AS (
    INSERT INTO audiences_membershipchange
        (account_id, audience_id, at, source, added, removed, lowest, highest)
    SELECT %(account)s, audience_id, %(now)s, source, /* arrays */
    FROM (SELECT audience_id, source, step, person_id AS profile_id FROM moved WHERE step <> 0) each
    GROUP BY audience_id, source
), steps AS (
    SELECT audience_id, count(*) FILTER (WHERE step = 1) AS added, count(*) FILTER (WHERE step = -1) AS removed,
        sum(held)::int AS held
    FROM (
        SELECT audience_id, step, 0 AS held FROM moved
        UNION ALL SELECT audience_id, 0, -1 FROM matched WHERE state = 'member'
    ) each GROUP BY audience_id
), counted AS (
    UPDATE audiences_audience a
    SET member_count = a.member_count + s.added - s.removed, held_count = a.held_count + s.held,
        version = a.version + (s.added + s.removed > 0 OR s.held <> 0)::int, updated_at = %(now)s,
        last_member_added_at = CASE WHEN s.added > 0 THEN %(now)s ELSE a.last_member_added_at END,
        last_member_removed_at = CASE WHEN s.removed > 0 THEN %(now)s ELSE a.last_member_removed_at END
    FROM steps s WHERE a.account_id = %(account)s AND a.id = s.audience_id
    RETURNING a.id, a.external_id, a.name, a.version, a.member_count, s.added, s.removed
), sized AS (
    INSERT INTO audiences_audiencesize (account_id, audience_id, day, members)
    SELECT %(account)s, id, %(day)s, member_count FROM counted WHERE added + removed > 0
    ON CONFLICT (account_id, audience_id, day) DO UPDATE SET members = excluded.members
)
SELECT id, external_id, name, added, removed, version FROM counted
""".replace("/* arrays */", history.ARRAYS.format(joined="step = 1", left="step = -1"))
KINDS = {"external_id": "p.external_id", "email": "p.email", "email_sha256": "encode(p.email_sha256, 'hex')"}


def apply_appeared(cursor: Any, params: dict[str, Any]) -> None:
    """Carry out what waited for the people of `ingest_changed`, in whichever audience."""
    matched = " UNION ALL ".join(MATCHED.format(kind=kind, value=value) for kind, value in KINDS.items())
    waiting = fetch_by_key(cursor, WAITING.format(matched=matched), params)
    audience_ids = [audience_id for (audience_id,) in waiting]
    if audience_ids:
        locks.lock_audiences(cursor, audience_ids)
        moved = fetch_by_key(
            cursor, APPLY.replace("{matched}", matched), {**params, "audiences": audience_ids}
        )
        for audience_id, external_id, name, added, removed, version in moved:
            audience = Audience(
                pk=audience_id, account_id=params["account"], external_id=external_id, name=name
            )
            happenings.membership_changed(params["account"], audience, added, removed, version)


def expiry(now: datetime) -> datetime:
    return now + KEPT
