"""Write what was said about people: contact data and new people."""

from __future__ import annotations

# In one order everywhere, so that two calls about the same people wait for each other instead of deadlocking.
LOCK = """
SELECT count(*) FROM (
    SELECT id FROM audiences_profile
    WHERE account_id = %(account)s AND id = ANY (ARRAY(
        SELECT profile_id FROM ingest_outcome WHERE updates
        UNION SELECT p.profile_id FROM ingest_person p JOIN ingest_consent c ON c.n = p.n WHERE p.known
    ))
    ORDER BY id FOR NO KEY UPDATE
) locked
"""

UPDATE = """
WITH written AS (
    UPDATE audiences_profile t
    SET email = CASE WHEN s.clears_email THEN NULL ELSE coalesce(s.email, t.email) END,
        external_id = coalesce(s.external_id, t.external_id),
        properties = jsonb_strip_nulls(t.properties || s.properties),
        updated_at = %(now)s
    FROM ingest_outcome s
    WHERE s.updates AND t.account_id = %(account)s AND t.id = s.profile_id
    RETURNING t.id
)
INSERT INTO ingest_changed SELECT id FROM written
"""

# Sorted: neighbours in the index of external ids are written together, and two calls meet in the same order.
CREATE = """
WITH written AS (
    INSERT INTO audiences_profile
        (id, account_id, email, external_id, properties, consents, source, created_at, updated_at)
    SELECT profile_id, %(account)s, email, external_id, jsonb_strip_nulls(properties), '{}',
        %(source)s, %(now)s, %(now)s
    FROM ingest_outcome WHERE creates
    ORDER BY external_id COLLATE "C", email COLLATE "C"
    RETURNING id
)
INSERT INTO ingest_changed SELECT id FROM written
"""

REFUSE_ERASED = """
UPDATE ingest_person p SET code = 'erased'
FROM ingest_operation s
WHERE s.n = p.n AND p.op <> 'r' AND p.code IS NULL AND s.email IS NOT NULL AND (NOT p.known OR p.differs)
    AND {hmac} IN (
        SELECT address_hmac FROM audiences_suppression WHERE account_id = %(account)s AND reason = 'erasure'
    )
"""
