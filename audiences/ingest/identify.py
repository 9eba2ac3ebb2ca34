"""Who each item is about, and what is stored of them."""

from __future__ import annotations

from typing import Any

from audiences.ingest.sheet import Sheet

# Whether what an item says changes what is stored.
DIFFERS = """
    {said}.email IS NOT NULL AND {said}.email IS DISTINCT FROM {stored}email
    OR {said}.clears_email AND {stored}email IS NOT NULL
    OR {said}.external_id IS NOT NULL AND {said}.external_id IS DISTINCT FROM {stored}external_id
    OR coalesce(jsonb_strip_nulls({stored}properties || {said}.properties) <> {stored}properties, false)
"""

# Join clauses compare plain columns only: under row-level security nothing else may use an index.
# NULLIF skips the second look-up where the person found by external id has the address already.
# An address may attach to an external id only where nobody's external id is replaced by it.
IDENTIFY = """
WITH found AS MATERIALIZED (
    SELECT s.n, s.person, s.op, s.kind, coalesce(s.at, %(now)s) AS at,
        s.external_id, s.email, s.clears_email, s.properties,
        i.id AS i_id, e.id AS e_id, e.email AS e_email, m.id AS m_id,
        e.external_id AS e_external_id, m.external_id AS m_external_id,
        CASE WHEN i.id IS NOT NULL THEN i.id WHEN e.id IS NOT NULL THEN e.id ELSE m.id END AS profile_id,
        CASE WHEN i.id IS NOT NULL THEN i.email WHEN e.id IS NOT NULL THEN e.email ELSE m.email END
            AS stored_email,
        CASE WHEN i.id IS NOT NULL THEN i.external_id WHEN e.id IS NOT NULL THEN e.external_id
            ELSE m.external_id END AS stored_external_id,
        CASE WHEN i.id IS NOT NULL THEN i.properties WHEN e.id IS NOT NULL THEN e.properties
            ELSE m.properties END AS stored_properties
    FROM ingest_operation s
    LEFT JOIN audiences_profile e ON e.account_id = %(account)s AND e.external_id = s.external_id
    LEFT JOIN audiences_profile m ON m.account_id = %(account)s AND m.email = NULLIF(s.email, e.email)
    LEFT JOIN audiences_profile i ON i.account_id = %(account)s AND i.id = s.id
), judged AS (
    SELECT *,
        CASE kind
            WHEN 'x' THEN CASE
                WHEN m_id IS NOT NULL AND (e_id IS NOT NULL OR m_external_id IS NOT NULL) THEN 'email_taken'
            END
            WHEN 'm' THEN CASE
                WHEN e_email = email OR external_id IS NULL THEN NULL
                WHEN e_id IS NOT NULL AND (m_id IS NOT NULL OR e_email IS NOT NULL) THEN 'ambiguous_identifier'
                WHEN m_external_id IS NOT NULL THEN 'ambiguous_identifier'
            END
            ELSE CASE
                WHEN i_id IS NULL AND op <> 'r' THEN 'contact_not_found'
                WHEN e_id <> i_id THEN 'external_id_taken'
                WHEN m_id <> i_id THEN 'email_taken'
            END
        END AS code
    FROM found
)
INSERT INTO ingest_person
    (n, person, op, profile_id, known, carries, differs, superseded, holds, at, was, was_at, code, holder)
SELECT j.n, j.person, j.op,
    CASE
        WHEN j.code IS NOT NULL THEN NULL
        WHEN j.profile_id IS NULL AND j.op <> 'r' AND %(assigns)s THEN nextval('audiences_profile_id_seq')
        ELSE j.profile_id
    END,
    j.code IS NULL AND j.profile_id IS NOT NULL,
    j.code IS NULL AND j.op <> 'r',
    j.op <> 'r' AND (/* differs */),
    false,
    false,
    j.at, left(member.state, 1)::"char", member.changed_at,
    CASE
        WHEN j.code IS NULL AND j.profile_id IS NULL AND j.op <> 'r' AND %(rejects)s THEN 'contact_not_found'
        ELSE j.code
    END,
    CASE WHEN j.code = 'email_taken' THEN j.m_external_id END
FROM judged j
LEFT JOIN audiences_member member
    ON member.account_id = %(account)s AND member.audience_id = %(audience)s AND member.profile_id = j.profile_id
""".replace("/* differs */", DIFFERS.format(said="j", stored="j.stored_"))

INHERIT = """
UPDATE ingest_person p
SET profile_id = CASE WHEN clash THEN NULL ELSE g.profile_id END, known = NOT clash, differs = true,
    was = left(g.state, 1)::"char", was_at = g.changed_at, code = CASE WHEN clash THEN 'email_taken' END,
    carries = carries AND NOT clash, holder = CASE WHEN clash THEN g.external_id END
FROM (
    SELECT o.n, t.profile_id, t.external_id, m.state, m.changed_at, o.external_id <> t.external_id IS TRUE AS clash
    FROM (
        SELECT person, min(profile_id) AS profile_id FROM ingest_person
        WHERE known GROUP BY person HAVING min(profile_id) = max(profile_id)
    ) known
    JOIN ingest_person unknown ON unknown.person = known.person AND NOT unknown.known AND unknown.code IS NULL
    JOIN ingest_operation o ON o.n = unknown.n
    JOIN LATERAL (
        SELECT id AS profile_id, external_id FROM audiences_profile
        WHERE account_id = %(account)s AND id = known.profile_id
    ) t ON true
    LEFT JOIN audiences_member m
        ON m.account_id = %(account)s AND m.audience_id = %(audience)s AND m.profile_id = known.profile_id
) g
WHERE p.n = g.n
"""

