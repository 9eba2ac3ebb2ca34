"""Write who is in the audience."""

from __future__ import annotations

from audiences.ingest import history

# A removal of somebody who is not a member leaves a trace too: an older addition that comes later is stale. Every
# accepted operation moves the time, with effect or without.
WRITE = """
INSERT INTO audiences_member AS m
    (account_id, audience_id, profile_id, state, changed_at, added_at, generation, source)
SELECT %(account)s, %(audience)s, profile_id, CASE WHEN op = 'a' THEN 'member' ELSE 'removed' END,
    at, %(now)s, 0, %(source)s
FROM ingest_outcome
WHERE profile_id IS NOT NULL AND outcome IN ('added', 'already_member', 'removed', 'not_member')
ORDER BY profile_id
"""
WRITE_AGAIN = """
ON CONFLICT (account_id, audience_id, profile_id) DO UPDATE
SET changed_at = excluded.changed_at,
    state = excluded.state,
    added_at = CASE WHEN excluded.state = 'member' AND m.state <> 'member' THEN excluded.added_at ELSE m.added_at END,
    source = CASE WHEN excluded.state <> m.state THEN excluded.source ELSE m.source END
WHERE m.changed_at <> excluded.changed_at OR m.state <> excluded.state
"""


NOTE_CHANGED = """
INSERT INTO ingest_changed
SELECT profile_id FROM ingest_outcome
WHERE outcome IN ('added', 'removed') AND profile_id IS NOT NULL AND NOT updates AND NOT creates
"""

COUNT_AUDIENCE = """
WITH counted AS (
    UPDATE audiences_audience
    SET member_count = member_count + %(added)s - %(removed)s,
        held_count = held_count + %(held_delta)s,
        version = version + %(seen)s,
        updated_at = CASE WHEN %(seen)s = 1 THEN %(now)s ELSE updated_at END,
        last_member_added_at = CASE WHEN %(added)s > 0 THEN %(now)s ELSE last_member_added_at END,
        last_member_removed_at = CASE WHEN %(removed)s > 0 THEN %(now)s ELSE last_member_removed_at END,
        last_sync = %(last_sync)s::jsonb
    WHERE account_id = %(account)s AND id = %(audience)s
    RETURNING version, member_count, held_count
){history}
SELECT version, member_count, held_count FROM counted
"""
HISTORY = """, told AS (
    INSERT INTO audiences_membershipchange
        (account_id, audience_id, at, source, added, removed, lowest, highest)
    SELECT %(account)s, %(audience)s, %(now)s, %(source)s, /* arrays */
    FROM ingest_outcome WHERE outcome IN ('added', 'removed') AND profile_id IS NOT NULL
), sized AS (
    INSERT INTO audiences_audiencesize (account_id, audience_id, day, members)
    SELECT %(account)s, %(audience)s, %(day)s, member_count FROM counted
    ON CONFLICT (account_id, audience_id, day) DO UPDATE SET members = excluded.members
)""".replace("/* arrays */", history.ARRAYS.format(joined="outcome = 'added'", left="outcome = 'removed'"))


def to_write(some_are_stored: bool) -> str:
    """The audience is locked: where none is stored yet none can be in the way."""
    return WRITE + WRITE_AGAIN if some_are_stored else WRITE


def to_count(moved: bool) -> str:
    """SQL that gives version, members and held of the audience after the call; `moved`: people joined or left."""
    return COUNT_AUDIENCE.format(history=HISTORY if moved else "")
