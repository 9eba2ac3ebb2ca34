"""What time takes away: traces of removals and people who waited too long. Run daily, or oftener."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audiences.changes import record_change
from audiences.history import KEPT_DAYS
from audiences.ingest import history, locks, pending, staging
from syncapp.database import joins

FORGET_REMOVALS = """
DELETE FROM audiences_member
WHERE account_id = %(account)s AND state = 'removed' AND changed_at < %(traces_from)s
"""

FORGET_WAITING = """
WITH gone AS (
    DELETE FROM audiences_pending WHERE account_id = %(account)s AND expires_at <= %(now)s
    RETURNING audience_id, state
), steps AS (
    SELECT audience_id, count(*) FILTER (WHERE state = 'member') AS held FROM gone GROUP BY audience_id
), counted AS (
    UPDATE audiences_audience a
    SET held_count = a.held_count - s.held, version = a.version + 1, updated_at = %(now)s
    FROM steps s WHERE a.account_id = %(account)s AND a.id = s.audience_id AND s.held > 0
)
SELECT count(*) FROM gone
"""

EXPIRED = """
SELECT DISTINCT audience_id FROM audiences_pending WHERE account_id = %(account)s AND expires_at <= %(now)s
"""

# A person made in the very moment somebody else began to wait for them: neither call saw the other.
MISSED = """
INSERT INTO ingest_changed
SELECT found.id FROM (
    SELECT p.id FROM audiences_pending q
    LEFT JOIN audiences_profile p ON p.account_id = %(account)s AND {found}
    WHERE q.account_id = %(account)s AND q.kind = '{kind}'
    OFFSET 0
) found WHERE found.id IS NOT NULL
"""
FOUND = {
    "external_id": "p.external_id = q.value",
    "email": "p.email = q.value",
    "email_sha256": "p.email_sha256 = decode(q.value, 'hex')",
}

HISTORY_KEPT = timedelta(days=KEPT_DAYS)
FORGET_HISTORY = """
DELETE FROM audiences_membershipchange WHERE account_id = %(account)s AND at < %(history_from)s
"""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many traces and waiting operations ended, and the people for whom something still waited."""

    traces: int
    waiting: int
    appeared: tuple[int, ...]


@transaction.atomic
def sweep(account_id: int, now: datetime | None = None) -> Swept:
    """Forget what is older than 30 days; let people in who were missed. Runs in the account's scope."""
    moment = now or timezone.now()
    params: dict[str, Any] = {
        "account": account_id,
        "now": moment,
        "day": history.day_of(moment),
        "traces_from": moment - pending.KEPT,
        "history_from": moment - HISTORY_KEPT,
    }
    with connection.cursor() as cursor:
        cursor.execute(FORGET_REMOVALS, params)
        traces = cursor.rowcount
        cursor.execute(FORGET_HISTORY, params)
        cursor.execute(EXPIRED, params)
        locks.lock_audiences(cursor, (audience_id for (audience_id,) in cursor.fetchall()))
        cursor.execute(FORGET_WAITING, params)
        waiting = cursor.fetchone()[0]
        staging.prepare(cursor)
        appeared = _let_in(cursor, params)
    record_change(account_id=account_id, profile_ids=appeared, now=moment)
    return Swept(traces, waiting, appeared)


def _let_in(cursor: Any, params: dict[str, Any]) -> tuple[int, ...]:
    for kind, found in FOUND.items():
        cursor.execute(joins.by_key(MISSED.format(kind=kind, found=found)), params)
    cursor.execute("SELECT DISTINCT profile_id FROM ingest_changed ORDER BY 1")
    people = tuple(row[0] for row in cursor.fetchall())
    if people:
        pending.apply_appeared(cursor, params)
    return people