ASSIGN = """
UPDATE ingest_person p
SET profile_id = g.profile_id
FROM (
    SELECT person, nextval('audiences_profile_id_seq') AS profile_id
    FROM (
        SELECT DISTINCT person FROM ingest_person WHERE profile_id IS NULL AND code IS NULL AND op <> 'r'
    ) creating
) g
WHERE p.person = g.person AND p.profile_id IS NULL AND p.code IS NULL
"""

REJECT = """
UPDATE ingest_person SET code = 'contact_not_found'
WHERE profile_id IS NULL AND code IS NULL AND op <> 'r'
"""

# Within one call time decides; equal or absent times: the last position.
SUPERSEDE = """
UPDATE ingest_person p
SET superseded = true
FROM (
    SELECT n, row_number() OVER (PARTITION BY coalesce(profile_id, -1 - person) ORDER BY at DESC, n DESC) AS rank
    FROM ingest_person WHERE code IS NULL
) ranked
WHERE p.n = ranked.n AND ranked.rank > 1
"""

# The data of all items about one person end in the last one, as if they had come one by one; stale ones do not.
FOLD = """
WITH data AS (
    SELECT coalesce(p.profile_id, -1 - p.person) AS whose, p.n, p.at,
        o.email, o.clears_email, o.external_id, o.properties,
        row_number() OVER (PARTITION BY coalesce(p.profile_id, -1 - p.person) ORDER BY p.at DESC, p.n DESC) AS rank,
        count(*) OVER (PARTITION BY coalesce(p.profile_id, -1 - p.person)) AS items
    FROM ingest_person p JOIN ingest_operation o ON o.n = p.n
    WHERE p.carries AND p.code IS NULL AND coalesce(p.was_at <= p.at, true)
), last AS (
    SELECT whose, n FROM data WHERE rank = 1 AND items > 1
), folded AS (
    SELECT l.n,
        (array_agg(d.email ORDER BY d.rank) FILTER (WHERE d.email IS NOT NULL OR d.clears_email))[1] AS email,
        (array_agg(d.clears_email ORDER BY d.rank) FILTER (WHERE d.email IS NOT NULL OR d.clears_email))[1]
            AS clears_email,
        (array_agg(d.external_id ORDER BY d.rank) FILTER (WHERE d.external_id IS NOT NULL))[1] AS external_id,
        (
            SELECT coalesce(jsonb_object_agg(given.key, given.value ORDER BY each.rank DESC), '{}')
            FROM data each, jsonb_each(each.properties) given WHERE each.whose = l.whose
        ) AS properties
    FROM last l JOIN data d ON d.whose = l.whose
    GROUP BY l.whose, l.n
), rewritten AS (
    UPDATE ingest_operation o
    SET email = f.email, clears_email = coalesce(f.clears_email, false), external_id = f.external_id,
        properties = f.properties
    FROM folded f WHERE o.n = f.n
)
UPDATE ingest_person p
SET carries = l.n IS NOT NULL, differs = true
FROM data d LEFT JOIN last l ON l.n = d.n
WHERE p.n = d.n AND d.items > 1
"""

COMPARE_AGAIN = """
UPDATE ingest_person p
SET differs = (/* differs */)
FROM ingest_operation o, audiences_profile t
WHERE p.known AND p.carries AND p.differs AND o.n = p.n AND t.account_id = %(account)s AND t.id = p.profile_id
""".replace("/* differs */", DIFFERS.format(said="o", stored="t."))

REFUSE_CONSENTS_OF_UNKNOWN = """
UPDATE ingest_person SET code = 'contact_not_found'
WHERE profile_id IS NULL AND code IS NULL AND n IN (SELECT n FROM ingest_consent)
"""


def identify(cursor: Any, sheet: Sheet, params: dict[str, Any], unknown: str) -> None:
    """Fill `ingest_person`. New people get their id here, so that later statements need not ask again."""
    meets = sheet.may_meet
    assigns = unknown == "create" and not meets
    rejects = unknown == "reject" and not meets
    cursor.execute(IDENTIFY, {**params, "assigns": assigns, "rejects": rejects})
    if meets:
        cursor.execute(INHERIT, params)
        if unknown == "create":
            cursor.execute(ASSIGN)
        elif unknown == "reject":
            cursor.execute(REJECT)
        cursor.execute(SUPERSEDE)
        cursor.execute(FOLD)
        cursor.execute(COMPARE_AGAIN, params)
    if sheet.has_consents:
        cursor.execute(REFUSE_CONSENTS_OF_UNKNOWN)
