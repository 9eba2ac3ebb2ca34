"""One set-based statement: who should be on the list, what we remember of it, and what the ESP said.

It writes one finding per person and gives the counts. People whom we changed since the reading began are not
compared: nobody can tell which of the two the ESP was asked about. They are counted as in movement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from connectors.models import Goal, Reconciliation
from connectors.models.subscriber import UNKNOWN_HASH
from connectors.sync.gate import wanted_sql, withheld_sql
from connectors.sync.planning.plan import goals_of_same_list, objective_keys, wants_of

# `there`: by what we remember, the ESP mails them because of us. `ever`: we put them there once.
VERDICTS = """
WITH people AS (
    SELECT DISTINCT m.profile_id FROM audiences_member m
    WHERE m.account_id = %(account)s AND m.audience_id = ANY(%(audiences)s) AND m.state = 'member'
),
gate AS (
    SELECT p.id, p.email, {withheld} AS withheld
    FROM people JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = people.profile_id
),
flying AS MATERIALIZED (
    SELECT DISTINCT unnest(profile_ids) AS id FROM connectors_flight
    WHERE account_id = %(account)s AND goal_id = %(goal)s
),
remembered AS (
    SELECT s.*, s.accepted_hash IS NOT NULL AS accepted,
           s.remote_state IN ('unsubscribed', 'bounced', 'removed', 'suppressed') AS gone,
           CASE WHEN s.due_at IS NOT NULL OR s.profile_id IN (SELECT id FROM flying) THEN 'due'
                WHEN s.updated_at >= %(began_at)s THEN 'changed'
                WHEN s.tried_addresses IS NOT NULL OR s.accepted_hash = %(unknown)s THEN 'unsure'
           END AS moving
    FROM connectors_subscriber s WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s
),
known AS (
    SELECT coalesce(s.profile_id, g.id) AS profile_id,
           coalesce(nullif(s.accepted_address, ''), g.email, p.email) AS address,
           coalesce(g.id IS NOT NULL AND g.withheld IS NULL OR s.kept AND s.wanted = 'on', false) AS wanted,
           CASE WHEN g.id IS NULL THEN 'left' ELSE coalesce(g.withheld, '') END AS why,
           coalesce((s.accepted OR s.remote_state = 'cleared') AND NOT s.gone, false) AS there,
           coalesce(s.gone, false) AS gone,
           coalesce(s.accepted OR s.accepted_address <> '', false) AS ever, s.accepted_hash, s.remote_state,
           CASE WHEN s.moving IS NOT NULL THEN s.moving
                WHEN s.profile_id IS NULL
                  OR s.wanted = 'on' AND NOT s.kept AND (g.id IS NULL OR g.withheld IS NOT NULL)
                  OR s.wanted = 'off' AND g.id IS NOT NULL AND g.withheld IS NULL AND NOT s.gone
                THEN 'unplanned' END AS moving
    FROM gate g FULL JOIN remembered s ON s.profile_id = g.id
    LEFT JOIN audiences_profile p
        ON p.account_id = %(account)s AND p.id = s.profile_id AND g.id IS NULL AND s.accepted_address = ''
),
listed AS (
    SELECT address, since, fingerprint, differing, state,
           CASE WHEN suppressed AND state IN ('', 'active', 'unconfirmed') THEN 'suppressed' ELSE state END AS seen
    FROM connectors_listentry WHERE account_id = %(account)s AND reconciliation_id = %(reconciliation)s
),
elsewhere AS MATERIALIZED (
    SELECT DISTINCT accepted_address AS address FROM connectors_subscriber
    WHERE account_id = %(account)s AND goal_id = ANY(%(others)s) AND accepted_hash IS NOT NULL
),
met AS (
    SELECT k.profile_id, coalesce(k.address, l.address, '') AS address, coalesce(k.wanted, false) AS wanted,
           coalesce(k.why, '') AS why, coalesce(k.there, false) AS there, coalesce(k.gone, false) AS gone,
           coalesce(k.ever, false) AS ever, k.accepted_hash, k.remote_state, k.moving,
           l.since, l.fingerprint, l.differing, coalesce(l.seen, 'absent') AS seen,
           coalesce(l.seen, '') IN ('active', 'unconfirmed') AS mailed
    FROM known k FULL JOIN listed l ON l.address = k.address
    WHERE k.profile_id IS NOT NULL OR l.state <> ''
),
verdict AS MATERIALIZED (
    SELECT m.*, CASE
        WHEN moving IS NOT NULL THEN 'moving'
        WHEN wanted THEN 'wanted'
        WHEN ever THEN 'ours' ELSE 'others' END AS side,
    CASE
        WHEN moving IS NOT NULL THEN ''
        WHEN there AND seen = 'absent' THEN 'missing'
        WHEN there AND NOT mailed THEN 'state'
        WHEN NOT mailed THEN ''
        WHEN wanted AND gone THEN 'back'
        WHEN wanted AND there AND fingerprint = accepted_hash AND differing IS NOT NULL THEN 'fields'
        WHEN wanted THEN ''
        WHEN ever AND ({must_go}) THEN 'stays'
        WHEN NOT ever AND address NOT IN (SELECT address FROM elsewhere) THEN 'extra'
        ELSE '' END AS kind
    FROM met m
)
"""

# Who left and is still mailed: by the goal's rule, or because the gate says no. Few: asked one by one.
MUST_GO = """
            (why NOT IN ('', 'left') OR {leavers_go} OR (
                SELECT {withheld} IS NOT NULL FROM audiences_profile p
                WHERE p.account_id = %(account)s AND p.id = m.profile_id
            )) AND NOT coalesce((
                SELECT {wanted_elsewhere} FROM audiences_profile p
                WHERE p.account_id = %(account)s AND p.id = m.profile_id
            ), false)
