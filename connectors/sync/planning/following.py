"""Following the change feed: every goal plans the people touched, each change counts as planned in the same commit."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from audiences.models import Change
from connectors import alerts
from connectors.models import Goal, Run
from connectors.sync import runs
from connectors.sync.planning import executing
from syncapp.work import crashing

logger = logging.getLogger("connectors")

TOUCHED_PER_PLAN = 50_000  # people; above this, planning everyone touched at once would hold locks too long

CLAIM_CHANGES = """
SELECT id, profile_ids[1:%(most)s], cardinality(profile_ids) FROM audiences_change
WHERE account_id = %(account)s AND planned_at IS NULL ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED
"""
SHORTEN = "UPDATE audiences_change SET profile_ids = profile_ids[%s:] WHERE account_id = %s AND id = %s"


@transaction.atomic
def plan_next_changes(account_id: int) -> bool:
    """False when no change was waiting. The changes are marked in the transaction that planned them."""
    change_ids, touched = claim_changes(account_id)
    if not touched:
        return False
    for goal in Goal.objects.of(account_id).select_related("connection").order_by("pk"):
        follow(goal, touched)
    Change.objects.of(account_id).filter(pk__in=change_ids).update(planned_at=timezone.now())
    crashing.reached("before_commit", "plan")
    return True


def claim_changes(account_id: int) -> tuple[list[int], Sequence[int]]:
    """The changes that are planned with these people. A change of very many people is planned part by part: its row
    is left with the rest of them."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_CHANGES, {"account": account_id, "most": TOUCHED_PER_PLAN})
        rows = cursor.fetchall()
        change_ids: list[int] = []
        touched: set[int] = set()
        for change_id, profile_ids, people in rows:
            if touched and len(touched) + people > TOUCHED_PER_PLAN:
                break
            touched.update(profile_ids)
            if people > TOUCHED_PER_PLAN:
                cursor.execute(SHORTEN, [TOUCHED_PER_PLAN + 1, account_id, change_id])
                break
            change_ids.append(change_id)
    return change_ids, sorted(touched)


def follow(goal: Goal, touched: Sequence[int]) -> None:
    """Plan the touched people for one goal. One that cannot be planned does not stop the others: the change stays
    accounted for by the full run the goal needs then."""
    if runs.obstacle(goal):
        executing.need_full_run(goal)
        return
    try:
        with transaction.atomic():
            executing.plan_touched(goal, touched)
    except OperationalError:
        raise  # a deadlock, a server that went away: the same again, for every goal
    except Exception as error:
        logger.exception("Goal %s could not plan the people touched: it needs a full run", goal.pk)
        note_failure(goal, error)


def note_failure(goal: Goal, error: Exception) -> None:
    """Put it where staff look; a full run that works takes it back."""
    words = f"Planning failed ({type(error).__name__}): changes of people wait for a full run. The log has the details."
    Goal.objects.filter(pk=goal.pk).update(needs_full_run=True, problem=words)
    alerts.plan_failed(goal, words)


def execute(run: Run) -> None:
    """`executing.execute`, and a failed run instead of one that is queued for ever."""
    try:
        executing.execute(run)
    except OperationalError:
        raise
    except Exception as error:
        logger.exception("Run %s could not be planned", run.pk)
        with transaction.atomic():
            now = Run.objects.select_for_update(no_key=True, of=["self"]).get(pk=run.pk)
            if now.state in (Run.State.QUEUED, Run.State.PLANNING):
                words = f"Planning failed ({type(error).__name__}). The log has the details."
                runs.close(now, Run.State.FAILED, words)
                note_failure(run.goal, error)
