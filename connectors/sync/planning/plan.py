"""Planning: one set-based statement that compares who should be on a list with what the ESP accepted.

It says what would happen to whom, decides whether that may happen without a person's word (the guard), and if so
writes it as due rows of `subscriber` and notes who is withheld and why, all in one pass. The cost is that of the
people touched, or of the audience for a full run; nothing is sent here.

Verdicts: create, restore (we had taken them off), update, keep · withdrawn (may not be mailed any more), leave
(left the audiences, is to come off as the goal says) · off (nothing to do: never there, gone, or may stay) ·
quarantined (killed workers) and rejected_before (refused by the ESP as they are now): wait for a person, or a change.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from connectors.models import Goal
from connectors.sync.gate import Want, wanted_sql, withheld_sql
from connectors.sync.planning.findings import SAMPLES, SET_ASIDE, Planned, Row, to_planned
from connectors.sync.planning.guard import FULL_GUARD, TALLY, TOUCHED_GUARD, guard_parameters
from connectors.sync.sources import Shape, fingerprint_sql, inputs_sql

# `gone`: the ESP does not mail the person in these states; only a new opt-in of their own changes that.
# `belongs`: should be on the list as far as audiences go; a leaver whose removal was undone does too.
# Who is no member is looked up one by one: those who are on the list all the same are few. OFFSET keeps what is worked
# out once from being worked out wherever it is named.
PLAN = """
WITH wanted AS (
    SELECT p.id AS profile_id, p.email, {withheld} AS withheld, {fingerprint} AS hash
    FROM ({members}) people JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = people.profile_id
),
flying AS MATERIALIZED (
    SELECT unnest(profile_ids) AS id, operation FROM connectors_flight
    WHERE account_id = %(account)s AND goal_id = %(goal)s
),
held AS (
    SELECT s.*, tried.so,
           s.accepted_hash IS NOT NULL OR s.tried_addresses IS NOT NULL OR s.remote_state = 'cleared'
               OR tried.being_added AS maybe_there,
           s.remote_state IN ('unsubscribed', 'bounced', 'removed', 'suppressed') AS gone,
           s.due_at IS NOT NULL AS pending
    FROM connectors_subscriber s
    CROSS JOIN LATERAL (
        SELECT s.attempts > 0 OR EXISTS (SELECT FROM flying WHERE flying.id = s.profile_id) AS so,
               EXISTS (SELECT FROM flying WHERE flying.id = s.profile_id AND flying.operation IN ('upsert', 'restore'))
                   AS being_added
    ) tried
    WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s {only_held}
),
joined AS (
    SELECT coalesce(w.profile_id, s.profile_id) AS profile_id, w.profile_id IS NOT NULL AS is_member,
           w.profile_id IS NOT NULL OR s.kept AS belongs,
           s.profile_id IS NOT NULL AS is_known, s.wanted, s.reason AS reason_before, s.accepted_hash, s.kept,
           s.remote_state, coalesce(s.so, false) AS tried, s.run_id AS old_run, s.operation AS old_operation,
           coalesce(s.maybe_there AND NOT s.gone, false) AS is_there, coalesce(s.gone, false) AS gone,
           coalesce(s.pending, false) AS pending, s.dead_at IS NOT NULL AS was_dead,
           CASE WHEN s.dead_at IS NULL THEN NULL
                WHEN s.error_class = 'person' THEN 'rejected_before'
                WHEN s.error_class = 'quarantined' THEN s.error_class END AS set_aside,
           s.wanted_hash,
           s.accepted_address <> w.email AND s.accepted_address <> '' AS moved,
           CASE WHEN w.profile_id IS NOT NULL THEN w.withheld
                WHEN s.kept OR (s.maybe_there AND NOT s.gone) THEN (SELECT {withheld} {person}) END AS withheld,
           CASE WHEN w.profile_id IS NOT NULL THEN w.hash
                WHEN s.kept THEN (SELECT {fingerprint} {person}) END AS hash
    FROM wanted w FULL JOIN held s ON s.profile_id = w.profile_id
    OFFSET 0
),
compared AS (
    SELECT *, CASE WHEN withheld IS NOT NULL THEN withheld
                   WHEN NOT belongs THEN 'left'
                   WHEN gone THEN remote_state || '_at_esp'
                   ELSE '' END AS reason
    FROM joined
    OFFSET 0
),
diff AS MATERIALIZED (
    SELECT profile_id, is_member, belongs, is_known, wanted, reason_before, kept, old_run, old_operation, is_there,
           pending, was_dead, moved, hash, reason,
           CASE
               WHEN reason <> '' AND is_there AND {nobody_else_wants} THEN
                   CASE WHEN withheld IS NOT NULL OR belongs THEN 'withdrawn'
                        WHEN %(leavers)s = 'keep' OR (%(leavers)s = 'clear' AND remote_state = 'cleared') THEN 'off'
                        ELSE 'leave' END
               WHEN reason <> '' THEN 'off'
               WHEN set_aside IS NOT NULL AND wanted_hash = hash THEN set_aside
               WHEN remote_state IN ('left', 'maybe_left') THEN 'restore'
               WHEN remote_state = 'cleared' THEN 'update'
               WHEN accepted_hash IS NULL THEN 'create'
               WHEN accepted_hash <> hash OR tried THEN 'update'
               ELSE 'keep' END AS verdict
    FROM compared c
),
work AS MATERIALIZED (
    SELECT * FROM diff WHERE NOT {is_plain_keep}
),
{guard},
superseded AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, old_run, profile_id, old_operation, 'skipped', 'superseded', '', now()
    FROM work CROSS JOIN guard WHERE {is_applied} AND pending AND old_run IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING run_id, operation
),
noted AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, %(run)s, profile_id, 'upsert', 'skipped',
           CASE WHEN verdict IN {set_aside} THEN verdict ELSE reason END, '', now()
    FROM work CROSS JOIN guard WHERE {is_applied} AND belongs AND (reason <> '' OR verdict IN {set_aside})
),
written AS (
    INSERT INTO connectors_subscriber AS s (
        account_id, goal_id, profile_id, wanted, reason, wanted_hash, accepted_address, remote_state, kept, operation,
        run_id, due_at, attempts, error_code, error_message, updated_at)
    SELECT %(account)s, %(goal)s, profile_id,
           CASE WHEN reason = '' THEN 'on' ELSE 'off' END, reason, hash, '', '',
           coalesce(kept, false) AND NOT is_member AND reason = '',
           CASE WHEN verdict IN ('create', 'update') THEN 'upsert'
                WHEN verdict = 'restore' THEN 'restore'
                WHEN verdict = 'withdrawn' THEN 'unsubscribe'
                WHEN verdict = 'leave' THEN %(leavers)s ELSE '' END,
           CASE WHEN verdict IN {verdicts_with_work} THEN %(run)s::uuid END,
           CASE WHEN verdict IN {verdicts_with_work} THEN now() END,
           0, '', '', now()
    FROM work CROSS JOIN guard
    WHERE {is_applied} AND verdict NOT IN {set_aside} AND (
        verdict IN {verdicts_with_work} OR pending OR NOT is_known OR was_dead
        OR reason <> reason_before OR (wanted = 'on') <> (reason = '') OR (kept AND is_member))
    ORDER BY profile_id
    ON CONFLICT (account_id, goal_id, profile_id) DO UPDATE SET
        wanted = excluded.wanted, reason = excluded.reason, wanted_hash = excluded.wanted_hash,
        kept = excluded.kept, operation = excluded.operation, run_id = excluded.run_id, due_at = excluded.due_at,
        attempts = CASE WHEN s.due_at IS NULL THEN 0 ELSE s.attempts END,
        crashes = CASE WHEN s.due_at IS NULL THEN 0 ELSE s.crashes END,
        first_failed_at = CASE WHEN s.due_at IS NULL THEN NULL ELSE s.first_failed_at END,
        dead_at = NULL, error_class = '', error_code = '', error_message = '', updated_at = now()
)
SELECT 'group', verdict, CASE WHEN belongs THEN reason ELSE '' END, NULL::uuid, belongs,
       verdict = 'update' AND coalesce(moved, false), count(*), NULL::bigint[]
