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
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE connectors_subscriber s
SET lease_until = now() + make_interval(secs => %(lease_s)s), lease_token = %(token)s, attempts = attempts + 1
FROM due WHERE s.account_id = %(account)s AND s.id = due.id
RETURNING s.id, s.profile_id, s.run_id::text, s.accepted_hash IS NULL, s.accepted_address, s.attempts
"""

READ = """
SELECT p.id, p.email, p.external_id, p.properties, {audiences},
       CASE WHEN NOT EXISTS (
                SELECT 1 FROM audiences_member m
                WHERE m.account_id = %(account)s AND m.profile_id = p.id AND m.state = 'member'
                  AND m.audience_id = ANY(%(audiences)s)) THEN 'left'
            ELSE {withheld} END,
       ({fingerprint})::text
FROM unnest(string_to_array(%(people)s, ',')::bigint[]) AS wanted(id)
JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = wanted.id
"""

# One statement per kind of news. A plan made meanwhile gave the row another run: then what was sent is remembered,
# and the row stays due for that run. Rows are locked in one order, so that plans and confirmations never deadlock.
CONFIRM = """
WITH news AS (
    SELECT * FROM unnest(
        string_to_array(%(ids)s, ',')::bigint[],
        string_to_array(%(addresses)s, E'\\n'),
        string_to_array(%(sent)s, ',', '')::uuid[]
    ) AS n(id, address, sent)
),
locked AS (
    SELECT s.id, s.profile_id, n.address, n.sent,
           s.run_id IS NOT DISTINCT FROM %(run)s::uuid AND s.operation = %(operation)s AS is_current
    FROM news n JOIN connectors_subscriber s ON s.account_id = %(account)s AND s.id = n.id
    WHERE s.lease_token = %(token)s
    ORDER BY s.profile_id FOR UPDATE OF s
),
written AS (
    UPDATE connectors_subscriber s SET {changes},
        lease_until = NULL, lease_token = NULL, updated_at = now()
    FROM locked l WHERE s.account_id = %(account)s AND s.id = l.id
),
told AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, %(run)s, profile_id, %(operation)s, %(result)s, %(code)s, %(message)s, now()
    FROM locked WHERE is_current AND %(result)s <> 'retry' AND %(run)s::uuid IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM told
"""
ACCEPTED = """
        accepted_hash = l.sent, accepted_address = l.address, accepted_at = now(),
        wanted_hash = CASE WHEN l.is_current THEN l.sent ELSE s.wanted_hash END"""
TAKEN_OFF = "accepted_hash = NULL, accepted_at = now()"
DONE = """
        remote_state = coalesce(nullif(%(state)s, ''), s.remote_state),
        reason = CASE WHEN l.is_current AND %(result)s = 'skipped' THEN %(code)s ELSE s.reason END,
        error_code = CASE WHEN %(result)s = 'rejected' THEN %(code)s ELSE '' END,
        error_message = CASE WHEN %(result)s = 'rejected' THEN %(message)s ELSE '' END,
        due_at = CASE WHEN l.is_current THEN NULL ELSE s.due_at END,
        operation = CASE WHEN l.is_current THEN '' ELSE s.operation END,
        run_id = CASE WHEN l.is_current THEN NULL ELSE s.run_id END,
        attempts = CASE WHEN l.is_current THEN 0 ELSE s.attempts END"""
AGAIN = """
        due_at = greatest(s.due_at, now() + make_interval(secs => %(delay_s)s)),
        error_code = %(code)s, error_message = %(message)s,
        attempts = CASE WHEN %(counts)s THEN s.attempts ELSE greatest(s.attempts - 1, 0) END"""
CHANGES = {
    "created": f"{ACCEPTED}, {DONE}",
    "updated": f"{ACCEPTED}, {DONE}",
    "removed": f"{TAKEN_OFF}, {DONE}",
    "rejected": DONE,
    "skipped": DONE,
    "retry": AGAIN,
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """One due person; `id` is the subscriber row's. `is_new`: the ESP never accepted them from this goal."""

    id: int
    profile_id: int
    run_id: str | None
    is_new: bool
    accepted_address: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Batch:
    token: UUID
    operation: str
    people: tuple[Claimed, ...]

    @property
    def run_ids(self) -> set[str]:
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
    fingerprint: str


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
    sent: str = ""
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
        "people": ",".join(str(person.profile_id) for person in batch.people),
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
    counted: dict[UUID, Counter[tuple[str, str, str]]] = {}
    for kind, group in sorted(grouped(news).items(), key=lambda item: str(item[0])):
        people = confirm_group(goal, batch, kind, group)
        if people and kind.run_id is not None:
            code = kind.code if kind.result == "skipped" else ""
            counted.setdefault(UUID(kind.run_id), Counter())[batch.operation, kind.result, code] += people
    runs.count(counted)


@dataclass(frozen=True, slots=True)
class Kind:
    """What people of a batch have in common, so that one statement writes them."""

    run_id: str | None
    result: str
    code: str
    message: str
    state: str
    delay_s: float
    counts: bool


def grouped(news: Sequence[News]) -> dict[Kind, list[News]]:
    groups: dict[Kind, list[News]] = {}
    for one in news:
        kind = Kind(
            one.person.run_id,
            one.result,
            one.code[:40],
            one.message[:300],
            one.state,
            one.delay_s,
            one.counts,
        )
        groups.setdefault(kind, []).append(one)
    return groups


def confirm_group(goal: Goal, batch: Batch, kind: Kind, group: Sequence[News]) -> int:
    """Write one kind of news; how many people it became an outcome for.

    Lists travel as joined text: writing array literals in Python cost more than the statement itself.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            CONFIRM.replace("{changes}", CHANGES[kind.result]),
            {
                "account": goal.account_id,
                "token": batch.token,
                "operation": batch.operation,
                "run": kind.run_id,
                "result": kind.result,
                "code": kind.code,
                "message": kind.message,
                "state": kind.state,
                "delay_s": kind.delay_s,
                "counts": kind.counts,
                "ids": ",".join(str(one.person.id) for one in group),
                "addresses": "\n".join(one.address for one in group),
                "sent": ",".join(one.sent for one in group),
            },
        )
        (people,) = cursor.fetchone()
    return int(people)


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
