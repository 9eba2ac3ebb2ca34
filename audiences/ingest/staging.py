"""The temporary tables of a call. They belong to the connection, and a call leaves them empty.

`ingest_operation` and `ingest_consent` hold what was said, `ingest_person` who it is about, what is stored of
them and, where something is to be written, what; `ingest_answer` consents by person; the view `ingest_outcome` what
follows for each item; `ingest_changed` the people really changed. Temporary tables are outside row-level security:
a call stages one account's items and every statement that touches stored rows names that account.

Emptying them by ON COMMIT DELETE ROWS cost 6 to 10 ms at every commit, whatever they held: each table, its TOAST table
and that one's index are cut as files. So few rows are deleted, and only many are cut off.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection, transaction

from audiences.ingest.sheet import CONSENT_COLUMNS, OPERATION_COLUMNS, Sheet
from syncapp.database.copy import copy_lines, to_values

TABLES = ("ingest_operation", "ingest_consent", "ingest_person", "ingest_answer", "ingest_changed")

# op: a(dd) r(emove) u(psert); kind: x external_id, m email, h email_sha256, d id. was: m(ember) or r(emoved), in the
# audience where the person is known, else among those who wait; was_at: since when, at least the audience's latest
# replace. field: the property a code is about.
CREATE = """
CREATE TEMP TABLE ingest_operation (
    n int, person int, op "char", kind "char", id bigint, email_sha256 bytea, external_id text, email text,
    clears_email boolean, properties jsonb, at timestamptz
);
CREATE TEMP TABLE ingest_consent (
    n int, objective_key text, state text, occurred_at timestamptz, method text, evidence jsonb
);
CREATE TEMP TABLE ingest_person (
    n int, person bigint, op "char", kind "char", identity text, profile_id bigint, known boolean,
    inherits boolean, carries boolean, differs boolean, superseded boolean, at timestamptz, was "char",
    was_at timestamptz, code text, field text, holder text,
    email text, clears_email boolean, external_id text, properties jsonb
);
CREATE TEMP TABLE ingest_answer (
    profile_id bigint, known boolean, objective_key text, state text, occurred_at timestamptz, method text,
    evidence jsonb
);
CREATE TEMP TABLE ingest_changed (profile_id bigint);
CREATE TEMP VIEW ingest_outcome AS
SELECT n, op, kind, identity, profile_id, known, at, was, code, field, holder,
    email, clears_email, external_id, properties,
    carries AND known AND differs AND code IS NULL AND coalesce(was_at <= at, true) AS updates,
    carries AND NOT known AND profile_id IS NOT NULL AND code IS NULL AND coalesce(was_at <= at, true) AS creates,
    known AND was IS NOT NULL AS stored,
    CASE
        WHEN code IS NOT NULL THEN 'failed'
        WHEN superseded THEN 'superseded'
        WHEN was_at > at THEN 'stale'
        WHEN op = 'u' THEN CASE WHEN NOT known THEN 'created' WHEN differs THEN 'updated' ELSE 'unchanged' END
        WHEN op = 'a' AND profile_id IS NULL THEN 'held'
        WHEN op = 'a' THEN CASE WHEN known AND was = 'm' THEN 'already_member' ELSE 'added' END
        ELSE CASE WHEN was = 'm' THEN 'removed' ELSE 'not_member' END
    END AS outcome
FROM ingest_person;
"""

STATE = """
SELECT to_regclass('pg_temp.ingest_operation') IS NOT NULL,
    (SELECT coalesce(sum(pg_relation_size(to_regclass('pg_temp.' || name))), 0)::bigint
        FROM unnest('{/* tables */}'::text[]) name)
""".replace("/* tables */", ",".join(TABLES))
CUT = f"TRUNCATE {', '.join(TABLES)}"
DELETE = "; ".join(f"DELETE FROM {table}" for table in TABLES)  # noqa: S608
MOST_DELETED = 500  # rows; beyond, cutting costs less
LARGEST_KEPT_BYTES = 1024 * 1024
MOST_INSERTED = 10  # rows


# Of connections whose last call's commit left the tables empty: how many rows more may be deleted before the files are
# looked at again. Of a call that was taken back nobody knows: it may have made the tables.
_emptied: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
LOOK_AFTER = 2_000


def prepare(cursor: Any) -> int:
    """Empty tables, whether this connection has them already or not. How many rows may be deleted from them."""
    left = _emptied.pop(cursor.connection, 0)
    if left > 0:
        return left
    cursor.execute(STATE)
    exist, size_bytes = cursor.fetchone()
    if not exist:
        cursor.execute(CREATE)
    elif size_bytes > LARGEST_KEPT_BYTES:
        cursor.execute(CUT)
    else:
        cursor.execute(DELETE)
    return LOOK_AFTER


def note_empty(cursor: Any, left: int) -> None:
    """The caller has emptied them; `left` rows may be deleted yet."""
    transaction.on_commit(partial(_remember, cursor.connection, left))


def _remember(session: Any, left: int) -> None:
    """Not where a test only plays a commit: what it takes back later takes the tables along."""
    if not connection.in_atomic_block:
        _emptied[session] = left


def empty(staged: int) -> str:
    """Statements that leave nothing behind."""
    return CUT if staged > MOST_DELETED else DELETE


def statements_to_empty(staged: int) -> int:
    return 1 if staged > MOST_DELETED else len(TABLES)


def stage(cursor: Any, sheet: Sheet) -> None:
    """Put the lines of a call into the empty tables."""
    copy_lines(cursor, "ingest_operation", OPERATION_COLUMNS, sheet.lines)
    if sheet.has_consents:
        copy_lines(cursor, "ingest_consent", CONSENT_COLUMNS, sheet.consent_lines)


def is_small(sheet: Sheet) -> bool:
    """Whether `to_stage` does: a COPY is three messages of its own."""
    return 0 < sheet.staged <= MOST_INSERTED and not sheet.has_consents


def to_stage(sheet: Sheet, params: dict[str, Any]) -> str:
    """`stage` as one statement of a script; sets the parameters it needs."""
    rows = [to_values(line) for line in sheet.lines.decode().split("\n")[:-1]]
    values = {f"staged_{n}_{k}": value for n, row in enumerate(rows) for k, value in enumerate(row)}
    params |= values
    places = [f"%({name})s" for name in values]
    width = len(OPERATION_COLUMNS)
    lines = (f"({', '.join(places[at : at + width])})" for at in range(0, len(places), width))
    return f"INSERT INTO ingest_operation ({', '.join(OPERATION_COLUMNS)}) VALUES {', '.join(lines)}"  # noqa: S608