FROM work CROSS JOIN guard WHERE {is_shown} GROUP BY 2, 3, 5, 6
UNION ALL
SELECT 'group', 'keep', '', NULL, true, false, plain_keeps, NULL FROM guard
WHERE {keeps_are_shown} AND plain_keeps > 0
UNION ALL
SELECT 'samples', verdict, CASE WHEN belongs THEN reason ELSE '' END, NULL, belongs,
       verdict = 'update' AND coalesce(moved, false), 0, (array_agg(profile_id))[1:{samples}]
FROM work WHERE verdict <> 'keep' AND {with_samples} GROUP BY 2, 3, 5, 6
UNION ALL
SELECT 'superseded', operation, '', run_id, true, false, count(*), NULL FROM superseded GROUP BY operation, run_id
UNION ALL
SELECT 'unchanged', '', '', NULL, true, false, 0,
       ARRAY(SELECT profile_id FROM diff WHERE verdict = 'keep' AND {with_samples} LIMIT {samples})
UNION ALL
SELECT 'guard', to_jsonb(guard)::text, '', NULL, true, false, 0, NULL FROM guard
"""
PERSON = "FROM audiences_profile p WHERE p.account_id = %(account)s AND p.id = s.profile_id"
# Nothing about them is written: most people of most full runs, and gone through as few times as can be.
PLAIN_KEEP = """(verdict = 'keep' AND NOT pending AND is_known AND NOT was_dead AND reason_before = ''
        AND wanted = 'on' AND NOT (kept AND is_member))"""
VERDICTS_WITH_WORK = "('create', 'update', 'restore', 'withdrawn', 'leave')"

MEMBERS = """
SELECT {distinct} m.profile_id FROM audiences_member m
WHERE m.account_id = %(account)s AND m.audience_id = ANY(%(audiences)s) AND m.state = 'member' {only_members}
"""
WANTED_ELSEWHERE = """(
    SELECT {wanted} FROM audiences_profile p WHERE p.account_id = %(account)s AND p.id = c.profile_id
)"""

# Whoever confirms holds people while it writes their outcomes. Waiting for all of them here, in the same order,
# lets the plan read what was confirmed, and keeps the two from waiting for each other.
WAIT_FOR_CONFIRMATIONS = """
SELECT count(*) FROM (
    SELECT FROM connectors_subscriber s
    WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.due_at IS NOT NULL {only_held}
    ORDER BY s.profile_id FOR UPDATE
) due
"""
# A table that was just filled has no statistics: taken for small, it would be gone through once per person.
# Where people do not fit the memory, a third of a plan's time goes into writing them to disk and back.
# Of fewer people the wrong plan costs little, and the right one is a look-up by key each.
MANY_TOUCHED = 1_000
EVERYBODY = "SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '{memory_mb}MB'"
AS_USUAL = "SET LOCAL enable_nestloop TO DEFAULT; SET LOCAL work_mem TO DEFAULT"


class Part(StrEnum):
    """Of a plan: what may be written. Withdrawals are people who may not be mailed any more."""

    EVERYTHING = "true"
    WITHDRAWALS = "verdict = 'withdrawn'"
    NOTHING = "false"


def plan(
    goal: Goal,
    run_id: UUID,
    shape: Shape,
    touched: Sequence[int] | None = None,
    *,
    part: Part = Part.EVERYTHING,
    hold: bool = False,
    approved: str = "",
) -> Planned:
    """Plan the goal for the touched profile ids, or for everybody. Call inside a transaction, goal locked.

    With `hold`, or when the guard says so, nothing is written, unless the plan's hash is the one `approved`.
    """
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "run": run_id,
        "leavers": goal.leavers,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
        **guard_parameters(goal, hold, approved),
    }
    if touched is not None:
        parameters["touched"] = list(touched)
    only_held = "" if touched is None else "AND s.profile_id = ANY(%(touched)s)"
    statement = _statement(goal, shape, parameters, part, is_full=touched is None, only_held=only_held)
    with connection.cursor() as cursor:
        if part is not Part.NOTHING:
            cursor.execute(WAIT_FOR_CONFIRMATIONS.format(only_held=only_held), parameters)
        if touched is None or len(parameters["touched"]) > MANY_TOUCHED:
            cursor.execute(EVERYBODY.format(memory_mb=settings.PLAN_MEMORY_MB))
        cursor.execute(statement, parameters)
        planned = to_planned(map(Row._make, cursor.fetchall()))
        cursor.execute(AS_USUAL)
    if part is Part.WITHDRAWALS:
        planned.leavers_wait, planned.leaving_anew = False, 0
    return planned


def _statement(
    goal: Goal, shape: Shape, parameters: dict[str, Any], part: Part, *, is_full: bool, only_held: str
) -> str:
    members = MEMBERS.format(
        distinct="DISTINCT" if len(parameters["audiences"]) > 1 else "",
        only_members="" if is_full else "AND m.profile_id = ANY(%(touched)s)",
    )
    with_samples = is_full and part is not Part.WITHDRAWALS
    return PLAN.format(
        members=members,
        withheld=withheld_sql(objective_keys(goal), parameters),
        fingerprint=fingerprint_sql(inputs_sql(shape, parameters)),
        person=PERSON,
        only_held=only_held,
        nobody_else_wants=_nobody_else_wants_sql(goal, parameters),
        guard=(FULL_GUARD if is_full else TOUCHED_GUARD).format(tally=TALLY.format(is_plain_keep=PLAIN_KEEP)),
        is_applied=f"guard.applies AND (verdict <> 'leave' OR NOT guard.leavers_wait) AND {part}",
        keeps_are_shown="false" if part is Part.WITHDRAWALS else "true",
        is_plain_keep=PLAIN_KEEP,
        is_shown=part if part is Part.WITHDRAWALS else "NOT guard.leavers_wait OR verdict <> 'leave'",
        verdicts_with_work=VERDICTS_WITH_WORK,
        set_aside=SET_ASIDE,
        samples=SAMPLES if with_samples else 0,
        with_samples="true" if with_samples else "false",
    )


def _nobody_else_wants_sql(goal: Goal, parameters: dict[str, Any]) -> str:
    """Whether no other goal of the list wants the person of `c`."""
    others = wants_of(goals_of_same_list(goal))
    if not others:
        return "true"
    return "NOT " + WANTED_ELSEWHERE.format(wanted=wanted_sql(others, "elsewhere", parameters))


def goals_of_same_list(goal: Goal) -> list[Goal]:
    """The other goals at work on the goal's list: whom they want, it does not take off."""
    others = Goal.objects.of(goal.account_id).filter(
        enabled=True,
        list_id=goal.list_id,
        connection__enabled=True,
        connection__connector=goal.connection.connector,
    )
    return list(others.exclude(pk=goal.pk).select_related("connection").order_by("pk"))


def wants_of(goals: Sequence[Goal]) -> list[Want]:
    return [
        Want(
            tuple(goal.audience_links.values_list("audience_id", flat=True)),
            tuple(objective_keys(goal)),
        )
        for goal in goals
    ]


def objective_keys(goal: Goal) -> list[str]:
    return list(goal.connection.objectives.order_by("key").values_list("key", flat=True))
