"""Due subscribers: claimed under a lease, read again through the gate, confirmed with one outcome per person.

Whoever claims gets a token; every write carries it, so that a worker that lost its lease changes nothing. The
attempt is committed with the claim, before anything is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import connection, transaction

from connectors.models import Goal
from connectors.sync import runs
from connectors.sync.gate import withheld_sql
from connectors.sync.plan import objective_keys
from connectors.sync.sources import Shape, audiences_sql, fingerprint_sql

LEASE_S = 90  # longer than the longest call (30 s) twice over; a crash delays its people by this much

CLAIM = """
WITH due AS (
    SELECT id FROM connectors_subscriber
    WHERE account_id = %(account)s AND goal_id = %(goal)s AND due_at <= now() AND operation = %(operation)s
      AND (lease_until IS NULL OR lease_until < now())
    ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE connectors_subscriber s
SET lease_until = now() + make_interval(secs => %(lease_s)s), lease_token = %(token)s, attempts = attempts + 1
FROM due WHERE s.account_id = %(account)s AND s.id = due.id
RETURNING s.profile_id, s.run_id, s.wanted_hash, s.accepted_hash IS NULL, s.accepted_address, s.attempts
"""

READ = """
SELECT p.id, p.email, p.external_id, p.properties, {audiences},
       CASE WHEN NOT EXISTS (
                SELECT 1 FROM audiences_member m
                WHERE m.account_id = %(account)s AND m.profile_id = p.id AND m.state = 'member'
                  AND m.audience_id = ANY(%(audiences)s)) THEN 'left'
            ELSE {withheld} END,
       {fingerprint}
FROM audiences_profile p
WHERE p.account_id = %(account)s AND p.id = ANY(%(people)s)
"""

CONFIRM = """
WITH news AS (
    SELECT * FROM unnest(
        %(people)s::bigint[], %(results)s::text[], %(codes)s::text[], %(messages)s::text[], %(addresses)s::text[],
        %(sent)s::uuid[], %(claimed)s::uuid[], %(states)s::text[], %(delays)s::float8[],
        %(counts)s::bool[]
    ) AS n(profile_id, result, code, message, address, sent, claimed, state, delay_s, counts)
),
locked AS (
    SELECT s.id, s.run_id AS old_run, s.operation AS old_operation, s.wanted_hash AS old_wanted, n.*,
           s.operation = %(operation)s
           AND (%(operation)s = 'unsubscribe' OR s.wanted_hash IN (n.claimed, n.sent)) AS is_current
    FROM news n JOIN connectors_subscriber s
      ON s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.profile_id = n.profile_id
    WHERE s.lease_token = %(token)s
    ORDER BY s.profile_id FOR UPDATE OF s
),
written AS (
    UPDATE connectors_subscriber s SET
        accepted_hash = CASE l.result WHEN 'created' THEN l.sent WHEN 'updated' THEN l.sent
                                      WHEN 'removed' THEN NULL ELSE s.accepted_hash END,
        accepted_address = CASE WHEN l.result IN ('created', 'updated') THEN l.address ELSE s.accepted_address END,
        accepted_at = CASE WHEN l.result IN ('created', 'updated', 'removed') THEN now() ELSE s.accepted_at END,
        remote_state = CASE WHEN l.state <> '' THEN l.state ELSE s.remote_state END,
        wanted_hash = CASE WHEN l.is_current AND l.result IN ('created', 'updated') THEN l.sent ELSE s.wanted_hash END,
        reason = CASE WHEN l.is_current AND l.result = 'skipped' THEN l.code ELSE s.reason END,
        error_code = CASE WHEN l.result IN ('rejected', 'retry') THEN l.code ELSE '' END,
        error_message = CASE WHEN l.result IN ('rejected', 'retry') THEN l.message ELSE '' END,
        due_at = CASE WHEN l.result = 'retry' THEN greatest(s.due_at, now() + make_interval(secs => l.delay_s))
                      WHEN l.is_current THEN NULL ELSE s.due_at END,
        operation = CASE WHEN l.is_current AND l.result <> 'retry' THEN '' ELSE s.operation END,
        run_id = CASE WHEN l.is_current AND l.result <> 'retry' THEN NULL ELSE s.run_id END,
        attempts = CASE WHEN l.result <> 'retry' THEN 0
                        WHEN l.counts THEN s.attempts ELSE greatest(s.attempts - 1, 0) END,
        lease_until = NULL, lease_token = NULL, updated_at = now()
    FROM locked l WHERE s.account_id = %(account)s AND s.id = l.id
),
told AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, old_run, profile_id, %(operation)s, result, code, message, now()
    FROM locked WHERE is_current AND result <> 'retry' AND old_run IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING run_id, result, code
)
SELECT run_id, result, CASE WHEN result = 'skipped' THEN code ELSE '' END, count(*) FROM told GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One due person. `is_new`: the ESP never accepted them from this goal."""

    profile_id: int
    run_id: UUID | None
    wanted_hash: UUID | None
    is_new: bool
    accepted_address: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Batch:
    token: UUID
    operation: str
    people: tuple[Claimed, ...]

    @property
    def run_ids(self) -> set[UUID]:
        return {person.run_id for person in self.people if person.run_id is not None}


@dataclass(frozen=True, slots=True)
class Person:
    """A claimed person as they are now; `withheld` is why they may not be sent (or "left"), None when they may."""

    profile_id: int
    address: str | None
    external_id: str | None
    properties: dict[str, Any]
    audiences: list[str] | None
    withheld: str | None
    fingerprint: UUID


@dataclass(frozen=True, slots=True)
class News:
    """What came of one claimed person. `result`: created, updated, removed, rejected, skipped, or retry.

    For a retry, `delay_s` is the person's own pause and `counts` whether it used up a try.
    """

    person: Claimed
    result: str
    code: str = ""
    message: str = ""
    address: str = ""
    sent: UUID | None = None
    state: str = ""
    delay_s: float = 0
    counts: bool = True


@transaction.atomic
def claim(goal: Goal, operation: str, limit: int) -> Batch | None:
    """Up to `limit` due people of one operation, leased to the caller; None when nobody is due."""
    token = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM,
            {
                "account": goal.account_id,
                "goal": goal.pk,
                "operation": operation,
                "limit": limit,
                "lease_s": LEASE_S,
                "token": token,
            },
        )
        people = tuple(Claimed(*row) for row in cursor.fetchall())
    return Batch(token, operation, people) if people else None


def take_back(goal: Goal) -> None:
    """Free what a worker that died had claimed.

    For the one execution that holds the goal's wake-up: whoever claimed before is dead or has lost that lease
    and with it the right to go on; its token no longer writes.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE connectors_subscriber SET lease_until = NULL, lease_token = NULL"
            " WHERE account_id = %s AND goal_id = %s AND due_at IS NOT NULL AND lease_token IS NOT NULL",
            [goal.account_id, goal.pk],
        )


