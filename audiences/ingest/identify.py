"""Who each item is about, and what is stored of them."""

from __future__ import annotations

from typing import Any

from audiences.ingest import pending
from audiences.ingest.sheet import Sheet
from audiences.ingest.staging import by_hash, by_key
from audiences.suppressions import hmac_sql

# Whether what an item says changes what is stored.
DIFFERS = """
    {said}.email IS NOT NULL AND {said}.email IS DISTINCT FROM {stored}email
    OR {said}.clears_email AND {stored}email IS NOT NULL
    OR {said}.external_id IS NOT NULL AND {said}.external_id IS DISTINCT FROM {stored}external_id
    OR coalesce(jsonb_strip_nulls({stored}properties || {said}.properties) <> {stored}properties, false)
"""

# Each OFFSET 0 keeps what stands in the brackets from being computed again for every mention.
# Join clauses compare plain columns only: under row-level security nothing else may use an index.
# NULLIF skips the second look-up where the person found by external id has the address already.
# An address may attach to an external id only where nobody's external id is replaced by it.
IDENTIFY = """
INSERT INTO ingest_person (
    n, person, op, kind, identity, profile_id, known, inherits, carries, differs, superseded, at, was, was_at,
    code, holder, email, clears_email, external_id, properties
)
SELECT c.n, c.person, c.op, c.kind,
    CASE WHEN c.profile_id IS NULL THEN CASE c.kind WHEN 'x' THEN c.external_id WHEN 'm' THEN c.email END END,
    CASE
        WHEN c.code IS NULL AND c.profile_id IS NULL AND c.op <> 'r' AND %(assigns)s
            THEN nextval('audiences_profile_id_seq')
        WHEN c.code IS NULL THEN c.profile_id
    END,
    c.code IS NULL AND c.profile_id IS NOT NULL,
    false,
    c.code IS NULL AND c.op <> 'r',
    c.differs,
    false,
    c.at, left(member.state, 1)::"char", member.changed_at,
    CASE
        WHEN c.code IS NULL AND c.profile_id IS NULL AND c.op <> 'r' AND %(rejects)s THEN 'contact_not_found'
        ELSE c.code
    END,
    CASE WHEN c.code = 'email_taken' THEN c.m_external_id END,
    CASE WHEN c.writes THEN c.email END, c.clears_email,
    CASE WHEN c.writes THEN c.external_id END, CASE WHEN c.writes THEN c.properties END
FROM (
    SELECT *, op <> 'r' AND code IS NULL AND (differs OR profile_id IS NULL OR %(meets)s) AS writes
    FROM (
        SELECT *, op <> 'r' AND (/* differs */) AS differs
        FROM (
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
            FROM (
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
                LEFT JOIN audiences_profile i ON %(by_id)s AND i.account_id = %(account)s AND i.id = s.id
                OFFSET 0
            ) found
        ) judged OFFSET 0
    ) compared OFFSET 0
) c
LEFT JOIN audiences_member member
    ON member.account_id = %(account)s AND member.audience_id = %(audience)s AND member.profile_id = c.profile_id
""".replace("/* differs */", DIFFERS.format(said="judged", stored="stored_"))

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
    SELECT x.ctid AS place, t.external_id AS stored_external_id, left(m.state, 1)::"char" AS was, m.changed_at,
        x.external_id <> t.external_id IS TRUE AS clash
    FROM ingest_person x
    LEFT JOIN audiences_profile t ON t.account_id = %(account)s AND t.id = x.profile_id
    LEFT JOIN audiences_member m
        ON m.account_id = %(account)s AND m.audience_id = %(audience)s AND m.profile_id = x.profile_id
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

# Addresses of erased people, kept as HMACs.
REFUSE_ERASED = """
UPDATE ingest_person SET code = 'erased'
WHERE op <> 'r' AND code IS NULL AND email IS NOT NULL AND {hmac} IN (
    SELECT address_hmac FROM audiences_suppression WHERE account_id = %(account)s AND reason = 'erasure'
)
"""

# A newer removal that waited for them, or an erasure, keeps new people from being made after all.
DROP_UNMADE = """
UPDATE ingest_person p
SET profile_id = NULL,
    code = CASE WHEN op <> 'r' AND NOT superseded AND coalesce(was_at <= at, true) THEN 'contact_not_found' END
WHERE NOT known AND profile_id IS NOT NULL AND code IS NULL AND profile_id NOT IN (
    SELECT profile_id FROM ingest_outcome WHERE creates
)
"""

REFUSE_CONSENTS_OF_UNKNOWN = """
UPDATE ingest_person SET code = 'contact_not_found'
WHERE profile_id IS NULL AND code IS NULL AND n IN (SELECT n FROM ingest_consent)
"""


def identify(cursor: Any, sheet: Sheet, params: dict[str, Any], unknown: str) -> None:
    """Fill `ingest_person`. New people get their id here, so that later statements need not ask again."""
    meets = sheet.may_meet
    flags = {
        "assigns": unknown == "create" and not meets,
        "rejects": unknown == "reject" and not meets,
        "meets": meets,
        "by_id": "id" in sheet.kinds,
    }
    cursor.execute(by_key(IDENTIFY), {**params, **flags})
    if meets:
        _bring_together(cursor, params, unknown)


def _bring_together(cursor: Any, params: dict[str, Any], unknown: str) -> None:
    """Items about one person: one of them counts, and its data are everybody's."""
    cursor.execute(by_hash(INHERIT))
    cursor.execute(by_key(READ_INHERITED), params)
    if unknown == "create":
        cursor.execute(by_hash(ASSIGN))
    elif unknown == "reject":
        cursor.execute(REJECT)
    cursor.execute(CLAIM)
    cursor.execute(SUPERSEDE)
    cursor.execute(by_hash(FOLD))
    cursor.execute(by_key(COMPARE_AGAIN), params)


def settle(cursor: Any, sheet: Sheet, params: dict[str, Any], has_pending: bool, has_erased: bool) -> None:
    """What else is known of people who are not: that they wait, or were erased. Nothing is said to nobody."""
    if has_erased:
        cursor.execute(REFUSE_ERASED.format(hmac=hmac_sql("email", params)), params)
    if has_pending:
        cursor.execute(by_key(pending.LOOK_UP), params)
    if has_erased or has_pending or sheet.may_meet:
        cursor.execute(by_hash(DROP_UNMADE))
    if sheet.has_consents:
        cursor.execute(REFUSE_CONSENTS_OF_UNKNOWN)
