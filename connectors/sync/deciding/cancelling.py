"""Cancelling a run at work: who is due is let go in slices, who is being sent is waited for.

Who may not be mailed any more is taken off all the same, in a run of its own: that is not for anyone to cancel.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from connectors.models import Goal, Run
from connectors.sync import runs
from connectors.sync.delivering.crashes import take_back
from syncapp.work import Slice, wake

CANCEL = "connectors.cancel"
PEOPLE_PER_STEP = 10_000
FLYING_PAUSE_S = 2.0

# In the order of people, like everyone who locks them.
LET_GO = """
WITH flying AS MATERIALIZED (
    SELECT unnest(profile_ids) AS id FROM connectors_flight WHERE account_id = %(account)s AND goal_id = %(goal)s
),
picked AS MATERIALIZED (
    SELECT s.profile_id, s.operation FROM connectors_subscriber s
    WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.due_at IS NOT NULL AND s.run_id = %(run)s
      AND (s.operation IN ('unsubscribe', 'remove', 'clear') AND s.reason <> 'left') = %(withdrawn)s
      AND NOT EXISTS (SELECT FROM flying WHERE flying.id = s.profile_id)
    ORDER BY s.profile_id LIMIT %(limit)s FOR UPDATE
),
written AS (
    UPDATE connectors_subscriber s SET {change}, updated_at = now()
    FROM picked WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.profile_id = picked.profile_id
),
told AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, %(run)s, profile_id, operation, 'skipped', %(code)s, '', now() FROM picked
    ON CONFLICT DO NOTHING
)
SELECT operation, count(*) FROM picked GROUP BY operation
"""
DROPPED = """due_at = NULL, operation = '', attempts = 0, crashes = 0, first_failed_at = NULL, error_class = '',
        error_code = '', error_message = ''"""
HANDED_OVER = "run_id = %(heir)s::uuid"


def finish(run: Run, slice_: Slice) -> float | None:
    """Let go of the run's people. Seconds until the next look; None when the run is over."""
    hand_over_withdrawals(run)
    while not slice_.is_over():
        if not let_go(run, "cancelled", withdrawn=False):
            return None if settled(run) else FLYING_PAUSE_S
    return 0


def finish_where_nobody_delivers(goal: Goal, slice_: Slice) -> None:
    """For the one execution that holds the goal's wake-up: flights that are left now are nobody's."""
    cancelling = list(goal.runs.filter(state=Run.State.CANCELLING))
    if cancelling:
        take_back(goal)
    for run in cancelling:
        finish(run, slice_)


@transaction.atomic
def settled(run: Run) -> bool:
    """True when nobody of the run is being sent any more."""
    now = Run.objects.select_for_update(no_key=True, of=["self"]).get(pk=run.pk)
    runs.settle(now)
    now.save()
    return not now.is_open


@transaction.atomic
def hand_over_withdrawals(run: Run) -> None:
    heir = Run(account_id=run.account_id, goal_id=run.goal_id, trigger=Run.Trigger.CHANGE)
    heir.state, heir.started_at, heir.settings = Run.State.RUNNING, timezone.now(), run.settings
    heir.heartbeat_at = heir.started_at
    heir.save()
    people = let_go(run, "superseded", withdrawn=True, heir=heir.pk)
    if not people:
        heir.delete()
        return
    heir.removals = heir.removal_waiting = people
    heir.save()
    wake(runs.DELIVER, str(run.goal_id), account_id=run.account_id, priority=True)


@transaction.atomic
def let_go(run: Run, code: str, *, withdrawn: bool, heir: UUID | None = None) -> int:
    """How many people of the run were let go, or all of them handed over to the heir; those being sent stay."""
    parameters: dict[str, Any] = {
        "account": run.account_id,
        "goal": run.goal_id,
        "run": run.pk,
        "withdrawn": withdrawn,
        "code": code,
        "heir": heir,
        "limit": PEOPLE_PER_STEP if heir is None else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(LET_GO.format(change=DROPPED if heir is None else HANDED_OVER), parameters)
        rows = cursor.fetchall()
    if rows:
        counted = Counter({(operation, "skipped", code): people for operation, people in rows})
        runs.count({run.pk: counted})
    return sum(people for _, people in rows)
