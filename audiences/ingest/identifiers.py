"""Values that name one person (`Property.identifier`): nobody gets another's, and they follow their properties.

A text names a person as it is, a number as it is written without zeros at its end; an empty text and null name
nobody. Accounts without identifying properties run none of these statements.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from syncapp.database.joins import by_hash, by_key

TEXT_OF = """CASE jsonb_typeof({value})
        WHEN 'string' THEN nullif({value} #>> '{{}}', '')
        WHEN 'number' THEN trim_scale(({value} #>> '{{}}')::numeric)::text
    END"""
OF_PROPERTY = TEXT_OF.format(value="(p.properties -> i.key)")

# Of unknown people only those to be made: of people who wait no contact data are kept.
CLAIMED = """
    SELECT p.ctid AS place, p.n, p.at, p.profile_id, i.id AS property_id, i.key,
        /* value */ AS value
    FROM ingest_person p CROSS JOIN unnest(%(property_ids)s::bigint[], %(property_keys)s::text[]) AS i (id, key)
    WHERE p.carries AND p.code IS NULL AND p.profile_id IS NOT NULL AND coalesce(p.was_at <= p.at, true)
        AND p.properties ? i.key
""".replace("/* value */", OF_PROPERTY)

# Too long is judged here: a long load may have read the properties before this one became an identifier.
REFUSE_HELD = """
UPDATE ingest_person p SET code = refused.code, field = refused.key, holder = refused.external_id
FROM (
    SELECT DISTINCT ON (n) * FROM (
        SELECT c.place, c.n, c.property_id, c.key, o.external_id, CASE
            WHEN length(c.value) > 255 THEN 'invalid_contact'
            WHEN h.profile_id <> c.profile_id THEN 'identifier_taken'
        END AS code
        FROM (/* claimed */ OFFSET 0) c
        LEFT JOIN LATERAL (
            SELECT profile_id FROM audiences_identifier
            WHERE account_id = %(account)s AND property_id = c.property_id AND value = c.value OFFSET 0
        ) h ON true
        LEFT JOIN audiences_profile o ON o.account_id = %(account)s AND o.id = h.profile_id
        OFFSET 0
    ) judged WHERE code IS NOT NULL ORDER BY n, property_id
) refused
WHERE p.ctid = refused.place
""".replace("/* claimed */", CLAIMED)

CONTESTED = """
SELECT n, profile_id, property_id, key, value FROM (
    SELECT *, min(profile_id) OVER same <> max(profile_id) OVER same AS contested
    FROM (/* claimed */) claimed WHERE value IS NOT NULL WINDOW same AS (PARTITION BY property_id, value)
) each WHERE contested ORDER BY at, n, property_id
""".replace("/* claimed */", CLAIMED)

REFUSE_LATER = """
UPDATE ingest_person p SET code = 'identifier_taken', field = later.key
FROM unnest(%(items)s::int[], %(keys)s::text[]) AS later (n, key) WHERE p.n = later.n
"""

# Values in one order everywhere, so that two calls meet in the same order.
FOLLOW = """
WITH compared AS MATERIALIZED (
    SELECT w.*, h.id AS stored_id, h.value AS stored
    FROM (
        SELECT p.id AS profile_id, i.id AS property_id, /* value */ AS value
        FROM (SELECT DISTINCT profile_id FROM ingest_changed) c
        LEFT JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = c.profile_id
        CROSS JOIN unnest(%(property_ids)s::bigint[], %(property_keys)s::text[]) AS i (id, key)
        OFFSET 0
    ) w
    LEFT JOIN LATERAL (
        SELECT id, value FROM audiences_identifier
        WHERE account_id = %(account)s AND profile_id = w.profile_id AND property_id = w.property_id OFFSET 0
    ) h ON true
    OFFSET 0
), gone AS (
    DELETE FROM audiences_identifier WHERE account_id = %(account)s AND id = ANY (
        ARRAY(SELECT stored_id FROM compared WHERE stored IS DISTINCT FROM value AND value IS NULL)
    )
)
INSERT INTO audiences_identifier AS t (account_id, property_id, profile_id, value)
SELECT %(account)s, property_id, profile_id, value
FROM compared WHERE value IS NOT NULL AND stored IS DISTINCT FROM value
ORDER BY property_id, value COLLATE "C"
ON CONFLICT (account_id, profile_id, property_id) DO UPDATE SET value = excluded.value
""".replace("/* value */", OF_PROPERTY)


def refuse_taken(cursor: Any, params: dict[str, Any]) -> None:
    """Fail the items that claim another person's value: a stored one, or one that an earlier item claims."""
    cursor.execute(by_key(REFUSE_HELD), params)
    cursor.execute(CONTESTED, params)
    later = _later_of(cursor.fetchall())
    if later:
        cursor.execute(by_hash(REFUSE_LATER), {"items": list(later), "keys": list(later.values())})


def _later_of(contested: Iterable[tuple[int, int, int, str, str]]) -> dict[int, str]:
    """{item: property key} of those that come too late. An item that fails claims nothing."""
    owners: dict[tuple[int, str], int] = {}
    later: dict[int, str] = {}
    for n, group in groupby(contested, key=lambda row: row[0]):
        claims = list(group)
        lost = [
            key
            for _, person, property_id, key, value in claims
            if owners.get((property_id, value), person) != person
        ]
        if lost:
            later[n] = lost[0]
        else:
            owners.update({(property_id, value): person for _, person, property_id, _, value in claims})
    return later


def follow(cursor: Any, params: dict[str, Any]) -> None:
    """Let the values of the people in `ingest_changed` be those of their properties."""
    cursor.execute(by_key(FOLLOW), params)
