"""Undoing what a run took off: who had left comes back, as far as consent and the ESP allow."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from connectors.models import Goal, Outcome, Run
from connectors.sync import runs
from connectors.sync.deciding.holding import decide
from connectors.sync.gate import withheld_sql
from connectors.sync.planning import executing
from connectors.sync.planning.plan import objective_keys
from connectors.sync.sources import Shape, fingerprint_sql, inputs_sql
from syncapp.accounts.models import User
from syncapp.work import wake

# Only who is off because they left: `left` and `cleared` are our words, anything else is the ESP's or the person's.
UNDO = """
WITH taken AS MATERIALIZED (
    SELECT s.profile_id, s.remote_state, s.wanted = 'on' OR s.due_at IS NOT NULL AS is_at_work
    FROM connectors_outcome o
    JOIN connectors_subscriber s
      ON s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.profile_id = o.profile_id
    WHERE o.account_id = %(account)s AND o.run_id = %(undone)s AND o.result = 'removed'
      AND s.remote_state IN ('left', 'cleared')
    ORDER BY s.profile_id FOR UPDATE OF s
),
judged AS MATERIALIZED (
    SELECT taken.profile_id, CASE taken.remote_state WHEN 'left' THEN 'restore' ELSE 'upsert' END AS operation,
           CASE WHEN is_at_work THEN 'wanted_again' ELSE {withheld} END AS withheld, {fingerprint} AS hash
    FROM taken JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = taken.profile_id
),
written AS (
    UPDATE connectors_subscriber s SET wanted = 'on', reason = '', kept = true, wanted_hash = judged.hash,
        operation = judged.operation, run_id = %(run)s, due_at = now(), attempts = 0, crashes = 0,
        first_failed_at = NULL, dead_at = NULL, error_class = '', error_code = '', error_message = '',
        updated_at = now()
    FROM judged WHERE judged.withheld IS NULL
      AND s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.profile_id = judged.profile_id
),
told AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, %(run)s, profile_id, operation, 'skipped', withheld, '', now()
    FROM judged WHERE withheld IS NOT NULL
)
SELECT coalesce(withheld, ''), count(*) FROM judged GROUP BY 1
"""


class CannotUndo(RuntimeError):
    """In words for staff: there is nothing to undo, or it was undone."""


@transaction.atomic
def undo(run: Run, user: User, reason: str) -> Run:
    """Put back whom the run took off because they left. They stay until they are members and leave again.

    Who may not be mailed any more is skipped, with the reason. Raises CannotUndo, CannotRun.
    """
    goal = runs.locked(run.goal)
    undone = Run.objects.select_for_update(no_key=True, of=["self"]).get(pk=run.pk)
    check(undone, goal)
    shape = Shape.of(goal)
    made: Run = Run.objects.create(
        account_id=goal.account_id,
        goal=goal,
        trigger=Run.Trigger.UNDO,
        undoes=undone,
        requested_by=user,
        settings=executing.settings_of(goal, shape),
    )
    skipped = _put_back(goal, shape, made, undone)
    back = skipped.pop("", 0)
    if not back and not skipped:
        raise CannotUndo("There is nobody to put back: this run took nobody off because they left.")
    decide(made, user, Run.Decision.UNDO, reason)
    made.started_at = made.heartbeat_at = timezone.now()
    made.checked, made.waiting, made.skipped = back + skipped.total(), back, dict(skipped)
    made.state = Run.State.RUNNING
    runs.settle(made)
    made.save()
    wake(runs.DELIVER, str(goal.pk), account_id=goal.account_id)
    return made


def check(run: Run, goal: Goal) -> None:
    before = run.undone_by.select_related("requested_by").first()
    if before is not None:
        raise CannotUndo(f"{before.requested_by} undid this run already, on {before.queued_at:%Y-%m-%d}.")
    if run.is_open:
        raise CannotUndo("This run is not over yet: cancel it first, or wait.")
    if run.settings.get("list_id") != goal.list_id:
        raise CannotUndo("The goal fills another list by now.")
    problem = runs.obstacle(goal)
    if problem:
        raise runs.CannotRun(problem)


def _put_back(goal: Goal, shape: Shape, made: Run, undone: Run) -> Counter[str]:
    """{reason they are skipped, or "" for who comes back: people}."""
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "run": made.pk,
        "undone": undone.pk,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
    }
    statement = UNDO.format(
        withheld=withheld_sql(objective_keys(goal), parameters),
        fingerprint=fingerprint_sql(inputs_sql(shape, parameters)),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return Counter(dict(cursor.fetchall()))


def is_undoable(run: Run) -> bool:
    """Whether the page offers it: the run took people off, and nobody undid it."""
    took_off = Outcome.objects.filter(run=run, result=Outcome.Result.REMOVED).exists()
    return took_off and not run.is_open and not run.undone_by.exists()
