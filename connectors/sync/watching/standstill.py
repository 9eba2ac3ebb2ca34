"""What stands still though nothing keeps it: woken when work is there, told as lost when nobody is left in it.

Work and its wake-up are written in one transaction, so none of this should ever be found. It is looked for all the
same: a run that never ends is what people notice last.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from connectors import alerts
from connectors.models import Goal, Run
from connectors.sync import runs
from syncapp.accounts import scope
from syncapp.work import wake

logger = logging.getLogger("connectors.sync")

PATIENCE_S = 120.0  # since a run's last sign of life

# Each part gives what has work and no wake-up. Switched-off goals wait for whoever switches them on.
ASLEEP = """
SELECT goal.account_id, 'connectors.deliver', goal.id::text
FROM connectors_goal goal
JOIN connectors_connection use ON use.account_id = goal.account_id AND use.id = goal.connection_id
WHERE goal.enabled AND use.enabled AND EXISTS (
    SELECT FROM connectors_subscriber s
    WHERE s.account_id = goal.account_id AND s.goal_id = goal.id AND s.due_at IS NOT NULL
) AND NOT EXISTS (
    SELECT FROM work_wakeup w
    WHERE w.account_id = goal.account_id AND w.kind = 'connectors.deliver' AND w.key = goal.id::text
)
UNION ALL
SELECT run.account_id, kind.name, run.id::text
FROM connectors_run run
JOIN (VALUES ('queued', 'connectors.run'), ('planning', 'connectors.run'), ('cancelling', 'connectors.cancel'))
    kind (state, name) ON kind.state = run.state
WHERE coalesce(run.heartbeat_at, run.started_at, run.queued_at) + make_interval(secs => %(patience_s)s) < now()
AND NOT EXISTS (
    SELECT FROM work_wakeup w
    WHERE w.account_id = run.account_id AND w.kind = kind.name AND w.key = run.id::text
)
UNION ALL
SELECT account_id, 'connectors.plan', 'touched'
FROM audiences_change change WHERE planned_at IS NULL AND NOT EXISTS (
    SELECT FROM work_wakeup w
    WHERE w.account_id = change.account_id AND w.kind = 'connectors.plan' AND w.key = 'touched'
)
GROUP BY account_id
"""

# Nobody is due for it and nobody of its goal is being sent: whoever it waits for will not come.
DESERTED = """
SELECT run.id FROM connectors_run run
WHERE run.state IN ('running', 'waiting')
AND coalesce(run.heartbeat_at, run.started_at, run.queued_at) + make_interval(secs => %(patience_s)s) < now()
AND NOT EXISTS (
    SELECT FROM connectors_subscriber s
    WHERE s.account_id = run.account_id AND s.goal_id = run.goal_id AND s.run_id = run.id AND s.due_at IS NOT NULL
) AND NOT EXISTS (
    SELECT FROM connectors_flight f WHERE f.account_id = run.account_id AND f.goal_id = run.goal_id
)
ORDER BY run.id
"""


def look_after() -> None:
    """Every minute."""
    with scope.everything("what stands still is looked for in every account"):
        wake_asleep()
        end_deserted()


def wake_asleep() -> None:
    for account_id, kind, key in fetch(ASLEEP):
        logger.error("%s %s of account %d had work and no wake-up: woken", kind, key, account_id)
        wake(kind, key, account_id=account_id)


def end_deserted() -> None:
    for (run_id,) in fetch(DESERTED):
        end(run_id)


@transaction.atomic
def end(run_id: UUID) -> None:
    """As it ended in truth; where its counters still wait for somebody, as lost."""
    run = Run.objects.select_for_update(no_key=True, of=["self"]).select_related("goal").get(pk=run_id)
    if run.state not in (Run.State.RUNNING, Run.State.WAITING):
        return
    people = run.waiting + run.removal_waiting
    if not people:
        runs.settle(run)
        run.save()
        return
    reason = (
        f"{people:,} people of this run are not waited for any more, and nobody knows what became of them."
    )
    runs.close(run, Run.State.LOST, reason)
    Goal.objects.filter(pk=run.goal_id).update(needs_full_run=True)
    alerts.run_lost(run.goal, run)


def fetch(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"patience_s": PATIENCE_S})
        return list(cursor.fetchall())
