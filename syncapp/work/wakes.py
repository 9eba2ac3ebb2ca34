"""Ask for work to be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import connection, transaction

from syncapp.accounts import scope
from syncapp.work import tokens

# While a handler runs, the first wake sets when to look again; before that `due_at` means the run itself.
# The sub-select reads the row as it was before this statement: what was due already has its token.
WAKE = """
INSERT INTO work_wakeup AS row (account_id, kind, key, due_at, priority)
SELECT %(account_id)s, %(kind)s, key, clock_timestamp() + make_interval(secs => %(delay_s)s), %(priority)s
FROM unnest(%(keys)s::text[]) key
ON CONFLICT (account_id, kind, key) DO UPDATE SET
    version = row.version + 1,
    priority = row.priority OR EXCLUDED.priority,
    due_at = greatest(row.retry_at, CASE
        WHEN row.state = 'running' AND row.version = row.seen_version THEN EXCLUDED.due_at
        ELSE least(row.due_at, EXCLUDED.due_at)
    END)
RETURNING id, state = 'waiting' AND due_at <= clock_timestamp() AND NOT coalesce((
    SELECT old.state = 'waiting' AND old.due_at <= clock_timestamp()
    FROM work_wakeup old WHERE old.id = row.id
), false)
"""


def wake(kind: str, key: str, *, account_id: int, delay_s: float = 0, priority: bool = False) -> None:
    """Have the handler of `kind` look at `key`, `delay_s` seconds from now at the earliest.

    Part of the caller's transaction: a rollback wakes nothing. Wakes of the same key melt into one; a wake
    while the handler runs calls it once more afterwards. The row stays locked until the transaction ends, so
    wake late in a long one.
    """
    wake_all(kind, [key], account_id=account_id, delay_s=delay_s, priority=priority)


def wake_all(
    kind: str, keys: Iterable[str], *, account_id: int, delay_s: float = 0, priority: bool = False
) -> None:
    """`wake` for many keys in one statement, always in the same order, so that two callers never deadlock."""
    params: dict[str, Any] = {
        "account_id": account_id,
        "kind": kind,
        "keys": sorted(set(keys)),
        "delay_s": float(delay_s),
        "priority": priority,
    }
    with scope_for(account_id), transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute(WAKE, params)
            without_token = [wakeup_id for wakeup_id, needs_token in cursor.fetchall() if needs_token]
        for wakeup_id in without_token[: tokens.MOST]:
            tokens.send(wakeup_id)


def scope_for(account_id: int) -> AbstractContextManager[object]:
    """The caller's scope, whose walls hold here too; the account's own where there is none."""
    return nullcontext() if scope.current() is not None else scope.account(account_id)


RELEASE = """
UPDATE work_wakeup SET
    state = 'waiting', attempts = 0, crashes = 0, due_at = clock_timestamp(), retry_at = NULL
WHERE id = %(id)s AND state <> 'running'
"""


def release(wakeup_id: int) -> bool:
    """Try again now, whatever went wrong: lifts the quarantine, or ends the wait after a failure.

    The scope decides whose wake-ups can be released. False when there is none, or it runs right now.
    """
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(RELEASE, {"id": wakeup_id})
        if cursor.rowcount:
            tokens.send(wakeup_id)
        return bool(cursor.rowcount)
