"""Confirming: what came of a batch becomes memory, outcomes and run counters, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction

from audiences.changes import record_change
from connectors.models import Flight, Goal
from connectors.sync import runs
from connectors.sync.delivering.claiming import Batch
from connectors.sync.delivering.crashes import UNSURE, UNSURE_ADDRESSES, UNSURE_HASH, UNSURE_STATE, put_down
from syncapp.database.joins import by_key, fetch_by_key

# What was sent stands in the flight; the caller adds the kind of news each person got. A plan made meanwhile gave
# the row another run: then what was sent is remembered, and the row stays due for that run. The run stays on the
# row when it is done, because RETURNING knows the row as written only; the operation stays on the row of whom nobody
# tries any more, to be replayed. Whom the ESP refuses because of how they stand there is no failure: that is known.
# Rows are looked up by key, without constants that a shorter key would do for, in the order of the flight. That is
# also the order in which everybody locks them, so that plans and confirmations never deadlock.
CONFIRM = """
WITH landed AS (
    DELETE FROM connectors_flight WHERE account_id = %(account)s AND id = %(token)s
    RETURNING account_id, goal_id, operation, profile_ids, addresses, fingerprints
),
news AS MATERIALIZED (
    SELECT account_id, goal_id, operation, sent.profile_id, sent.address, sent.fingerprint,
           (%(runs)s::uuid[])[kind] AS run_id, (%(results)s::text[])[kind] AS result, (%(codes)s::text[])[kind] AS code,
           (%(messages)s::text[])[kind] AS message, (%(states)s::text[])[kind] AS state,
           (%(classes)s::text[])[kind] AS class, (%(delays_s)s::float8[])[kind] AS delay_s,
           (%(tries)s::int[])[kind] AS tries, (%(unsure)s::bool[])[kind] AS is_unsure
    FROM landed, unnest(profile_ids, addresses, fingerprints, string_to_array(%(kinds)s, ',')::int[])
        AS sent(profile_id, address, fingerprint, kind)
),
written AS (
    UPDATE connectors_subscriber s SET
        accepted_hash = CASE WHEN l.result IN ('created', 'updated') THEN l.fingerprint
                             WHEN l.result = 'removed' AND l.operation = 'clear' THEN {unsure_hash}
                             WHEN l.result = 'removed' THEN NULL
                             WHEN l.is_unsure THEN {unsure_hash} ELSE s.accepted_hash END,
        tried_addresses = CASE WHEN l.result = 'removed' AND l.operation = 'clear' THEN s.tried_addresses
                               WHEN l.result IN ('created', 'updated', 'removed') THEN NULL
                               WHEN l.is_unsure THEN {unsure_addresses} ELSE s.tried_addresses END,
        accepted_address = CASE WHEN l.result IN ('created', 'updated') THEN l.address ELSE s.accepted_address END,
        accepted_at = CASE WHEN l.result IN ('created', 'updated', 'removed') THEN now() ELSE s.accepted_at END,
        wanted_hash = CASE WHEN l.result IN ('created', 'updated', 'rejected', 'dead') AND l.fingerprint IS NOT NULL
                               AND {is_current} THEN l.fingerprint
                           ELSE s.wanted_hash END,
        remote_state = CASE WHEN l.state <> '' THEN l.state
                            WHEN l.is_unsure THEN {unsure_state} ELSE s.remote_state END,
        reason = CASE WHEN l.result = 'skipped' AND {is_current} THEN l.code ELSE s.reason END,
        error_class = CASE WHEN l.result IN ('rejected', 'retry', 'dead') THEN l.class ELSE '' END,
        error_code = CASE WHEN l.result IN ('rejected', 'retry', 'dead') THEN l.code ELSE '' END,
        error_message = CASE WHEN l.result IN ('rejected', 'retry', 'dead') THEN l.message ELSE '' END,
        due_at = CASE WHEN l.result = 'retry' AND s.due_at IS NOT NULL
                          THEN greatest(s.due_at, now() + make_interval(secs => l.delay_s))
                      WHEN {is_current} THEN NULL ELSE s.due_at END,
        operation = CASE WHEN {is_failure} OR l.result = 'retry' THEN s.operation
                         WHEN {is_current} THEN '' ELSE s.operation END,
        attempts = CASE WHEN l.result IN ('retry', 'dead') THEN s.attempts + l.tries
                        WHEN {is_current} THEN 0 ELSE s.attempts END,
        crashes = CASE WHEN l.result = 'retry' THEN s.crashes ELSE 0 END,
        first_failed_at = CASE WHEN l.result <> 'retry' THEN NULL
                               WHEN l.tries > 0 THEN coalesce(s.first_failed_at, now())
                               ELSE s.first_failed_at END,
        dead_at = CASE WHEN {is_failure} AND {is_current} THEN now()
                       WHEN l.result IN ('created', 'updated', 'removed') THEN NULL ELSE s.dead_at END,
        updated_at = now()
    FROM news l
    WHERE s.account_id = l.account_id AND s.goal_id = l.goal_id AND s.profile_id = l.profile_id
    RETURNING s.profile_id, l.run_id, l.result, l.code, l.message, s.run_id = l.run_id AS is_current
),
told AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, run_id, profile_id, %(operation)s, result, code, message, now()
    FROM written WHERE is_current AND result <> 'retry'
    ON CONFLICT DO NOTHING
    RETURNING run_id, result, CASE WHEN result = 'skipped' THEN code ELSE '' END AS code
)
SELECT run_id, result, code, count(*) FROM told GROUP BY run_id, result, code
UNION ALL SELECT NULL, 'landed', '', count(*) FROM landed
"""
CONFIRM = (
    CONFIRM.replace("{is_current}", "(s.run_id IS NOT DISTINCT FROM l.run_id AND s.operation = l.operation)")
    .replace("{is_failure}", "(l.result = 'dead' OR l.result = 'rejected' AND l.state = '')")
    .replace("{unsure_hash}", UNSURE_HASH)
    .replace("{unsure_addresses}", UNSURE_ADDRESSES)
    .replace("{unsure_state}", UNSURE_STATE)
)

LATE = f"""
WITH locked AS (
    SELECT s.account_id, s.goal_id, s.profile_id, sent.address, sent.state, %(operation)s::text AS operation
    FROM unnest(%(ids)s::bigint[], %(addresses)s::text[], %(states)s::text[]) sent (id, address, state)
    CROSS JOIN LATERAL (
        SELECT account_id, goal_id, profile_id FROM connectors_subscriber
        WHERE account_id = %(account)s AND goal_id = %(goal)s AND profile_id = sent.id FOR UPDATE
    ) s
)
UPDATE connectors_subscriber s SET {UNSURE}, updated_at = now(),
    remote_state = CASE WHEN l.state = 'left' THEN l.state
                        WHEN s.accepted_hash IS NULL AND l.operation IN ('upsert', 'restore') THEN ''
                        ELSE s.remote_state END
