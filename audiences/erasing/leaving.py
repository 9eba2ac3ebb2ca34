"""The first step: from one moment on there is no such person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audiences import happenings
from audiences.changes import record_change
from audiences.erasing.tombstones import bury
from audiences.ingest import locks
from audiences.models import Audience

LOCK_WAIT = "5s"  # behind a long load or replace; then the caller tries again


@dataclass(frozen=True, slots=True)
class Names:
    """What a person was known by; only as long as it takes to find the traces of it."""

    profile_id: int | None
    external_id: str | None
    email: str | None

    @property
    def texts(self) -> list[str]:
        return [text for text in (self.external_id, self.email) if text]


# Whoever changes people or their memberships holds this shared: nobody is in between, nor saw no tombstone.
LOCK = f"SELECT set_config('lock_timeout', '{LOCK_WAIT}', true), pg_advisory_xact_lock({locks.PEOPLE})"
UNLOCK_TIMEOUT = "SELECT set_config('lock_timeout', '0', true)"
WHO = """
SELECT external_id, email, encode(email_sha256, 'hex') FROM audiences_profile
WHERE account_id = %(account)s AND id = %(profile)s AND forgotten_at IS NULL FOR UPDATE
"""
LEAVE = """
WITH gone AS (
    DELETE FROM audiences_member WHERE account_id = %(account)s AND profile_id = %(profile)s
    RETURNING audience_id, state
), waiting AS (
    DELETE FROM audiences_pending WHERE account_id = %(account)s AND ({held})
    RETURNING audience_id, state
), steps AS (
    SELECT audience_id, sum(members)::int AS members, sum(held)::int AS held
    FROM (
        SELECT audience_id, 1 AS members, 0 AS held FROM gone WHERE state = 'member'
        UNION ALL SELECT audience_id, 0, 1 FROM waiting WHERE state = 'member'
    ) each GROUP BY audience_id
), noted AS (
    INSERT INTO audiences_membershipchange (account_id, audience_id, at, source, added, removed, lowest, highest)
    SELECT %(account)s, audience_id, %(now)s, %(source)s, '{{}}', ARRAY[%(profile)s::bigint],
        %(profile)s, %(profile)s
    FROM steps WHERE members > 0
), counted AS (
    UPDATE audiences_audience a
    SET member_count = a.member_count - s.members, held_count = a.held_count - s.held, version = a.version + 1,
        updated_at = %(now)s,
        last_member_removed_at = CASE WHEN s.members > 0 THEN %(now)s ELSE a.last_member_removed_at END
    FROM steps s WHERE a.account_id = %(account)s AND a.id = s.audience_id
    RETURNING a.id, a.member_count, s.members
), sized AS (
    INSERT INTO audiences_audiencesize (account_id, audience_id, day, members)
    SELECT %(account)s, id, (%(now)s::timestamptz AT TIME ZONE 'UTC')::date, member_count
    FROM counted WHERE members > 0
    ON CONFLICT (account_id, audience_id, day) DO UPDATE SET members = excluded.members
)
SELECT id FROM counted WHERE members > 0
"""
FORGET_VALUES = "DELETE FROM audiences_identifier WHERE account_id = %(account)s AND profile_id = %(profile)s"
FORGET_EVENTS = "DELETE FROM audiences_event WHERE account_id = %(account)s AND profile_id = %(profile)s"
EMPTY = """
UPDATE audiences_profile
SET email = NULL, external_id = NULL, properties = '{}', consents = '{}', source = '', last_active_at = NULL,
    forgotten_at = %(now)s, updated_at = %(now)s
WHERE account_id = %(account)s AND id = %(profile)s
"""


@transaction.atomic
def leave(
    *, account_id: int, profile_id: int, source: str, erases: bool, now: datetime | None = None
) -> Names | None:
    """The first step. None where there is no such person any more. Runs in the account's scope."""
    moment = now or timezone.now()
    params: dict[str, Any] = {
        "account": account_id,
        "profile": profile_id,
        "now": moment,
        "source": source[:100],
    }
    with connection.cursor() as cursor:
        lock(cursor, params)
        cursor.execute(WHO, params)
        row = cursor.fetchone()
        if row is None:
            return None
        names = Names(profile_id, row[0], row[1])
        held = {"id": str(profile_id), "external_id": row[0], "email": row[1], "email_sha256": row[2]}
        left = end_memberships(cursor, held, params)
        for statement in (FORGET_VALUES, FORGET_EVENTS, EMPTY):
            cursor.execute(statement, params)
        if erases:
            bury(cursor, params, external_id=row[0], email=row[1], email_sha256=row[2])
    record_change(account_id=account_id, profile_ids=[profile_id], now=moment)
    for audience in Audience.objects.of(account_id).filter(pk__in=left):
        happenings.membership_changed(account_id, audience, 0, 1, audience.version)
    if erases and names.external_id:
        happenings.contact_erased(account_id, names.external_id)
    return names


@transaction.atomic
def bury_unknown(*, account_id: int, external_id: str, now: datetime | None = None) -> None:
    """Erase somebody of whom nothing is known but held operations under this external id."""
    params: dict[str, Any] = {
        "account": account_id,
        "profile": None,
        "now": now or timezone.now(),
        "source": "",
    }
    with connection.cursor() as cursor:
        lock(cursor, params)
        end_memberships(cursor, {"external_id": external_id}, params)
        bury(cursor, params, external_id=external_id)
    happenings.contact_erased(account_id, external_id)


def lock(cursor: Any, params: dict[str, Any]) -> None:
    """Nobody refers to people of the account until the transaction ends."""
    cursor.execute(LOCK, params)
    cursor.execute(UNLOCK_TIMEOUT)


def end_memberships(cursor: Any, held: dict[str, str | None], params: dict[str, Any]) -> list[int]:
    """Ids of the audiences that lost the person. `held`: what operations on them may be held under."""
    named = {kind: value for kind, value in held.items() if value is not None}
    tests = [f"kind = %(kind_{kind})s AND value = %(value_{kind})s" for kind in named]
    values = {f"kind_{kind}": kind for kind in named} | {
        f"value_{kind}": value for kind, value in named.items()
    }
    cursor.execute(LEAVE.format(held=" OR ".join(tests)), {**params, **values})
    return [audience_id for (audience_id,) in cursor.fetchall()]
