"""Planning: one set-based statement that compares who should be on a list with what the ESP accepted.

It writes what differs as due rows of `subscriber`, notes who is withheld and why, and answers with counts. The
cost is that of the people touched, or of the audience for a full run; nothing is sent here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from connectors.models import Goal
from connectors.sync.gate import Want, wanted_sql, withheld_sql
from connectors.sync.sources import Shape, fingerprint_sql, inputs_sql

# `gone`: the ESP does not mail the person in these states; only a new opt-in of their own changes that.
PLAN = """
WITH people AS (
    SELECT DISTINCT m.profile_id
    FROM audiences_member m
    WHERE m.account_id = %(account)s AND m.audience_id = ANY(%(audiences)s) AND m.state = 'member' {only_members}
),
wanted AS (
    SELECT p.id AS profile_id, {withheld} AS withheld, {fingerprint} AS hash
    FROM people JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = people.profile_id
),
flying AS MATERIALIZED (
    SELECT unnest(profile_ids) AS id, operation FROM connectors_flight
    WHERE account_id = %(account)s AND goal_id = %(goal)s
),
held AS (
    SELECT s.*, tried.so,
           s.accepted_hash IS NOT NULL OR s.tried_addresses IS NOT NULL OR tried.being_added AS maybe_there,
           s.remote_state IN ('unsubscribed', 'bounced', 'removed', 'suppressed') AS gone,
           s.due_at IS NOT NULL AS pending
    FROM connectors_subscriber s
    CROSS JOIN LATERAL (
        SELECT s.attempts > 0 OR EXISTS (SELECT FROM flying WHERE flying.id = s.profile_id) AS so,
               EXISTS (SELECT FROM flying WHERE flying.id = s.profile_id AND flying.operation = 'upsert')
                   AS being_added
    ) tried
    WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s {only_held}
),
compared AS (
    SELECT coalesce(w.profile_id, s.profile_id) AS profile_id, w.profile_id IS NOT NULL AS is_member, w.hash,
           s.profile_id IS NOT NULL AS is_known, s.wanted, s.reason AS reason_before, s.accepted_hash,
           coalesce(s.so, false) AS tried,
           s.run_id AS old_run, s.operation AS old_operation,
           coalesce(s.maybe_there, false) AS maybe_there, coalesce(s.gone, false) AS gone,
           coalesce(s.pending, false) AS pending,
           CASE WHEN w.profile_id IS NULL THEN 'left'
                WHEN w.withheld IS NOT NULL THEN w.withheld
                WHEN s.gone THEN s.remote_state || '_at_esp'
                ELSE '' END AS reason
    FROM wanted w FULL JOIN held s ON s.profile_id = w.profile_id
),
diff AS MATERIALIZED (
    SELECT *, CASE
        WHEN reason <> '' AND maybe_there AND NOT gone AND {may_not_stay} THEN 'remove'
        WHEN reason <> '' THEN 'off'
        WHEN accepted_hash IS NULL THEN 'create'
        WHEN accepted_hash <> hash OR tried THEN 'update'
        ELSE 'keep' END AS verdict
    FROM compared c
),
superseded AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, old_run, profile_id, old_operation, 'skipped', 'superseded', '', now()
    FROM diff WHERE pending AND old_run IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING run_id, operation
),
noted AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, %(run)s, profile_id, 'upsert', 'skipped', reason, '', now()
    FROM diff WHERE is_member AND reason <> ''
),
written AS (
    INSERT INTO connectors_subscriber AS s (
        account_id, goal_id, profile_id, wanted, reason, wanted_hash, accepted_address, remote_state, operation,
        run_id, due_at, attempts, error_code, error_message, updated_at)
    SELECT %(account)s, %(goal)s, profile_id,
           CASE WHEN reason = '' THEN 'on' ELSE 'off' END, reason, hash, '', '',
           CASE WHEN verdict = 'remove' THEN 'unsubscribe'
                WHEN verdict IN ('create', 'update') THEN 'upsert' ELSE '' END,
           CASE WHEN verdict IN ('create', 'update', 'remove') THEN %(run)s::uuid END,
           CASE WHEN verdict IN ('create', 'update', 'remove') THEN now() END,
           0, '', '', now()
    FROM diff
    WHERE verdict IN ('create', 'update', 'remove') OR pending OR NOT is_known
       OR reason <> reason_before OR (wanted = 'on') <> (reason = '')
    ORDER BY profile_id
    ON CONFLICT (account_id, goal_id, profile_id) DO UPDATE SET
        wanted = excluded.wanted, reason = excluded.reason, wanted_hash = excluded.wanted_hash,
        operation = excluded.operation, run_id = excluded.run_id, due_at = excluded.due_at,
        attempts = CASE WHEN s.due_at IS NULL THEN 0 ELSE s.attempts END,
        error_code = '', error_message = '', updated_at = now()
)
SELECT 'verdict', verdict, CASE WHEN is_member THEN reason ELSE '' END, NULL::uuid, is_member, count(*)
FROM diff GROUP BY 2, 3, 5
UNION ALL
SELECT 'superseded', operation, '', run_id, true, count(*) FROM superseded GROUP BY operation, run_id
"""

# Who left is looked at one by one: they are few, and the goal may leave them on the list as long as they consent.
LEAVERS_STAY = """(is_member OR (
            SELECT {withheld} IS NOT NULL FROM audiences_profile p
            WHERE p.account_id = %(account)s AND p.id = c.profile_id
        ))"""
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


@dataclass(slots=True)
class Planned:
    """What a plan found. `superseded`: {(run, operation): people whose waiting operation this plan took over}."""

    checked: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removals: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    superseded: Counter[tuple[UUID, str]] = field(default_factory=Counter)

    @property
    def due(self) -> int:
        return self.created + self.updated + self.removals

    @property
    def touches_nobody(self) -> bool:
        return not (self.checked or self.removals or self.superseded)


def plan(goal: Goal, run_id: UUID, shape: Shape, touched: Sequence[int] | None = None) -> Planned:
    """Plan the goal for the touched profile ids, or for everybody. Call inside a transaction, goal locked."""
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "run": run_id,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
    }
    if touched is not None:
        parameters["touched"] = list(touched)
    withheld = withheld_sql(objective_keys(goal), parameters)
    only_held = "" if touched is None else "AND s.profile_id = ANY(%(touched)s)"
    statement = PLAN.format(
        withheld=withheld,
        fingerprint=fingerprint_sql(inputs_sql(shape, parameters)),
        may_not_stay=_may_not_stay_sql(goal, withheld, parameters),
        only_members="" if touched is None else "AND m.profile_id = ANY(%(touched)s)",
        only_held=only_held,
    )
    with connection.cursor() as cursor:
        cursor.execute(WAIT_FOR_CONFIRMATIONS.format(only_held=only_held), parameters)
        cursor.execute(statement, parameters)
        return _counted(cursor.fetchall())


def _may_not_stay_sql(goal: Goal, withheld: str, parameters: dict[str, Any]) -> str:
    """Whether somebody of `compared` who is not wanted here has to be taken off the list."""
    tests = []
    if goal.leavers != Goal.Leavers.UNSUBSCRIBE:
        tests.append(LEAVERS_STAY.format(withheld=withheld))
    others = wants_of(goals_of_same_list(goal))
    if others:
        tests.append("NOT " + WANTED_ELSEWHERE.format(wanted=wanted_sql(others, "elsewhere", parameters)))
    return " AND ".join(tests) or "true"


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


def _counted(rows: Sequence[tuple[str, str, str, UUID, bool, int]]) -> Planned:
    found = Planned()
    for what, verdict, reason, run_id, is_member, people in rows:
        if what == "superseded":
            found.superseded[run_id, verdict] += people
            continue
        if is_member:
            found.checked += people
        if reason:
            found.skipped[reason] += people
        if verdict == "remove":
            found.removals += people
        elif verdict == "create":
            found.created += people
        elif verdict == "update":
            found.updated += people
        elif verdict == "keep":
            found.unchanged += people
    return found
