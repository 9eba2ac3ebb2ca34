"""Write what `resolving` found: members, those who wait, history, feed, counts and error rows. One transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from audiences.changes import tell_changed
from audiences.models import Audience, SyncSession
from audiences.syncs.resolving import Resolved, planned

PEOPLE_PER_ROW = 10_000  # of the change feed and of the history

# Most rows of a first or a large change are new: looking for each in the way would take half as long again.
JOIN = """
INSERT INTO audiences_member AS m
    (account_id, audience_id, profile_id, state, changed_at, added_at, generation, source)
SELECT %(account)s, %(audience)s, profile_id, CASE WHEN verdict = 'not_member' THEN 'removed' ELSE 'member' END,
    at, %(now)s, 0, %(source)s
FROM sync_change
WHERE verdict IN ('added', 'already_member', 'not_member') AND {which} ORDER BY profile_id
"""
JOIN_NEW = JOIN.format(which="NOT stored")
JOIN_AGAIN = (
    JOIN.format(which="stored")
    + """
ON CONFLICT (account_id, audience_id, profile_id) DO UPDATE
SET changed_at = excluded.changed_at,
    state = excluded.state,
    added_at = CASE WHEN excluded.state = 'member' AND m.state <> 'member' THEN excluded.added_at ELSE m.added_at END,
    source = CASE WHEN excluded.state <> m.state THEN excluded.source ELSE m.source END
WHERE m.changed_at <> excluded.changed_at OR m.state <> excluded.state
"""
)
LEAVE = """
UPDATE audiences_member m SET state = 'removed', changed_at = c.at, source = %(source)s
FROM sync_change c
WHERE c.verdict = 'removed' AND m.account_id = %(account)s AND m.audience_id = %(audience)s
    AND m.profile_id = c.profile_id
"""

DROP_OLDER_WAITING = """
DELETE FROM audiences_pending q
WHERE q.account_id = %(account)s AND q.audience_id = %(audience)s AND q.changed_at <= %(snapshot)s
    AND NOT EXISTS (
        SELECT FROM sync_unknown u
        WHERE u.kind = q.kind AND u.value = q.value AND u.verdict IN ('held', 'stale', 'bad')
    )
"""
# The trace of a removal makes an older addition stale that comes later; where unknown people are rejected there is
# no such addition.
WAIT = """
INSERT INTO audiences_pending (account_id, audience_id, kind, value, state, changed_at, source, expires_at)
SELECT %(account)s, %(audience)s, kind, value, CASE WHEN verdict = 'held' THEN 'member' ELSE 'removed' END, at,
    %(source)s, %(expires_at)s
FROM sync_unknown
WHERE verdict IN ('held', 'removed', 'not_member') AND kind <> 'id' AND (%(leaves_traces)s OR waits)
ORDER BY kind, value
ON CONFLICT (account_id, audience_id, kind, value) DO UPDATE
SET state = excluded.state, changed_at = excluded.changed_at, source = excluded.source,
    expires_at = excluded.expires_at
"""
COUNT_HELD = """
SELECT count(*) FROM audiences_pending
WHERE account_id = %(account)s AND audience_id = %(audience)s AND state = 'member'
"""

TELL = """
WITH parts AS (
    SELECT coalesce(array_agg(profile_id) FILTER (WHERE verdict = 'added'), '{}') AS added,
        coalesce(array_agg(profile_id) FILTER (WHERE verdict = 'removed'), '{}') AS removed,
        array_agg(profile_id) AS ids, min(profile_id) AS lowest, max(profile_id) AS highest
    FROM (
        SELECT profile_id, verdict, (row_number() OVER (ORDER BY profile_id) - 1) / %(per_row)s AS part
        FROM sync_change WHERE verdict IN ('added', 'removed')
    ) numbered GROUP BY part
), fed AS (
    INSERT INTO audiences_change (account_id, profile_ids, origin, created_at)
    SELECT %(account)s, ids, '', %(now)s FROM parts
)
INSERT INTO audiences_membershipchange (account_id, audience_id, at, source, added, removed, lowest, highest)
SELECT %(account)s, %(audience)s, %(now)s, %(source)s, added, removed, lowest, highest FROM parts
"""

COUNT = """
WITH counted AS (
    UPDATE audiences_audience
    SET member_count = member_count + %(added)s - %(removed)s,
        held_count = %(held)s,
        version = version + (%(is_replace)s OR %(added)s + %(removed)s > 0 OR held_count <> %(held)s)::int,
        updated_at = %(now)s,
        last_member_added_at = CASE WHEN %(added)s > 0 THEN %(now)s ELSE last_member_added_at END,
        last_member_removed_at = CASE WHEN %(removed)s > 0 THEN %(now)s ELSE last_member_removed_at END,
        replaced_at = CASE WHEN %(is_replace)s THEN greatest(replaced_at, %(snapshot)s) ELSE replaced_at END,
        last_sync = %(last_sync)s::jsonb
    WHERE account_id = %(account)s AND id = %(audience)s
    RETURNING version, member_count
), sized AS (
    INSERT INTO audiences_audiencesize (account_id, audience_id, day, members)
    SELECT %(account)s, %(audience)s, %(day)s, member_count FROM counted
    ON CONFLICT (account_id, audience_id, day) DO UPDATE SET members = excluded.members
)
SELECT version FROM counted
"""

OFFSETS = """
WITH chunk AS (
    SELECT number, sum(items) OVER (ORDER BY number) - items AS before
    FROM audiences_syncchunk WHERE account_id = %(account)s AND session_id = %(session)s
)
"""
# What was sent, where it was not kept as text.
ORIGINAL = """coalesce(s.original, CASE
    WHEN %(is_replace)s THEN coalesce(s.contact, to_jsonb(s.value))
    ELSE jsonb_strip_nulls(jsonb_build_object('op', s.op, 'id', CASE WHEN s.contact IS NULL THEN s.value END,
        'contact', s.contact, 'occurred_at', s.occurred_at))
END::text)"""
KEEP_BAD = f"""{OFFSETS}
INSERT INTO audiences_joberror (account_id, job_id, number, code, detail, pointer, retryable, original)
SELECT %(account)s, %(job)s, c.before + s.position, s.code, s.detail,
    '/chunks/' || s.chunk || s.pointer, false, {ORIGINAL}
