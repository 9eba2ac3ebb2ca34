"""Due people: claimed as a flight, read through the gate in the same statement.

A flight is a row that says who is being sent what, committed before anything is sent. Whoever confirms deletes it
and writes nothing when it is gone: that is the fence. A flight that is still there when the next worker comes was
crashed: its people have used up a try and are due again. One row per batch costs a hundredth of what a lease on
every person does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson
from django.db import connection, transaction

from connectors.models import Flight, Goal, Outcome
from connectors.sync.gate import wanted_sql, withheld_sql
from connectors.sync.planning.plan import goals_of_same_list, wants_of
from connectors.sync.sources import Shape, fingerprint_sql, inputs_sql

# Who is claimed is locked first, in the order in which plans lock the due, and read by a statement of its own: then no
# plan decides of somebody who is about to fly as if they stayed on the ground, and the gate is asked about what plans
# have seen. Otherwise somebody who says no in between would be added, with nothing due that takes them off again.
LOCK_DUE = """
SELECT s.profile_id FROM connectors_subscriber s
WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.due_at <= now() AND s.operation = %(operation)s
  AND s.profile_id > %(after)s AND least(s.crashes, {most_suspected}) = %(suspected)s {only}
  AND s.profile_id NOT IN (
      SELECT unnest(f.profile_ids) FROM connectors_flight f
      WHERE f.account_id = %(account)s AND f.goal_id = %(goal)s AND f.operation <> %(operation)s
  )
ORDER BY s.profile_id LIMIT %(limit)s FOR NO KEY UPDATE
"""
# OFFSET keeps the look-up by key: a profile table without statistics, or a small one, would be read as a whole.
# The answer is one row of columns per batch: a thousand rows of ten values take Python ten times as long to read.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT s.profile_id, s.run_id, s.accepted_hash IS NULL AS is_new, s.attempts, s.tried_addresses,
           CASE WHEN s.remote_state IN ('left', 'maybe_left') THEN s.remote_state ELSE '' END AS left_state, s.kept,
           extract(epoch FROM s.first_failed_at)::float8 AS failing_since,
           CASE WHEN s.accepted_hash IS NULL THEN '' ELSE s.accepted_address END AS accepted_address
    FROM unnest(%(locked)s::bigint[]) locked (id)
    CROSS JOIN LATERAL (
        SELECT * FROM connectors_subscriber
        WHERE account_id = %(account)s AND goal_id = %(goal)s AND profile_id = locked.id OFFSET 0
    ) s
    ORDER BY s.profile_id
),
people AS MATERIALIZED (
    SELECT due.*, p.email, {inputs} AS inputs,
           CASE WHEN due.tried_addresses IS NULL AND due.accepted_address IN ('', p.email) THEN due.accepted_address
                ELSE {held} END AS held,
           CASE WHEN {wanted_elsewhere} THEN NULL
                ELSE coalesce(
                    {withheld},
                    CASE WHEN membership.profile_id IS NULL AND NOT due.kept AND {leavers_go} THEN 'left' END)
                END AS withheld
    FROM due
    CROSS JOIN LATERAL (
        SELECT * FROM audiences_profile WHERE account_id = %(account)s AND id = due.profile_id OFFSET 0
    ) p
    LEFT JOIN LATERAL (
        SELECT m.profile_id FROM audiences_member m
        WHERE m.account_id = %(account)s AND m.profile_id = p.id AND m.state = 'member'
          AND m.audience_id = ANY(%(audiences)s) LIMIT 1
    ) membership ON true
),
gathered AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, array_agg(profile_id) AS profile_ids, array_agg(run_id::text) AS run_ids,
           array_agg(is_new) AS are_new, array_agg(left_state) AS left_states,
           array_agg(attempts) AS attempts, array_agg(failing_since) AS failing_since, array_agg(held) AS held,
           array_agg(email) AS addresses, array_agg(withheld) AS withheld,
           array_agg(CASE WHEN withheld IS NULL THEN email END) AS sent,
           array_agg({fingerprint}) AS fingerprints, '[' || string_agg(inputs, ',') || ']' AS inputs
    FROM (SELECT *, (row_number() OVER (ORDER BY profile_id) - 1) / %(batch)s AS place FROM people) placed
    GROUP BY place
),
flight AS (
    INSERT INTO connectors_flight (
        id, account_id, goal_id, operation, profile_ids, addresses, fingerprints, started_at)
    SELECT id, %(account)s, %(goal)s, %(operation)s,
           profile_ids, sent, fingerprints, now()
    FROM gathered
)
SELECT id, profile_ids, run_ids, are_new, left_states, attempts, failing_since, held, addresses, withheld,
       inputs
FROM gathered ORDER BY profile_ids[1]
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

# The first of the lanes in which somebody is due. LIMIT keeps it a look-up per lane.
LANES = """
SELECT lane.operation FROM unnest(%(operations)s::text[], %(after)s::bigint[])
    WITH ORDINALITY lane (operation, after, place)
