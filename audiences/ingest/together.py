"""Several items of one call about one person: one of them counts, and its data are everybody's."""

from __future__ import annotations

from typing import Any

from syncapp.database.joins import by_hash, by_key

# Whether what an item says changes what is stored.
DIFFERS = """
    {said}.email IS NOT NULL AND {said}.email IS DISTINCT FROM {stored}email
    OR {said}.clears_email AND {stored}email IS NOT NULL
    OR {said}.external_id IS NOT NULL AND {said}.external_id IS DISTINCT FROM {stored}external_id
    OR coalesce(jsonb_strip_nulls({stored}properties || {said}.properties) <> {stored}properties, false)
"""

# Items about one person as the call tells, some of them known: the others are about the same one.
INHERIT = """
UPDATE ingest_person p
SET profile_id = known.profile_id, known = true, inherits = true, differs = true
FROM (
    SELECT person, min(profile_id) AS profile_id FROM ingest_person
    WHERE known GROUP BY person HAVING min(profile_id) = max(profile_id)
) known
WHERE p.person = known.person AND NOT p.known AND p.code IS NULL
"""

READ_INHERITED = """
UPDATE ingest_person p
SET was = g.was, was_at = g.changed_at, code = CASE WHEN clash THEN 'email_taken' END,
    known = NOT clash, profile_id = CASE WHEN clash THEN NULL ELSE p.profile_id END,
    carries = p.carries AND NOT clash, holder = CASE WHEN clash THEN g.stored_external_id END
FROM (
    SELECT x.ctid AS place, t.external_id AS stored_external_id, left(m.state, 1)::"char" AS was,
        greatest(m.changed_at, %(floor)s::timestamptz) AS changed_at,
        x.external_id <> t.external_id IS TRUE AS clash
    FROM ingest_person x
    LEFT JOIN audiences_profile t ON t.account_id = %(account)s AND t.id = x.profile_id
    LEFT JOIN LATERAL (
        SELECT state, changed_at FROM audiences_member
        WHERE account_id = %(account)s AND audience_id = %(audience)s AND profile_id = x.profile_id LIMIT 1
    ) m ON true
    WHERE x.inherits
    OFFSET 0
) g
WHERE p.ctid = g.place
"""

# MATERIALIZED: once per person, however the join is planned.
ASSIGN = """
WITH creating AS MATERIALIZED (
    SELECT person, nextval('audiences_profile_id_seq') AS profile_id
    FROM (
        SELECT DISTINCT person FROM ingest_person WHERE profile_id IS NULL AND code IS NULL AND op <> 'r'
    ) unknown
)
UPDATE ingest_person p
SET profile_id = c.profile_id
FROM creating c
WHERE p.person = c.person AND p.profile_id IS NULL AND p.code IS NULL
"""

REJECT = """
UPDATE ingest_person SET code = 'contact_not_found'
WHERE profile_id IS NULL AND code IS NULL AND op <> 'r'
"""

# An address or external id that two people of one call are to have goes to the first of them.
CLAIM = """
WITH whose AS (
    SELECT ctid AS place, n, coalesce(profile_id, -1 - person) AS whose, email, external_id
    FROM ingest_person WHERE carries AND code IS NULL
), contested AS (
    SELECT place,
        email IS NOT NULL AND whose <> first_value(whose) OVER (PARTITION BY email ORDER BY n) AS email_taken,
        external_id IS NOT NULL AND whose <> first_value(whose) OVER (PARTITION BY external_id ORDER BY n)
            AS external_id_taken
    FROM whose
)
UPDATE ingest_person p
SET code = CASE WHEN email_taken THEN 'email_taken' ELSE 'external_id_taken' END
FROM contested c WHERE p.ctid = c.place AND (email_taken OR external_id_taken)
"""

# Within one call time decides; equal or absent times: the last position.
SUPERSEDE = """
UPDATE ingest_person p
SET superseded = true
FROM (
    SELECT ctid AS place,
        row_number() OVER (PARTITION BY coalesce(profile_id, -1 - person) ORDER BY at DESC, n DESC) AS rank
    FROM ingest_person WHERE code IS NULL
) ranked
WHERE p.ctid = ranked.place AND ranked.rank > 1
"""

# The data of all items about one person end in the last one, as if they had come one by one; stale ones do not.
FOLD = """
WITH data AS (
    SELECT coalesce(profile_id, -1 - person) AS whose, n, email, clears_email, external_id, properties,
        row_number() OVER (PARTITION BY coalesce(profile_id, -1 - person) ORDER BY at DESC, n DESC) AS rank,
        count(*) OVER (PARTITION BY coalesce(profile_id, -1 - person)) AS items
    FROM ingest_person
    WHERE carries AND code IS NULL AND coalesce(was_at <= at, true)
), folded AS (
    SELECT d.whose,
        (array_agg(email ORDER BY rank) FILTER (WHERE email IS NOT NULL OR clears_email))[1] AS email,
        (array_agg(clears_email ORDER BY rank) FILTER (WHERE email IS NOT NULL OR clears_email))[1]
            AS clears_email,
        (array_agg(external_id ORDER BY rank) FILTER (WHERE external_id IS NOT NULL))[1] AS external_id,
        min(p.properties::text)::jsonb AS properties
    FROM data d
    LEFT JOIN (
        SELECT whose, coalesce(jsonb_object_agg(key, value ORDER BY rank DESC), '{}') AS properties
        FROM (
            SELECT e.whose, e.rank, given.key, given.value FROM data e, jsonb_each(e.properties) given
            WHERE e.items > 1
        ) each GROUP BY whose
    ) p ON p.whose = d.whose
    WHERE d.items > 1 GROUP BY d.whose
)
UPDATE ingest_person p
SET carries = d.rank = 1, differs = true, email = f.email, clears_email = coalesce(f.clears_email, false),
    external_id = f.external_id, properties = coalesce(f.properties, '{}')
FROM data d LEFT JOIN folded f ON f.whose = d.whose
WHERE p.n = d.n AND d.items > 1
"""

COMPARE_AGAIN = """
UPDATE ingest_person p
SET differs = c.differs
FROM (
    SELECT x.ctid AS place, (/* differs */) AS differs
    FROM ingest_person x
    LEFT JOIN audiences_profile t ON t.account_id = %(account)s AND t.id = x.profile_id
    WHERE x.known AND x.carries AND x.differs
    OFFSET 0
) c
WHERE p.ctid = c.place
""".replace("/* differs */", DIFFERS.format(said="x", stored="t."))


def bring_together(cursor: Any, params: dict[str, Any], unknown: str) -> None:
    """Fill in `ingest_person` what the items know of each other. Only calls where two can meet need it, and
    `keep_one` once the items that fail are known.
    """
    cursor.execute(by_hash(INHERIT))
    cursor.execute(by_key(READ_INHERITED), params)
    if unknown == "create":
        cursor.execute(by_hash(ASSIGN))
    elif unknown == "reject":
        cursor.execute(REJECT)
    cursor.execute(CLAIM)


def keep_one(cursor: Any, params: dict[str, Any]) -> None:
    """Leave one item for each person, with the data of all of theirs."""
    cursor.execute(SUPERSEDE)
    cursor.execute(by_hash(FOLD))
    cursor.execute(by_key(COMPARE_AGAIN), params)
