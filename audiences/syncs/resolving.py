"""Who the staged items are about, and what carrying them out would come to. Nothing is written but temporary tables.

One pass over the items, whatever their number: `sync_change` holds the people to be written, `sync_unknown` the
items about people nobody knows. What needs no writing is only counted. Temporary tables are outside row-level
security; every statement that reads stored rows names the account.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from audiences.models import SyncSession
from audiences.suppressions import hmac_sql
from audiences.syncs.guards import Figures
from syncapp.database.joins import BY_HASH, BY_KEY

FEW = 100_000  # items; more are joined by hash, for looking each up takes longer than reading everybody

CREATE = """
CREATE TEMP TABLE IF NOT EXISTS sync_change (profile_id bigint, verdict text, at timestamptz, stored boolean);
CREATE TEMP TABLE IF NOT EXISTS sync_unknown (
    chunk int, place int, op text, kind text, value text, at timestamptz, bad boolean, waits boolean, verdict text
);
TRUNCATE sync_change, sync_unknown
"""
DROP = "DROP TABLE IF EXISTS sync_change, sync_unknown"

LOOK_AROUND = """
SELECT
    (SELECT count(*) FROM audiences_member
        WHERE account_id = %(account)s AND audience_id = %(audience)s AND state = 'member'),
    EXISTS (SELECT FROM audiences_pending WHERE account_id = %(account)s AND audience_id = %(audience)s),
    EXISTS (SELECT FROM audiences_suppression WHERE account_id = %(account)s AND reason = 'erasure')
        OR EXISTS (SELECT FROM audiences_erasure WHERE account_id = %(account)s)
"""
KINDS = """
SELECT kind, count(*), count(*) FILTER (WHERE code <> ''), count(*) FILTER (WHERE contact IS NOT NULL AND code = '')
FROM audiences_stageditem WHERE account_id = %(account)s AND session_id = %(session)s GROUP BY kind
"""

# A join per kind of name that occurs, so that people are read once in the usual session with one kind.
JOINS = {
    "external_id": "LEFT JOIN audiences_profile x ON x.account_id = %(account)s AND x.external_id = {external_id}",
    "email": "LEFT JOIN audiences_profile m ON m.account_id = %(account)s AND m.email = {email}",
    "email_sha256": "LEFT JOIN audiences_profile h ON h.account_id = %(account)s AND h.email_sha256 = {email_sha256}",
    "id": "LEFT JOIN audiences_profile d ON d.account_id = %(account)s AND d.id = {id} AND d.forgotten_at IS NULL",
}
ALIASES = {"external_id": "x", "email": "m", "email_sha256": "h", "id": "d"}
NAMES = """
SELECT s.*, CASE WHEN kind = 'external_id' THEN value END AS external_id,
    CASE WHEN kind = 'email' THEN value END AS email,
    CASE WHEN kind = 'email_sha256' THEN decode(value, 'hex') END AS email_sha256,
    CASE WHEN kind = 'id' AND value <> '' THEN value::bigint END AS id
FROM audiences_stageditem s WHERE account_id = %(account)s AND session_id = %(session)s
"""
FOUND = """
    SELECT s.chunk, s.position AS place, s.op, s.kind, s.value, coalesce(s.occurred_at, %(snapshot)s) AS at,
        s.code <> '' AS bad, {profile_id} AS profile_id
    FROM ({names} OFFSET 0) s {joins}
