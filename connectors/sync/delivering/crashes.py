"""What is left of executions that ended in the middle: flights nobody will confirm.

Nobody knows whether their people were sent. Who is still due used up a try; and when the worker died, they are
suspected of it: they fly in small groups, after a second death alone, and after a third nobody tries any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from connectors.models import Goal
from connectors.models.subscriber import UNKNOWN_HASH
from connectors.sync import runs
from connectors.sync.delivering.policy import MOST_CRASHES
from syncapp.database.joins import fetch_by_key

QUARANTINED = "quarantined"
QUARANTINED_WORDS = f"The worker died {MOST_CRASHES} times while sending this person."

# What is remembered of people whose answer was lost: `l.address` is where they may be, if they were being added.
UNSURE_HASH = f"CASE WHEN s.accepted_hash IS NOT NULL THEN '{UNKNOWN_HASH}'::uuid END"
UNSURE_ADDRESSES = """CASE
        WHEN l.operation IN ('upsert', 'restore') AND l.address <> ''
            AND NOT l.address = ANY(coalesce(s.tried_addresses, '{}'))
            THEN array_append(s.tried_addresses, l.address::varchar)
        ELSE s.tried_addresses END"""
# A removal whose answer was lost was ours, if the ESP then holds the person as removed.
UNSURE_STATE = """CASE
        WHEN l.operation = 'remove' AND s.remote_state IN ('', 'active') THEN 'maybe_left' ELSE s.remote_state END"""
UNSURE = f"accepted_hash = {UNSURE_HASH}, tried_addresses = {UNSURE_ADDRESSES}"

# In the order of people, like everyone who locks them.
TAKE_BACK = f"""
WITH crashed AS (
    DELETE FROM connectors_flight
    WHERE account_id = %(account)s AND goal_id = %(goal)s AND (%(all)s OR id = ANY(%(tokens)s::uuid[]))
    RETURNING profile_ids, addresses, operation
),
was AS (
    SELECT person.id, person.address, crashed.operation
    FROM crashed, unnest(profile_ids, addresses) person (id, address)
    ORDER BY person.id
),
locked AS (
    SELECT s.*, was.address, was.operation
    FROM was CROSS JOIN LATERAL (
        SELECT account_id, goal_id, profile_id,
            due_at IS NOT NULL AND crashes + %(deaths)s >= {MOST_CRASHES} AND %(deaths)s > 0 AS poison
        FROM connectors_subscriber
        WHERE account_id = %(account)s AND goal_id = %(goal)s AND profile_id = was.id FOR UPDATE
    ) s
),
written AS (
    UPDATE connectors_subscriber s SET {UNSURE}, remote_state = {UNSURE_STATE},
        attempts = s.attempts + CASE WHEN s.due_at IS NULL THEN 0 ELSE 1 END,
        crashes = s.crashes + CASE WHEN s.due_at IS NULL THEN 0 ELSE %(deaths)s END,
        due_at = CASE WHEN l.poison THEN NULL ELSE s.due_at END,
        dead_at = CASE WHEN l.poison THEN now() ELSE s.dead_at END,
        error_class = CASE WHEN l.poison THEN '{QUARANTINED}' ELSE s.error_class END,
        error_code = CASE WHEN l.poison THEN '{QUARANTINED}' ELSE s.error_code END,
        error_message = CASE WHEN l.poison THEN '{QUARANTINED_WORDS}' ELSE s.error_message END
    FROM locked l WHERE s.account_id = l.account_id AND s.goal_id = l.goal_id AND s.profile_id = l.profile_id
    RETURNING s.profile_id, s.run_id, s.operation, l.poison
),
told AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, run_id, profile_id, operation, 'dead', '{QUARANTINED}', '{QUARANTINED_WORDS}', now()
    FROM written WHERE poison AND run_id IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING run_id, operation
)
SELECT run_id, operation, count(*) FROM told GROUP BY run_id, operation
UNION ALL SELECT NULL, 'crashed', count(*) FROM crashed
"""  # noqa: S608  made of constants only


def take_back(goal: Goal) -> int:
    """Note what became of flights whose worker died; how many there were.

    For the one execution that holds the goal's wake-up: whoever flew before is dead, or has lost the right to go on.
    """
    return _take_back(goal, None, deaths=1)


def put_down(goal: Goal, tokens: Sequence[UUID]) -> None:
    """Note that nobody will confirm these flights, though their worker lives: no person is to blame."""
    if tokens:
        _take_back(goal, tokens, deaths=0)


@transaction.atomic
def _take_back(goal: Goal, tokens: Sequence[UUID] | None, *, deaths: int) -> int:
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "all": tokens is None,
        "tokens": list(tokens or ()),
        "deaths": deaths,
    }
    with connection.cursor() as cursor:
        rows = fetch_by_key(cursor, TAKE_BACK, parameters)
    counted: dict[UUID, Counter[tuple[str, str, str]]] = {}
    crashed = 0
    for run_id, operation, people in rows:
        if run_id is None:
            crashed = int(people)
            continue
        counted.setdefault(run_id, Counter())[operation, "dead", QUARANTINED] += people
    if counted:
        runs.count(counted)
    return crashed