CROSS JOIN LATERAL (
    SELECT FROM connectors_subscriber s
    WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.operation = lane.operation
      AND s.profile_id > lane.after AND s.due_at <= now()
      AND least(s.crashes, {most_suspected}) = %(suspected)s {only} LIMIT 1
) due
ORDER BY lane.place LIMIT 1
"""
ONLY_WITHDRAWN = "AND s.reason <> 'left'"
MOST_SUSPECTED = 2  # with one more crash nobody tries any more


class Person(msgspec.Struct, frozen=True, gc=False):
    """One due person as they are now.

    `is_new`: the ESP never accepted them from this goal. `left_state`: "left" where they are off the list because we
    took them off when they left, "maybe_left" where the answer to that was lost, else "". `held`: the addresses,
    one per line, at which the ESP holds or may hold them because of this goal. `withheld` is why they may not be
    sent (or "left"), None when they may. `failing_since`: the first try that failed, in seconds since 1970. `inputs`
    are those of the payload.
    """

    profile_id: int
    run_id: str | None
    is_new: bool
    left_state: str
    attempts: int
    failing_since: float | None
    held: str | None
    address: str | None
    withheld: str | None
    inputs: list[Any]

    @property
    def held_addresses(self) -> list[str]:
        return self.held.split("\n") if self.held else []


@dataclass(frozen=True, slots=True)
class Batch:
    """People of one operation, in the order of their profile ids; `token` names the flight.

    `claimed_at` is when they passed the gate, on this process's monotonic clock.
    """

    token: UUID
    operation: str
    people: tuple[Person, ...]
    claimed_at: float = field(default_factory=time.monotonic)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.claimed_at

    @property
    def last_id(self) -> int:
        return self.people[-1].profile_id

    @property
    def run_ids(self) -> set[str]:
        return {person.run_id for person in self.people if person.run_id is not None}


@transaction.atomic
def claim(
    goal: Goal,
    shape: Shape,
    operation: str,
    limit: int,
    after: int = 0,
    batches: int = 1,
    *,
    suspected: int = 0,
    only_withdrawn: bool = False,
) -> list[Batch]:
    """Up to so many batches of up to `limit` due people of one operation, each in a flight of its own.

    `after` is the highest profile id the caller has claimed already: one execution goes through a goal's due
    rows once, and nobody flies twice at a time. `suspected`: of how many dead workers people have to be suspects.
    Audiences and objectives are read each time: they are the gate.
    """
    others = goals_of_same_list(goal)
    want, *elsewhere = wants_of([goal, *others])
    leaves = operation in Outcome.TAKING_OFF
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "audiences": list(want.audience_ids),
        "operation": operation,
        "batch": limit,
        "limit": limit * batches,
        "after": after,
        "suspected": suspected,
    }
    only = ONLY_WITHDRAWN if only_withdrawn else ""
    statement = CLAIM.format(
        inputs=inputs_sql(shape, parameters),
        held=HELD.format(wanted=wanted_sql([want, *elsewhere], "holder", parameters, "q")),
        wanted_elsewhere=wanted_sql(elsewhere, "elsewhere", parameters) if leaves else "false",
        leavers_go="false" if leaves and goal.leavers == Goal.Leavers.KEEP else "true",
        withheld=withheld_sql(want.objective_keys, parameters),
        fingerprint=fingerprint_sql("inputs"),
    )
    with connection.cursor() as cursor:
        cursor.execute(LOCK_DUE.format(most_suspected=MOST_SUSPECTED, only=only), parameters)
        parameters["locked"] = [profile_id for (profile_id,) in cursor.fetchall()]
        if not parameters["locked"]:
            return []
        cursor.execute(statement, parameters)
        return [to_batch(operation, row) for row in cursor.fetchall()]


@transaction.atomic
def next_lane(
    goal: Goal, after: Mapping[str, int], *, suspected: int = 0, only_withdrawn: bool = False
) -> str | None:
    """The first operation somebody is due for beyond `after`, {operation: highest profile id claimed already}.

    The operations are looked at in the order of `after`.
    """
    only = ONLY_WITHDRAWN if only_withdrawn else ""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(
            LANES.format(most_suspected=MOST_SUSPECTED, only=only),
            {
                "account": goal.account_id,
                "goal": goal.pk,
                "operations": list(after),
                "after": list(after.values()),
                "suspected": suspected,
            },
        )
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def to_batch(operation: str, row: tuple[Any, ...]) -> Batch:
    token, *columns, inputs = row
    return Batch(token, operation, tuple(map(Person, *columns, orjson.loads(inputs))))


def let_go(goal: Goal, batches: Sequence[Batch]) -> None:
    """Give up claimed batches of which nothing was sent: their people stay due and used up no try."""
    Flight.objects.filter(goal=goal, pk__in=[batch.token for batch in batches]).delete()


def next_due_at(goal: Goal, *, only_withdrawn: bool = False) -> datetime | None:
    """When the next person of the goal can be claimed; None when nobody waits."""
    only = f"AND s.operation = '{Outcome.Operation.UNSUBSCRIBE}' {ONLY_WITHDRAWN}" if only_withdrawn else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(due_at) FROM connectors_subscriber s"  # noqa: S608  made of constants only
            f" WHERE account_id = %s AND goal_id = %s AND due_at IS NOT NULL {only}",
            [goal.account_id, goal.pk],
        )
        (found,) = cursor.fetchone()
    return found  # type: ignore[no-any-return]