FROM audiences_stageditem s JOIN chunk c ON c.number = s.chunk
WHERE s.account_id = %(account)s AND s.session_id = %(session)s AND s.code <> ''
ON CONFLICT (account_id, job_id, number) DO NOTHING
"""  # noqa: S608  made of constants only
KEEP_UNKNOWN = f"""{OFFSETS}
INSERT INTO audiences_joberror (account_id, job_id, number, code, detail, pointer, retryable, original)
SELECT %(account)s, %(job)s, c.before + s.position, u.verdict,
    CASE u.verdict WHEN 'erased' THEN %(erased)s ELSE %(not_found)s END,
    '/chunks/' || s.chunk || '/items/' || s.position, false, {ORIGINAL}
FROM sync_unknown u
JOIN chunk c ON c.number = u.chunk
JOIN audiences_stageditem s ON s.account_id = %(account)s AND s.session_id = %(session)s
    AND s.chunk = u.chunk AND s.position = u.place
WHERE u.verdict IN ('contact_not_found', 'erased')
ON CONFLICT (account_id, job_id, number) DO NOTHING
"""  # noqa: S608  made of constants only
REASONS = {
    "erased": "This person was erased and cannot come back.",
    "not_found": "There is no such person.",
}


@dataclass(frozen=True, slots=True)
class Swapped:
    """`added` and `removed` are members; `version` is the audience's afterwards."""

    added: int
    removed: int
    version: int


def swap(cursor: Any, session: SyncSession, found: Resolved, params: dict[str, Any]) -> Swapped:
    """Carry out what was resolved. Raises Audience.DoesNotExist where the audience is gone by now."""
    added, removed = found.people.get("added", 0), found.people.get("removed", 0)
    is_replace = session.mode == SyncSession.Mode.REPLACE
    with planned(cursor, max(added, removed, found.received)):
        if any(found.people.get(verdict) for verdict in ("added", "already_member", "not_member")):
            cursor.execute(JOIN_NEW, params)
            cursor.execute(JOIN_AGAIN, params)
        if removed:
            cursor.execute(LEAVE, params)
        if found.has_pending and is_replace:
            cursor.execute(DROP_OLDER_WAITING, params)
        if any(found.unknown.get(verdict) for verdict in ("held", "removed", "not_member")):
            cursor.execute(WAIT, params)
        cursor.execute(COUNT_HELD, params)
        (held,) = cursor.fetchone()
        if added or removed:
            cursor.execute(TELL, {**params, "per_row": PEOPLE_PER_ROW})
            tell_changed(session.account_id)
    last_sync = {
        "at": params["now"].isoformat(),
        "kind": session.mode,
        "source": params["source"],
        "added": added,
        "removed": removed,
        "failed": found.failed,
        "job_id": f"job_{params['job']}",
    }
    counts = {
        "added": added,
        "removed": removed,
        "held": held,
        "is_replace": is_replace,
        "last_sync": orjson.dumps(last_sync).decode(),
    }
    cursor.execute(COUNT, {**params, **counts})
    row = cursor.fetchone()
    if row is None:
        raise Audience.DoesNotExist
    return Swapped(added, removed, row[0])


def keep_errors(cursor: Any, session: SyncSession, found: Resolved, params: dict[str, Any]) -> None:
    """A row of the job for each item that failed."""
    values = {**params, **REASONS, "is_replace": session.mode == SyncSession.Mode.REPLACE}
    with planned(cursor, found.failed):
        if found.bad:
            cursor.execute(KEEP_BAD, values)
        if found.failed > found.bad:
            cursor.execute(KEEP_UNKNOWN, values)