"""

MISSING = """
SELECT profile_id, address FROM verdict
WHERE kind = 'missing' AND profile_id > %(after)s ORDER BY profile_id LIMIT %(limit)s
"""

WRITE = """
, written AS (
    INSERT INTO connectors_finding
        (account_id, reconciliation_id, side, seen, kind, number, profile_id, address, why, since, differing)
    SELECT %(account)s, %(reconciliation)s, v.side, v.seen, v.kind,
           row_number() OVER (ORDER BY v.address COLLATE "C"), coalesce(v.profile_id, p.id), v.address,
           coalesce(v.moving, CASE WHEN v.wanted AND v.gone THEN v.remote_state || '_at_esp' ELSE v.why END),
           v.since, CASE WHEN v.kind = 'fields' THEN v.differing END
    FROM verdict v LEFT JOIN audiences_profile p
        ON p.account_id = %(account)s AND p.email = v.address AND v.profile_id IS NULL
)
SELECT side, seen, kind, count(*) FROM verdict GROUP BY side, seen, kind
"""


def missing(reconciliation: Reconciliation, after: int, limit: int) -> list[tuple[int, str]]:
    """(profile id, address) of people the ESP did not name though it should, by id."""
    statement, parameters = verdicts(reconciliation)
    with connection.cursor() as cursor:
        cursor.execute(statement + MISSING, {**parameters, "after": after, "limit": limit})
        return cursor.fetchall()  # type: ignore[no-any-return]


def compare(reconciliation: Reconciliation) -> list[tuple[str, str, str, int]]:
    """Write a finding per person; [(side, seen, kind, people)]. Inside the caller's transaction."""
    statement, parameters = verdicts(reconciliation)
    with connection.cursor() as cursor:
        cursor.execute(statement + WRITE, parameters)
        return cursor.fetchall()  # type: ignore[no-any-return]


def verdicts(reconciliation: Reconciliation) -> tuple[str, dict[str, Any]]:
    goal = reconciliation.goal
    others = goals_of_same_list(goal)
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "reconciliation": reconciliation.pk,
        "began_at": reconciliation.began_at,
        "unknown": UNKNOWN_HASH,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
        "others": [other.pk for other in others],
    }
    withheld = withheld_sql(objective_keys(goal), parameters)
    must_go = MUST_GO.format(
        withheld=withheld,
        leavers_go="true" if leavers_go(goal) else "false",
        wanted_elsewhere=elsewhere_sql(others, parameters),
    )
    return VERDICTS.format(withheld=withheld, must_go=must_go), parameters


def elsewhere_sql(others: Sequence[Goal], parameters: dict[str, Any]) -> str:
    return wanted_sql(wants_of(others), "elsewhere", parameters)


def leavers_go(goal: Goal) -> bool:
    return goal.leavers in (Goal.Leavers.UNSUBSCRIBE, Goal.Leavers.REMOVE)


def matrix_of(rows: Sequence[tuple[str, str, str, int]]) -> dict[str, dict[str, list[int]]]:
    """{side: {seen: [people, of whom differ]}}; who is in movement is not in it."""
    found: dict[str, dict[str, list[int]]] = {}
    for side, seen, kind, people in rows:
        if side != "moving":
            cell = found.setdefault(side, {}).setdefault(seen, [0, 0])
            cell[0] += people
            cell[1] += people if kind else 0
    return found


def differences_of(rows: Sequence[tuple[str, str, str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, _, kind, people in rows:
        if kind:
            found[kind] = found.get(kind, 0) + people
    return found
