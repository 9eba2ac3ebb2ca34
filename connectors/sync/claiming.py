"""Due people: claimed as a flight, read through the gate in the same statement.

A flight is a row that says who is being sent, committed before anything is sent. Whoever confirms deletes it first
and writes nothing when it is gone: that is the fence. A flight that is still there when the next worker comes was
crashed: its people have used up a try and are due again. One row per batch costs a hundredth of what a lease on
every person does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson
from django.db import connection, transaction

from connectors.models import Flight, Goal, Outcome
from connectors.models.subscriber import UNKNOWN_HASH
from connectors.sync.gate import wanted_sql, withheld_sql
from connectors.sync.plan import goals_of_same_list, objective_keys, wants_of
from connectors.sync.sources import Shape, audiences_sql, fingerprint_sql

CLAIM = """
WITH due AS MATERIALIZED (
    SELECT s.profile_id, s.run_id, s.accepted_hash IS NULL AS is_new, s.attempts, s.tried_addresses,
           CASE WHEN s.accepted_hash IS NULL THEN '' ELSE s.accepted_address END AS accepted_address
    FROM connectors_subscriber s
    WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.due_at <= now() AND s.operation = %(operation)s
      AND s.profile_id > %(after)s
      AND s.profile_id NOT IN (
          SELECT unnest(f.profile_ids) FROM connectors_flight f
          WHERE f.account_id = %(account)s AND f.goal_id = %(goal)s AND f.operation <> %(operation)s
      )
    ORDER BY s.profile_id LIMIT %(limit)s
)
SELECT due.profile_id, due.run_id::text, due.is_new, due.attempts,
       CASE WHEN due.tried_addresses IS NULL AND due.accepted_address IN ('', p.email) THEN due.accepted_address
            ELSE {held} END,
       p.email, p.external_id, p.properties, {audiences},
       CASE WHEN {wanted_elsewhere} THEN NULL
            WHEN membership.profile_id IS NULL AND {leavers_go} THEN 'left'
            ELSE {withheld} END,
       ({fingerprint})::text
