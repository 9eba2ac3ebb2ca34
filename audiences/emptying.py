"""Take everybody out of an audience at once, as if each had been removed at this moment.

Members leave their traces, history, change feed and sizes follow, and those who were held go, too. The audience's
floor moves to now: an operation that happened before and comes later is stale, also for people who had no row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audiences import happenings
from audiences.changes import tell_changed
from audiences.ingest import locks
from audiences.models import Audience

PEOPLE_PER_ROW = 10_000  # of the change feed and of the history
Check = Callable[[Audience], None]

REMOVE = """
WITH gone AS (
    UPDATE audiences_member
    SET state = 'removed', changed_at = greatest(changed_at, %(now)s), source = %(source)s
    WHERE account_id = %(account)s AND audience_id = %(audience)s AND state = 'member'
    RETURNING profile_id
), parts AS (
    SELECT array_agg(profile_id ORDER BY profile_id) AS ids
    FROM (SELECT profile_id, (row_number() OVER (ORDER BY profile_id) - 1) / %(per_row)s AS part FROM gone) numbered
    GROUP BY part
), fed AS (
    INSERT INTO audiences_change (account_id, profile_ids, origin, created_at)
    SELECT %(account)s, ids, '', %(now)s FROM parts
), noted AS (
    INSERT INTO audiences_membershipchange (account_id, audience_id, at, source, added, removed, lowest, highest)
    SELECT %(account)s, %(audience)s, %(now)s, %(source)s, '{}', ids, ids[1], ids[cardinality(ids)] FROM parts
)
SELECT coalesce(sum(cardinality(ids)), 0) FROM parts
"""

DROP_HELD = """
WITH gone AS (
    DELETE FROM audiences_pending
    WHERE account_id = %(account)s AND audience_id = %(audience)s AND (state = 'member' OR changed_at <= %(now)s)
    RETURNING state
)
SELECT count(*) FILTER (WHERE state = 'member') FROM gone
"""

COUNT = """
UPDATE audiences_audience
SET member_count = 0, held_count = 0,
    version = version + %(seen)s,
    updated_at = CASE WHEN %(seen)s = 1 THEN %(now)s ELSE updated_at END,
    last_member_removed_at = CASE WHEN %(removed)s > 0 THEN %(now)s ELSE last_member_removed_at END,
    replaced_at = greatest(replaced_at, %(now)s)
WHERE account_id = %(account)s AND id = %(audience)s
RETURNING version
"""

NOTE_SIZE = """
INSERT INTO audiences_audiencesize (account_id, audience_id, day, members)
VALUES (%(account)s, %(audience)s, (%(now)s AT TIME ZONE 'UTC')::date, 0)
ON CONFLICT (account_id, audience_id, day) DO UPDATE SET members = 0
"""


@dataclass(frozen=True, slots=True)
class Emptied:
    removed: int
    held_removed: int
    version: int


def empty(audience: Audience, *, source: str, check: Check, now: datetime | None = None) -> Emptied:
    """In one transaction and in the account's scope. `source` as in `Member.source`.

    `check` gets the audience as it is once nobody else can change its members, and raises to refuse. Raises
    Audience.DoesNotExist where it was deleted meanwhile.
    """
    params: dict[str, Any] = {
        "account": audience.account_id,
        "audience": audience.pk,
        "source": source[:100],
        "per_row": PEOPLE_PER_ROW,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock_shared({locks.PEOPLE})", params)
        locks.lock_audiences(cursor, [audience.pk])
        held = Audience.objects.of(audience.account_id).select_for_update()
        current = held.get(pk=audience.pk, deleted_at=None)
        check(current)
        params["now"] = now or timezone.now()  # after the wait: later than all that was done meanwhile
        emptied = _carry_out(cursor, params)
        if emptied.removed:
            tell_changed(audience.account_id)
        current.version = emptied.version
        happenings.audience_emptied(current, emptied.removed)
        happenings.membership_changed(
            audience.account_id, current, added=0, removed=emptied.removed, version=emptied.version
        )
    return emptied


def _carry_out(cursor: Any, params: dict[str, Any]) -> Emptied:
    cursor.execute(REMOVE, params)
    removed = int(cursor.fetchone()[0])
    cursor.execute(DROP_HELD, params)
    held_removed = int(cursor.fetchone()[0])
    seen = int(removed > 0 or held_removed > 0)
    cursor.execute(COUNT, {**params, "removed": removed, "seen": seen})
    (version,) = cursor.fetchone()
    cursor.execute(NOTE_SIZE, params)
    return Emptied(removed, held_removed, version)
