"""People nobody tries any more: rejected for good, given up, or quarantined. And trying them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors.models import Goal, Outcome, Run, Subscriber
from connectors.sync import runs
from connectors.sync.planning import executing
from connectors.sync.sources import Shape
from syncapp.accounts.models import Account, User
from syncapp.work import wake

MOST_COUNTED = 20_000  # people; beyond, telling classes apart would slow the page

# Counted over a bounded part of the index of dead people; the last column says that there are more.
CLASSES = """
WITH dead AS (
    SELECT error_class, error_code, error_message FROM connectors_subscriber
    WHERE account_id = %(account)s AND goal_id = %(goal)s AND dead_at IS NOT NULL
    ORDER BY error_class, error_code LIMIT %(most)s
)
SELECT error_class, error_code, min(error_message), count(*), (SELECT count(*) FROM dead) >= %(most)s
FROM dead GROUP BY error_class, error_code ORDER BY count(*) DESC, error_code
"""

# Who was planned anew meanwhile is no dead letter any more. In the order of people, like everyone who locks them.
REPLAY = """
WITH picked AS MATERIALIZED (
    SELECT profile_id FROM connectors_subscriber
    WHERE account_id = %(account)s AND goal_id = %(goal)s AND dead_at IS NOT NULL AND due_at IS NULL
      AND operation <> '' {chosen}
    ORDER BY profile_id FOR UPDATE
),
replayed AS (
    UPDATE connectors_subscriber s SET
        run_id = %(run)s, due_at = now(), attempts = 0, crashes = 0, first_failed_at = NULL, dead_at = NULL,
        error_class = '', error_code = '', error_message = '', updated_at = now()
    FROM picked
    WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.profile_id = picked.profile_id
    RETURNING s.operation
)
SELECT operation, count(*) FROM replayed GROUP BY operation
"""


class NobodyToReplay(RuntimeError):
    """In words for staff."""


@dataclass(frozen=True, slots=True)
class DeadClass:
    """People of one class and code; `people` is a lower bound when `is_more`."""

    error_class: str
    error_code: str
    message: str
    people: int
    is_more: bool


def dead(of: Goal | Account) -> QuerySet[Subscriber]:
    """Dead letters of a goal or of a whole account, in no order."""
    rows: QuerySet[Subscriber] = (
        Subscriber.objects.filter(goal=of) if isinstance(of, Goal) else Subscriber.objects.of(of.pk)
    )
    return rows.exclude(dead_at=None)


def classes(goal: Goal) -> list[DeadClass]:
    """The most common first."""
    with connection.cursor() as cursor:
        cursor.execute(CLASSES, {"account": goal.account_id, "goal": goal.pk, "most": MOST_COUNTED})
        return [DeadClass(*row) for row in cursor.fetchall()]


@transaction.atomic
def replay(
    goal: Goal,
    user: User | None,
    *,
    error_class: str = "",
    error_code: str = "",
    profile_ids: Sequence[int] | None = None,
    failed_in: Run | None = None,
) -> Run:
    """Try again: everybody, a class, a code, these people, or those of one run.

    Gate and payload are as of the moment of sending.

    Raises NobodyToReplay when none of them is a dead letter any more, CannotRun while the goal cannot run.
    """
    goal = runs.locked(goal)
    problem = runs.obstacle(goal)
    if problem:
        raise runs.CannotRun(problem)
    run: Run = Run.objects.create(
        account_id=goal.account_id, goal=goal, trigger=Run.Trigger.REPLAY, requested_by=user
    )
    adding, removing = _make_due(goal, run, error_class, error_code, profile_ids, failed_in)
    if not adding and not removing:
        raise NobodyToReplay("None of these people is waiting to be tried again any more.")
    run.settings = executing.settings_of(goal, Shape.of(goal))
    run.started_at = run.heartbeat_at = timezone.now()
    run.state = Run.State.RUNNING
    run.checked = run.waiting = adding
    run.removals = run.removal_waiting = removing
    run.save()
    wake(runs.DELIVER, str(goal.pk), account_id=goal.account_id)
    return run


def _make_due(
    goal: Goal,
    run: Run,
    error_class: str,
    error_code: str,
    profile_ids: Sequence[int] | None,
    failed_in: Run | None,
) -> tuple[int, int]:
    """(people to be sent, people to be taken off)."""
    parameters: dict[str, Any] = {"account": goal.account_id, "goal": goal.pk, "run": run.pk}
    chosen = []
    for column, value in (("error_class", error_class), ("error_code", error_code)):
        if value:
            parameters[column] = value
            chosen.append(f"AND {column} = %({column})s")
    if failed_in is not None:
        parameters["failed_in"] = failed_in.pk
        chosen.append("AND run_id = %(failed_in)s")
    if profile_ids is not None:
        parameters["profile_ids"] = list(profile_ids)
        chosen.append("AND profile_id = ANY(%(profile_ids)s)")
    with connection.cursor() as cursor:
        cursor.execute(REPLAY.format(chosen=" ".join(chosen)), parameters)
        people = dict(cursor.fetchall())
    removing = sum(people.get(operation.value, 0) for operation in Outcome.TAKING_OFF)
    return sum(people.values()) - removing, removing