FROM due
JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = due.profile_id
LEFT JOIN LATERAL (
    SELECT m.profile_id FROM audiences_member m
    WHERE m.account_id = %(account)s AND m.profile_id = p.id AND m.state = 'member'
      AND m.audience_id = ANY(%(audiences)s) LIMIT 1
) membership ON true
ORDER BY due.profile_id
"""

# The addresses at which the ESP may hold the person because of this goal, one per line. One that somebody else is to
# be mailed at by now is theirs.
HELD = """(
    SELECT string_agg(DISTINCT held.address, E'\\n')
    FROM unnest(array_append(due.tried_addresses, due.accepted_address)) held (address)
    WHERE held.address <> '' AND (held.address = p.email OR NOT EXISTS (
        SELECT FROM audiences_profile q
        WHERE q.account_id = %(account)s AND q.email = held.address AND {wanted}
    ))
)"""

# In the order of people, like everyone who locks them.
TAKE_BACK = """
WITH crashed AS (
    DELETE FROM connectors_flight WHERE account_id = %(account)s AND goal_id = %(goal)s
    RETURNING profile_ids, addresses, operation
),
was AS (
    SELECT person.id, person.address, crashed.operation
    FROM crashed, unnest(profile_ids, addresses) person (id, address)
    ORDER BY person.id
),
locked AS (
    SELECT s.place, was.*
    FROM was CROSS JOIN LATERAL (
        SELECT ctid AS place FROM connectors_subscriber
        WHERE account_id = %(account)s AND goal_id = %(goal)s AND profile_id = was.id FOR UPDATE
    ) s
)
UPDATE connectors_subscriber s
SET {unsure}, attempts = s.attempts + CASE WHEN s.due_at IS NULL THEN 0 ELSE 1 END
FROM locked l WHERE s.account_id = %(account)s AND s.ctid = l.place
"""
# What is remembered of people whose answer was lost: `l.address` is where they may be, if they were being added.
UNSURE = f"""
    accepted_hash = CASE WHEN s.accepted_hash IS NOT NULL THEN '{UNKNOWN_HASH}'::uuid END,
    tried_addresses = CASE
        WHEN l.operation = 'upsert' AND l.address <> '' AND NOT l.address = ANY(coalesce(s.tried_addresses, '{{}}'))
            THEN array_append(s.tried_addresses, l.address::varchar)
        ELSE s.tried_addresses END"""


class Person(msgspec.Struct, frozen=True, gc=False):
    """One due person as they are now.

    `is_new`: the ESP never accepted them from this goal. `held`: the addresses, one per line, at which the ESP
    holds or may hold them because of it. `withheld` is why they may not be sent (or "left"), None when they may.
    `fingerprint` is that of the payload.
    """

    profile_id: int
    run_id: str | None
    is_new: bool
    attempts: int
    held: str | None
    address: str | None
    external_id: str | None
    properties: dict[str, Any]
    audiences: list[str] | None
    withheld: str | None
    fingerprint: str

    @property
    def held_addresses(self) -> list[str]:
        return self.held.split("\n") if self.held else []


@dataclass(frozen=True, slots=True)
class Batch:
    """People of one operation, in the order of their profile ids; `token` names the flight."""

    token: UUID
    operation: str
    people: tuple[Person, ...]

    @property
    def last_id(self) -> int:
        return self.people[-1].profile_id

    @property
    def run_ids(self) -> set[str]:
        return {person.run_id for person in self.people if person.run_id is not None}


@transaction.atomic
def claim(goal: Goal, shape: Shape, operation: str, limit: int, after: int = 0) -> Batch | None:
    """Up to `limit` due people of one operation, in a flight of their own; None when nobody is due.

    `after` is the highest profile id the caller has claimed already: one execution goes through a goal's due
    rows once, and nobody flies twice at a time.
    """
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
        "operation": operation,
        "limit": limit,
        "after": after,
    }
    needs_audiences = any(field.source == "profile:audiences" for field in shape.fields)
    leaves = operation == Outcome.Operation.UNSUBSCRIBE
    others = goals_of_same_list(goal)
    statement = CLAIM.format(
        audiences=audiences_sql() if needs_audiences else "NULL",
        held=HELD.format(wanted=wanted_sql(wants_of([goal, *others]), "holder", parameters, "q")),
        wanted_elsewhere=wanted_sql(wants_of(others), "elsewhere", parameters) if leaves else "false",
        leavers_go="false" if leaves and goal.leavers == Goal.Leavers.KEEP else "true",
        withheld=withheld_sql(objective_keys(goal), parameters),
        fingerprint=fingerprint_sql(shape, parameters),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        people = tuple(to_person(row) for row in cursor.fetchall())
    if not people:
        return None
    flight = Flight.objects.create(
        account_id=goal.account_id,
        goal=goal,
        operation=operation,
        profile_ids=[person.profile_id for person in people],
        addresses=[person.address if person.withheld is None else None for person in people],
    )
    return Batch(flight.pk, operation, people)


def to_person(row: tuple[Any, ...]) -> Person:
    """Django's cursors give jsonb as text."""
    audiences = row[8]
    names = None if audiences is None else orjson.loads(audiences)
    fields: list[Any] = [*row[:7], orjson.loads(row[7]), names, *row[9:]]
    return Person(*fields)


def take_back(goal: Goal) -> None:
    """Note that nobody knows what came of crashed flights; whoever of them is still due has used up a try.

    For the one execution that holds the goal's wake-up: whoever flew before is dead, or has lost the right to go on.
    """
    with connection.cursor() as cursor:
        cursor.execute(TAKE_BACK.format(unsure=UNSURE), {"account": goal.account_id, "goal": goal.pk})


def next_due_at(goal: Goal) -> datetime | None:
    """When the next person of the goal can be claimed; None when nobody waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(due_at) FROM connectors_subscriber"
            " WHERE account_id = %s AND goal_id = %s AND due_at IS NOT NULL",
            [goal.account_id, goal.pk],
        )
        (found,) = cursor.fetchone()
    return found  # type: ignore[no-any-return]