"""
# Read again only where some item named nobody: most sessions are about known people, and nothing is kept of them.
UNKNOWN = """
INSERT INTO sync_unknown
SELECT chunk, place, op, kind, value, at, bad, false, NULL FROM ({found}) found
WHERE profile_id IS NULL AND value <> ''
"""

# A replace: who is named by items that fail only stays as they are, for nothing reliable was said of them.
REPLACE = """
WITH persons AS (
    SELECT profile_id, count(*) FILTER (WHERE NOT bad) AS items, count(*) AS mentions FROM ({found}) found
    WHERE profile_id IS NOT NULL GROUP BY profile_id
), diff AS MATERIALIZED (
    SELECT coalesce(p.profile_id, m.profile_id) AS profile_id, p.items, p.mentions, m.profile_id IS NOT NULL AS stored,
        %(snapshot)s::timestamptz AS at, CASE
        WHEN p.items > 0 THEN CASE
            WHEN greatest(m.changed_at, %(floor)s::timestamptz) > %(snapshot)s THEN 'stale'
            WHEN m.state = 'member' THEN 'already_member'
            ELSE 'added'
        END
        WHEN p.items = 0 THEN 'kept'
        WHEN m.state <> 'member' THEN 'gone'
        WHEN m.changed_at > %(snapshot)s THEN 'newer'
        ELSE 'removed'
    END AS verdict
    FROM persons p
    FULL JOIN (
        SELECT profile_id, state, changed_at FROM audiences_member
        WHERE account_id = %(account)s AND audience_id = %(audience)s
    ) m ON m.profile_id = p.profile_id
)"""
# A delta: time decides between items about one person, then the place; who nobody names stays.
DELTA = """
WITH persons AS (
    SELECT DISTINCT ON (profile_id) profile_id, op, at, count(*) OVER (PARTITION BY profile_id) AS items
    FROM ({found}) found WHERE profile_id IS NOT NULL AND NOT bad
    ORDER BY profile_id, at DESC, chunk DESC, place DESC
), diff AS MATERIALIZED (
    SELECT p.profile_id, p.items, p.items AS mentions, m.profile_id IS NOT NULL AS stored, p.at, CASE
        WHEN greatest(m.changed_at, %(floor)s::timestamptz) > p.at THEN 'stale'
        WHEN p.op = 'add' THEN CASE WHEN m.state = 'member' THEN 'already_member' ELSE 'added' END
        ELSE CASE WHEN m.state = 'member' THEN 'removed' ELSE 'not_member' END
    END AS verdict
    FROM persons p LEFT JOIN audiences_member m
        ON m.account_id = %(account)s AND m.audience_id = %(audience)s AND m.profile_id = p.profile_id
)"""
COUNTED = """, changed AS (
    INSERT INTO sync_change SELECT profile_id, verdict, at, stored FROM diff WHERE verdict = ANY(%(written)s)
)
SELECT verdict, count(*), coalesce(sum(items), 0), coalesce(sum(mentions), 0) FROM diff GROUP BY verdict
"""
# What is written: a replace leaves the time of whoever stays to the audience's floor.
WRITTEN = {
    SyncSession.Mode.REPLACE.value: ["added", "removed"],
    SyncSession.Mode.DELTA.value: ["added", "removed", "already_member", "not_member"],
}

SETTLE = """
UPDATE sync_unknown u SET waits = g.waits, verdict = g.verdict
FROM (
    SELECT x.ctid AS place, coalesce(q.state = 'member', false) AS waits, CASE
        WHEN x.bad THEN 'bad'
        WHEN x.op = 'add' AND {erased} THEN 'erased'
        WHEN x.op = 'add' AND (NOT %(holds)s OR x.kind = 'id')
            THEN CASE
                WHEN %(creates)s AND x.kind IN ('external_id', 'email') THEN 'created' ELSE 'contact_not_found'
            END
        WHEN x.rank > 1 THEN 'superseded'
        WHEN greatest(q.changed_at, %(floor)s::timestamptz) > x.at THEN 'stale'
        WHEN x.op = 'add' THEN 'held'
        WHEN q.state = 'member' THEN 'removed'
        ELSE 'not_member'
    END AS verdict
    FROM (
        SELECT ctid, *, row_number() OVER (
            PARTITION BY kind, value, bad ORDER BY at DESC, chunk DESC, place DESC
        ) AS rank FROM sync_unknown
    ) x
    LEFT JOIN audiences_pending q ON q.account_id = %(account)s AND q.audience_id = %(audience)s
        AND q.kind = x.kind AND q.value = x.value
) g
WHERE u.ctid = g.place
"""
ERASED = """CASE x.kind
    WHEN 'email' THEN {hmac} IN (
        SELECT address_hmac FROM audiences_suppression WHERE account_id = %(account)s AND reason = 'erasure')
    ELSE {hmac} IN (
        SELECT value_hmac FROM audiences_erasure WHERE account_id = %(account)s AND kind = 'external_id'
        UNION ALL
        SELECT value_hmac FROM audiences_erasure
        WHERE account_id = %(account)s AND kind = 'email_sha256' AND x.kind = 'email_sha256')
