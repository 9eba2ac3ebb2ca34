"""Who each item is about, and what is stored of them."""

from __future__ import annotations

from typing import Any

from audiences.ingest import identifiers, pending, together
from audiences.ingest.sheet import Sheet
from audiences.ingest.together import DIFFERS
from audiences.suppressions import hmac_sql
from syncapp.database.joins import STATEMENTS_BY_KEY, by_hash, by_key

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
    CASE WHEN c.profile_id IS NULL THEN CASE c.kind
        WHEN 'x' THEN c.external_id WHEN 'm' THEN c.email WHEN 'h' THEN encode(c.email_sha256, 'hex')
    END END,
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
    c.at, left(member.state, 1)::"char", greatest(member.changed_at, %(floor)s::timestamptz),
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
                    WHEN 'h' THEN CASE
                        WHEN i_id IS NULL AND e_id IS NOT NULL THEN 'ambiguous_identifier'
                        WHEN i_id IS NULL AND op <> 'r' AND NOT %(holds)s THEN 'contact_not_found'
                        WHEN e_id <> i_id THEN 'external_id_taken'
                    END
                    ELSE CASE
                        WHEN i_id IS NULL AND op <> 'r' THEN 'contact_not_found'
                        WHEN e_id <> i_id THEN 'external_id_taken'
                        WHEN m_id <> i_id THEN 'email_taken'
                    END
                END AS code
            FROM (
                SELECT s.n, s.person, s.op, s.kind, coalesce(s.at, %(now)s) AS at, s.email_sha256,
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
                /* addressed */ /* named */
                OFFSET 0
            ) found
        ) judged OFFSET 0
    ) compared OFFSET 0
) c
LEFT JOIN LATERAL (
    SELECT state, changed_at FROM audiences_member
    WHERE account_id = %(account)s AND audience_id = %(audience)s AND profile_id = c.profile_id LIMIT 1
) member ON true
"""

# What a call does not say is not looked up: of one operation, planning costs more than doing.
NOBODY = """
    CROSS JOIN (
        SELECT NULL::bigint AS id, NULL::text AS email, NULL::text AS external_id, NULL::jsonb AS properties
    ) {alias}
"""
ADDRESSED = {
    True: "LEFT JOIN audiences_profile m ON m.account_id = %(account)s AND m.email = NULLIF(s.email, e.email)",
    False: NOBODY.format(alias="m"),
}
DIFFERENT = {True: DIFFERS.format(said="judged", stored="stored_"), False: "false"}
PROFILE = "audiences_profile {alias} ON {alias}.account_id = %(account)s AND {alias}."
BY_ID = PROFILE + "id = s.id AND {alias}.forgotten_at IS NULL"
BY_SHA256 = PROFILE + "email_sha256 = s.email_sha256"
NAMED = {
    (): NOBODY.format(alias="i"),
    ("id",): f"LEFT JOIN {BY_ID.format(alias='i')}",
    ("email_sha256",): f"LEFT JOIN {BY_SHA256.format(alias='i')}",
    ("email_sha256", "id"): f"""
        LEFT JOIN {BY_ID.format(alias="d")} LEFT JOIN {BY_SHA256.format(alias="h")}
        CROSS JOIN LATERAL (
            SELECT coalesce(d.id, h.id) AS id, coalesce(d.email, h.email) AS email,
                coalesce(d.external_id, h.external_id) AS external_id,
                coalesce(d.properties, h.properties) AS properties
        ) i
    """,
}

# Names of erased people, kept as HMACs.
REFUSE_ERASED = """
UPDATE ingest_person SET code = 'erased'
WHERE op <> 'r' AND coalesce(code, 'contact_not_found') = 'contact_not_found' AND (
    email IS NOT NULL AND {email_hmac} IN (
        SELECT address_hmac FROM audiences_suppression WHERE account_id = %(account)s AND reason = 'erasure'
    )
    OR external_id IS NOT NULL AND {external_id_hmac} IN (
        SELECT value_hmac FROM audiences_erasure WHERE account_id = %(account)s AND kind = 'external_id'
    )
    OR kind = 'h' AND {identity_hmac} IN (
        SELECT value_hmac FROM audiences_erasure WHERE account_id = %(account)s AND kind = 'email_sha256'
    )
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


def to_identify(sheet: Sheet, params: dict[str, Any], unknown: str) -> tuple[str, int]:
    """SQL that fills `ingest_person`, and of how many statements; sets the parameters it needs.

    New people get their id here, so that later statements need not ask again.
    """
    meets = sheet.may_meet
    params["assigns"] = unknown == "create" and not meets
    params["rejects"] = unknown == "reject" and not meets
    params["meets"] = meets
    params["holds"] = unknown == "hold"
    named = NAMED[tuple(kind for kind in ("email_sha256", "id") if kind in sheet.kinds)]
    sql = IDENTIFY.replace("/* named */", named)
    sql = sql.replace("/* addressed */", ADDRESSED[sheet.has_addresses])
    return by_key(sql.replace("/* differs */", DIFFERENT[sheet.has_contacts])), STATEMENTS_BY_KEY


def needs_more(sheet: Sheet, params: dict[str, Any], has_pending: bool, has_erased: bool) -> bool:
    """Whether anything but the items themselves and what is stored of their people has a say."""
    return (
        sheet.may_meet
        or sheet.has_consents
        or has_pending
        or has_erased
        or len(params["property_ids"]) > 0
        or params["floor"] is not None
    )


def bring_together(cursor: Any, sheet: Sheet, params: dict[str, Any], unknown: str) -> None:
    """What the items of the call say of each other."""
    if sheet.may_meet:
        together.bring_together(cursor, params, unknown)
    if params["property_ids"]:
        identifiers.refuse_taken(cursor, params)
    if sheet.may_meet:
        together.keep_one(cursor, params)


def settle(cursor: Any, sheet: Sheet, params: dict[str, Any], has_pending: bool, has_erased: bool) -> None:
    """What else is known of people who are not: that they wait, or were erased. Nothing is said to nobody."""
    if has_erased:
        hmacs = {f"{name}_hmac": hmac_sql(name, params) for name in ("email", "external_id", "identity")}
        cursor.execute(REFUSE_ERASED.format(**hmacs), params)
    if has_pending:
        cursor.execute(by_key(pending.LOOK_UP), params)
    if has_erased or has_pending or sheet.may_meet or params["floor"] is not None:
        cursor.execute(by_hash(DROP_UNMADE))
    if sheet.has_consents:
        cursor.execute(REFUSE_CONSENTS_OF_UNKNOWN)
