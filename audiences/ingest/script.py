"""Several statements in one message to the server: a call about one person is mostly waiting for answers."""

from __future__ import annotations

from typing import Any

from django.db import connection

Rows = list[tuple[Any, ...]]


class Script:
    """Statements in their order, sent at once. Each is one statement, or several with `of` saying how many."""

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._sizes: list[int] = []

    def add(self, sql: str, of: int = 1) -> int:
        """Its position among the answers."""
        self._statements.append(sql)
        self._sizes.append(of)
        return len(self._statements) - 1

    def run(self, cursor: Any, params: dict[str, Any]) -> list[Rows]:
        """The rows of each; none of what gives none. The script is empty then."""
        if not self._statements:
            return []
        # The hook that tells triggers who acts goes through the answers, and leaves the last.
        raw = cursor.cursor
        with connection.wrap_database_errors:
            raw.execute("; ".join(self._statements), params)
            answers = [_rows_of(raw, size, is_first=n == 0) for n, size in enumerate(self._sizes)]
        self._statements, self._sizes = [], []
        return answers


def _rows_of(cursor: Any, size: int, is_first: bool) -> Rows:
    rows: Rows = []
    for number in range(size):
        if not (is_first and number == 0):
            cursor.nextset()
        if cursor.description is not None:
            rows = cursor.fetchall()
    return rows