END"""
COUNT_UNKNOWN = """
SELECT verdict, count(*), count(DISTINCT (kind, value)) FROM sync_unknown GROUP BY verdict
"""


@dataclass(slots=True)
class Resolved:
    """`people`: {verdict: people}, `items`: {verdict: items about them}, `unknown`: {verdict: items}.

    `bad` items failed when they came; `with_data` bring contact data; `creatable` people are unknown as yet.
    """

    received: int
    bad: int
    with_data: int
    members: int
    has_pending: bool
    people: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    creatable: int = 0

    @property
    def failed(self) -> int:
        return self.bad + sum(self.unknown.get(code, 0) for code in ("contact_not_found", "erased"))

    @property
    def superseded(self) -> int:
        named = sum(
            self.items[verdict] - self.people[verdict] for verdict in self.items if self.items[verdict] > 0
        )
        return named + self.unknown.get("superseded", 0)

    @property
    def figures(self) -> Figures:
        """People who are to be made count as if they were."""
        stay = sum(self.people.get(verdict, 0) for verdict in ("added", "already_member", "stale"))
        return Figures(
            received=self.received,
            wanted=stay + self.creatable + self.unknown.get("held", 0),
            members=self.members,
            would_add=self.people.get("added", 0) + self.creatable,
            would_remove=self.people.get("removed", 0),
            failed=self.failed,
        )


def resolve(cursor: Any, session: SyncSession, params: dict[str, Any]) -> Resolved:
    """Fill the temporary tables. The caller holds the transaction and the audience."""
    cursor.execute(f"SET LOCAL work_mem = '{settings.PLAN_MEMORY_MB}MB'; SET LOCAL jit = off")
    cursor.execute(CREATE)
    cursor.execute(LOOK_AROUND, params)
    members, has_pending, has_erased = cursor.fetchone()
    cursor.execute(KINDS, params)
    kinds = cursor.fetchall()
    found = Resolved(
        received=sum(row[1] for row in kinds),
        bad=sum(row[2] for row in kinds),
        with_data=sum(row[3] for row in kinds),
        members=members,
        has_pending=has_pending,
    )
    with planned(cursor, found.received):
        find_people(cursor, session, params, [row[0] for row in kinds], found)
        settle_unknown(cursor, params, has_erased, found)
    return found


def find_people(
    cursor: Any, session: SyncSession, params: dict[str, Any], kinds: list[str], found: Resolved
) -> None:
    only = kinds[0] if len(kinds) == 1 else None
    names = {kind: f"s.{kind}" for kind in JOINS}
    joins = " ".join(JOINS[kind].format(**names) for kind in kinds)
    ids = ", ".join(f"{ALIASES[kind]}.id" for kind in kinds) or "NULL::bigint"
    plain = (
        "SELECT *, value AS external_id, value AS email FROM audiences_stageditem "
        "WHERE account_id = %(account)s AND session_id = %(session)s"
    )
    query = FOUND.format(
        profile_id=f"coalesce({ids})",
        names=plain if only in ("external_id", "email") else NAMES,
        joins=joins,
    )
    body = REPLACE if session.mode == SyncSession.Mode.REPLACE else DELTA
    cursor.execute(body.format(found=query) + COUNTED, {**params, "written": WRITTEN[session.mode]})
    named = 0
    for verdict, people, items, mentions in cursor.fetchall():
        found.people[verdict], found.items[verdict] = people, int(items)
        named += int(mentions)
    if named < found.received:
        cursor.execute(UNKNOWN.format(found=query), params)


def settle_unknown(cursor: Any, params: dict[str, Any], has_erased: bool, found: Resolved) -> None:
    values = dict(params)
    erased = ERASED.format(hmac=hmac_sql("x.value", values)) if has_erased else "false"
    cursor.execute(SETTLE.format(erased=erased), values)
    cursor.execute(COUNT_UNKNOWN)
    for verdict, items, people in cursor.fetchall():
        found.unknown[verdict] = items
        if verdict == "created":
            found.creatable = people


class planned:
    """Inside the block, joins are planned as index look-ups for few items, and by hash for many.

    The planner cannot know: a table that was just filled has no statistics.
    """

    def __init__(self, cursor: Any, items: int) -> None:
        self._cursor = cursor
        self._off = BY_KEY if items <= FEW else BY_HASH

    def __enter__(self) -> None:
        self._cursor.execute("; ".join(f"SET LOCAL enable_{way} = off" for way in self._off))

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._cursor.execute("; ".join(f"SET LOCAL enable_{way} TO DEFAULT" for way in self._off))
