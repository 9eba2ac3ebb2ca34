"""How a statement's joins are planned, where the planner cannot know.

It knows nothing of staged rows, and of stored ones only after an ANALYZE: a table that was just filled looks empty to
it, and is gone through once per person. So plans are not left to guesses.

- Stored rows are looked up by key from an outer join, which fixes who comes first; where a shorter key may look as
  good, from a LATERAL query with LIMIT or OFFSET, which uses all of it.
- Staged rows meet each other by hash, and themselves by ctid. Stored rows are never changed by ctid: who waits for
  another's change of the row finds the row elsewhere after it, and would change nothing, without a word.
- INSERT … ON CONFLICT has nothing to plan.
"""

from __future__ import annotations

from typing import Any

BY_KEY = ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material")
BY_HASH = ("nestloop",)
STATEMENTS_BY_KEY = 2 * len(BY_KEY) + 1


def by_key(sql: str) -> str:
    """The statement, its joins planned as index look-ups."""
    return _without(BY_KEY, sql)


def fetch_by_key(cursor: Any, sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a query, its joins planned as index look-ups."""
    return _fetch_without(BY_KEY, cursor, sql, params)


def fetch_by_hash(cursor: Any, sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a query, its joins planned as hash (or merge) joins."""
    return _fetch_without(BY_HASH, cursor, sql, params)


def _fetch_without(
    ways: tuple[str, ...], cursor: Any, sql: str, params: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """The query stands last: where an admin's request names who acts, its results have been gone through already."""
    off, back = _switches(ways)
    cursor.execute(f"{off}{sql}", params)
    while cursor.nextset():
        pass
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    cursor.execute(back)
    return rows


def by_hash(sql: str) -> str:
    """The statement, its joins planned as hash (or merge) joins."""
    return _without(BY_HASH, sql)


def _without(ways: tuple[str, ...], sql: str) -> str:
    off, back = _switches(ways)
    return f"{off}{sql}; {back}"


def _switches(ways: tuple[str, ...]) -> tuple[str, str]:
    off = "".join(f"SET LOCAL enable_{way} = off; " for way in ways)
    back = "; ".join(f"SET LOCAL enable_{way} = DEFAULT" for way in ways)
    return off, back