def read(goal: Goal, shape: Shape, batch: Batch) -> dict[int, Person]:
    """The claimed people as they are now, through the gate."""
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
        "people": [person.profile_id for person in batch.people],
    }
    needs_audiences = any(field.source == "profile:audiences" for field in shape.fields)
    statement = READ.format(
        audiences=audiences_sql() if needs_audiences else "NULL",
        withheld=withheld_sql(objective_keys(goal), parameters),
        fingerprint=fingerprint_sql(shape, parameters),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {row[0]: to_person(row) for row in cursor.fetchall()}


def to_person(row: tuple[Any, ...]) -> Person:
    """Django's cursors give jsonb as text."""
    profile_id, address, external_id, properties, audiences, withheld, fingerprint = row
    names = None if audiences is None else orjson.loads(audiences)
    return Person(profile_id, address, external_id, orjson.loads(properties), names, withheld, fingerprint)


@transaction.atomic
def confirm(goal: Goal, batch: Batch, news: Sequence[News]) -> None:
    """Write what came of the batch: memory, outcomes and run counters in one transaction.

    Rows whose lease was lost are left alone; rows that were planned anew meanwhile stay due.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            CONFIRM,
            {
                "account": goal.account_id,
                "goal": goal.pk,
                "operation": batch.operation,
                "token": batch.token,
                "people": [one.person.profile_id for one in news],
                "results": [one.result for one in news],
                "codes": [one.code[:40] for one in news],
                "messages": [one.message[:300] for one in news],
                "addresses": [one.address for one in news],
                "sent": [one.sent for one in news],
                "claimed": [one.person.wanted_hash for one in news],
                "states": [one.state for one in news],
                "delays": [one.delay_s for one in news],
                "counts": [one.counts for one in news],
            },
        )
        rows = cursor.fetchall()
    counted: dict[UUID, Counter[tuple[str, str, str]]] = {}
    for run_id, result, code, people in rows:
        counted.setdefault(run_id, Counter())[batch.operation, result, code] += people
    runs.count(counted)


def next_due_at(goal: Goal) -> datetime | None:
    """When the next person of the goal can be claimed; None when nobody waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(greatest(due_at, lease_until)) FROM connectors_subscriber"
            " WHERE account_id = %s AND goal_id = %s AND due_at IS NOT NULL",
            [goal.account_id, goal.pk],
        )
        (found,) = cursor.fetchone()
    return found  # type: ignore[no-any-return]
