"""Write what was said about people: contact data, consents and new people."""

from __future__ import annotations

from typing import Any

from syncapp.database.joins import by_hash

# In the order of ids everywhere, so that two calls about the same people wait for each other instead of deadlocking.
# '' stands for an address to be cleared: NULL keeps.
UPDATE = """
WITH written AS (
    INSERT INTO audiences_profile AS t
        (id, account_id, email, external_id, properties, consents, source, created_at, updated_at)
    SELECT profile_id, %(account)s, CASE WHEN clears_email THEN '' ELSE email END, external_id,
        coalesce(properties, '{{}}'), coalesce(consents, '{{}}'), %(source)s, %(now)s, %(now)s
    FROM {said}
    ORDER BY profile_id
    ON CONFLICT (account_id, id) DO UPDATE
    SET email = CASE WHEN excluded.email = '' THEN NULL ELSE coalesce(excluded.email, t.email) END,
        external_id = coalesce(excluded.external_id, t.external_id),
        properties = jsonb_strip_nulls(t.properties || excluded.properties),
        consents = CASE WHEN excluded.consents = '{{}}' THEN t.consents
            ELSE audiences_merge_consents(t.consents, excluded.consents) END,
        updated_at = excluded.updated_at
    WHERE excluded.email = '' AND t.email IS NOT NULL
        OR coalesce(excluded.email, t.email, '') <> coalesce(t.email, '')
        OR coalesce(excluded.external_id, t.external_id, '') <> coalesce(t.external_id, '')
        OR jsonb_strip_nulls(t.properties || excluded.properties) <> t.properties
        OR excluded.consents <> '{{}}'
            AND audiences_merge_consents(t.consents, excluded.consents) <> t.consents
    RETURNING id
)
INSERT INTO ingest_changed SELECT id FROM written
"""
UPDATED = "(SELECT *, NULL::jsonb AS consents FROM ingest_outcome WHERE updates) said"
UPDATED_OR_ANSWERED = """(
    SELECT coalesce(u.profile_id, a.profile_id) AS profile_id, u.email, u.clears_email, u.external_id,
        u.properties, a.consents
    FROM (SELECT * FROM ingest_outcome WHERE updates) u
    FULL JOIN (
        SELECT * FROM ({answered}) given WHERE known
    ) a ON a.profile_id = u.profile_id
) said"""

# Sorted: neighbours in the index of external ids are written together, and two calls meet in the same order.
CREATE = """
WITH written AS (
    INSERT INTO audiences_profile
        (id, account_id, email, external_id, properties, consents, source, created_at, updated_at)
    SELECT o.profile_id, %(account)s, o.email, o.external_id, jsonb_strip_nulls(o.properties), {consents},
        %(source)s, %(now)s, %(now)s
    FROM ingest_outcome o {answers}
    WHERE o.creates
    ORDER BY o.external_id COLLATE "C", o.email COLLATE "C"
    RETURNING id
)
INSERT INTO ingest_changed SELECT id FROM written
"""

# A person's consents as said in this call, in the form of the projection.
ANSWERED = """
    SELECT profile_id, known, jsonb_object_agg(objective_key, jsonb_build_object(
        'state', state, 'at', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    )) AS consents
    FROM (
        SELECT DISTINCT ON (profile_id, objective_key) * FROM ingest_answer
        ORDER BY profile_id, objective_key, occurred_at DESC, state = 'denied' DESC
    ) best GROUP BY profile_id, known
"""


def update(cursor: Any, params: dict[str, Any], has_consents: bool) -> None:
    if has_consents:
        said = UPDATED_OR_ANSWERED.format(answered=ANSWERED)
        cursor.execute(by_hash(UPDATE.format(said=said)), params)
    else:
        cursor.execute(UPDATE.format(said=UPDATED), params)


def create(cursor: Any, params: dict[str, Any], has_consents: bool) -> None:
    if has_consents:
        answers = f"LEFT JOIN ({ANSWERED}) a ON a.profile_id = o.profile_id"
        sql = CREATE.format(consents="coalesce(a.consents, '{}')", answers=answers)
        cursor.execute(by_hash(sql), params)
    else:
        cursor.execute(CREATE.format(consents="'{}'", answers=""), params)
