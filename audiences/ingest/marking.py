"""A property begins or ceases to name people. In the caller's transaction, in the account's scope."""

from __future__ import annotations

from typing import Any

from django.db import connection

from audiences.ingest import locks
from audiences.ingest.identifiers import TEXT_OF
from audiences.models import Property

MOST_COUNTED = 1_000

VALUES = """
    SELECT id, /* value */ AS value
    FROM audiences_profile WHERE account_id = %(account)s AND properties ? %(key)s
""".replace("/* value */", TEXT_OF.format(value="(properties -> %(key)s::text)"))
COUNT_SHARED = """
SELECT count(*) FROM (
    SELECT FROM (/* values */) stored WHERE value IS NOT NULL GROUP BY value HAVING count(*) > 1 LIMIT %(most)s
) shared
""".replace("/* values */", VALUES)
COUNT_TOO_LONG = """
SELECT count(*) FROM (
    SELECT FROM (/* values */) stored WHERE length(value) > 255 LIMIT %(most)s
) too_long
""".replace("/* values */", VALUES)
EMPTY = "DELETE FROM audiences_identifier WHERE account_id = %(account)s AND property_id = %(property)s"
FILL = """
INSERT INTO audiences_identifier (account_id, property_id, profile_id, value)
SELECT %(account)s, %(property)s, id, value FROM (/* values */) stored WHERE value IS NOT NULL
""".replace("/* values */", VALUES)


class CannotName(ValueError):
    """Stored values do not name one person each; the text says how many."""


def check(account_id: int, key: str) -> None:
    """Raise CannotName, or else keep calls out until the transaction ends, so that it stays true."""
    params: dict[str, Any] = {"account": account_id, "key": key, "most": MOST_COUNTED + 1}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({locks.PEOPLE})", params)
        shared = _count(cursor, COUNT_SHARED, params)
        too_long = _count(cursor, COUNT_TOO_LONG, params)
    if shared > 0:
        raise CannotName(f"{in_words(shared, 'value belongs', 'values belong')} to more than one person.")
    if too_long > 0:
        words = in_words(too_long, "person has a value", "people have values")
        raise CannotName(f"{words} of more than 255 characters.")


def follow_mark(marked: Property) -> None:
    """Make the identifiers of a saved property what its mark says: all its values, or none."""
    params: dict[str, Any] = {"account": marked.account_id, "property": marked.pk, "key": marked.key}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({locks.PEOPLE})", params)
        cursor.execute(EMPTY, params)
        if marked.identifier:
            cursor.execute(FILL, params)


def in_words(count: int, one: str, several: str) -> str:
    if count > MOST_COUNTED:
        return f"More than {MOST_COUNTED:,} {several}"
    return f"1 {one}" if count == 1 else f"{count:,} {several}"


def _count(cursor: Any, sql: str, params: dict[str, Any]) -> int:
    cursor.execute(sql, params)
    (count,) = cursor.fetchone()
    return int(count)