FROM locked l WHERE s.account_id = l.account_id AND s.goal_id = l.goal_id AND s.profile_id = l.profile_id
"""  # noqa: S608  made of constants only


class News(msgspec.Struct, frozen=True):
    """What came of one claimed person. `result`: created, updated, removed, rejected, skipped, dead, or retry.

    `error_class`: the consequence of a failure, in a word. For a retry, `delay_s` is the person's own pause; `counts`:
    whether it used up a try; `maybe_sent`: whether the ESP may hold what was sent, or part of it, all the same.
    """

    result: str
    code: str = ""
    message: str = ""
    state: str = ""
    error_class: str = ""
    delay_s: float = 0
    counts: bool = True
    maybe_sent: bool = True


@transaction.atomic
def confirm(goal: Goal, batch: Batch, news: Sequence[News]) -> None:
    """Write what came of the batch, one piece of news per person in its order: memory, outcomes, run counters.

    When the flight is gone, only that nobody knows; rows that were planned anew meanwhile stay due.
    """
    numbers: dict[tuple[str | None, News], int] = {}
    numbered = [
        numbers.setdefault((person.run_id, one), len(numbers) + 1)
        for person, one in zip(batch.people, news, strict=True)
    ]
    kinds = [one for _, one in numbers]
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "token": batch.token,
        "operation": batch.operation,
        "kinds": ",".join(map(str, numbered)),
        "runs": [run_id for run_id, _ in numbers],
        "results": [one.result for one in kinds],
        "codes": [one.code[:40] for one in kinds],
        "messages": [one.message[:300] for one in kinds],
        "states": [one.state for one in kinds],
        "classes": [one.error_class for one in kinds],
        "delays_s": [float(one.delay_s) for one in kinds],
        "unsure": [one.result in ("retry", "dead") and one.maybe_sent for one in kinds],
        "tries": [int(one.result in ("retry", "dead") and one.counts) for one in kinds],
    }
    with connection.cursor() as cursor:
        rows = fetch_by_key(cursor, CONFIRM, parameters)
    counted: dict[UUID, Counter[tuple[str, str, str]]] = {}
    for run_id, result, code, people in rows:
        if run_id is not None:
            counted.setdefault(run_id, Counter())[batch.operation, result, code] += people
        elif not people:
            note_late(goal, batch, news)
    if counted:
        runs.count(counted)


def note_late(goal: Goal, batch: Batch, news: Sequence[News]) -> None:
    """What a worker sent that was taken for dead may have reached the ESP after what others sent: look again."""
    told = [
        (person, one)
        for person, one in zip(batch.people, news, strict=True)
        if one.result not in ("skipped", "rejected")
    ]
    if not told:
        return
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "operation": batch.operation,
        "ids": [person.profile_id for person, _ in told],
        "addresses": [person.address or "" for person, _ in told],
        "states": [one.state for _, one in told],
    }
    put_down(goal, others_with(goal, parameters["ids"]))
    with connection.cursor() as cursor:
        cursor.execute(by_key(LATE), parameters)
    record_change(account_id=goal.account_id, profile_ids=parameters["ids"], origin="late answer")


def others_with(goal: Goal, profile_ids: Sequence[int]) -> list[UUID]:
    """Flights of the same people: what they do may be undone by what came late, so their news would be wrong."""
    found = Flight.objects.filter(goal=goal, profile_ids__overlap=list(profile_ids))
    return list(found.values_list("pk", flat=True))
