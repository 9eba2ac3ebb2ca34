"""Runs: queued, planned, counted, closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from connectors.models import Goal, Outcome, Run
from connectors.sync import words
from connectors.sync.plan import Planned, plan
from connectors.sync.sources import Shape
from syncapp.accounts.models import User
from syncapp.work import crashing, wake

DELIVER = "connectors.deliver"
EXECUTE = "connectors.run"


class CannotRun(RuntimeError):
    """In words for staff: what has to be set up first."""


@transaction.atomic
def queue_full_run(goal: Goal, *, trigger: str, requested_by: User | None = None) -> Run:
    """A run over the whole audience, handed to the workers on commit; the one already open, if there is one."""
    lock(goal)
    open_run: Run | None = goal.runs.filter(full=True, state__in=Run.OPEN).first()
    if open_run is not None:
        return open_run
    problem = obstacle(goal)
    if problem:
        raise CannotRun(problem)
    run: Run = Run.objects.create(
        account_id=goal.account_id, goal=goal, trigger=trigger, full=True, requested_by=requested_by
    )
    wake(EXECUTE, str(run.pk), account_id=goal.account_id)
    return run


def obstacle(goal: Goal) -> str:
    """Why the goal cannot run, in words for staff; empty when it can."""
    if not goal.connection.enabled:
        return "The connection is switched off."
    if not goal.enabled:
        return "The goal is switched off."
    if not goal.list_id:
        return "Choose the list at the ESP first."
    if not goal.audience_links.exists():
        return "Choose an audience to export first."
    if goal.audiences.filter(deleted_at__isnull=False).exists():
        return "An audience of this goal was deleted: choose another one."
    if not goal.connection.objective_links.exists():
        return "Attach an objective to the connection first: without one nobody has agreed to be mailed."
    return ""


def lock(goal: Goal) -> None:
    """One plan of a goal at a time; until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('goal', %s))", [goal.pk])


def try_lock(goal: Goal) -> bool:
    """Like `lock`, without waiting: False when the goal is being planned or changed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('goal', %s))", [goal.pk])
        return bool(cursor.fetchone()[0])


def locked(goal: Goal) -> Goal:
    """The goal, locked and as it is by then: it may have been changed while we waited."""
    lock(goal)
    now: Goal = Goal.objects.select_related("connection").get(pk=goal.pk)
    return now


@transaction.atomic
def execute(run: Run) -> None:
    """Plan a queued full run. Repeating it after a crash is harmless: the transaction is all or nothing.

    What asks for a full run is taken note of first: who changes the goal while it is planned asks anew.
    """
    goal = locked(run.goal)
    Goal.objects.filter(pk=goal.pk).update(needs_full_run=False)
    run = Run.objects.select_for_update(no_key=True, of=["self"]).get(pk=run.pk)
    if run.state not in (Run.State.QUEUED, Run.State.PLANNING):
        return
    problem = obstacle(goal)
    if problem:
        close(run, Run.State.FAILED, problem)
        Goal.objects.filter(pk=goal.pk).update(needs_full_run=True)
        return
    plan_into(run, goal)
    crashing.reached("before_commit", "run")


@transaction.atomic
def plan_touched(goal: Goal, profile_ids: Sequence[int]) -> Run | None:
    """A run for the people touched; None when the goal has nothing to do with them."""
    goal = locked(goal)
    run: Run = Run.objects.create(account_id=goal.account_id, goal=goal, trigger=Run.Trigger.CHANGE)
    planned = plan_into(run, goal, profile_ids)
    if planned.touches_nobody:
        run.delete()
        return None
    return run


def plan_into(run: Run, goal: Goal, touched: Sequence[int] | None = None) -> Planned:
    shape = Shape.of(goal)
    now = timezone.now()
    planned = plan(goal, run.pk, shape, touched)
    run.settings = settings_of(goal, shape)
    run.started_at = run.heartbeat_at = now
    run.checked = planned.checked
    run.unchanged = planned.unchanged
    run.skipped = dict(planned.skipped)
    run.waiting = planned.created + planned.updated
    run.removals = run.removal_waiting = planned.removals
    run.state = Run.State.RUNNING
    settle(run)
    run.save()
    take_over(planned.superseded)
    if planned.due:
        wake(DELIVER, str(goal.pk), account_id=goal.account_id, priority=touched is not None)
    return planned


def settings_of(goal: Goal, shape: Shape) -> dict[str, Any]:
    """What a run keeps of the goal it executed."""
    return {
        "version": shape.version,
        "list_id": goal.list_id,
        "list_name": goal.list_name,
        "leavers": goal.leavers,
        "audiences": list(goal.audiences.values_list("name", flat=True)),
        "objectives": list(goal.connection.objectives.values_list("key", flat=True)),
        "fields": [[field.source, field.target] for field in shape.fields],
    }


def take_over(superseded: Mapping[tuple[UUID, str], int]) -> None:
    """Earlier runs account for what this plan took from them."""
    counted: dict[UUID, Counter[tuple[str, str, str]]] = {}
    for (run_id, operation), people in superseded.items():
        counted.setdefault(run_id, Counter())[operation, "skipped", "superseded"] += people
    count(counted)


def count(counted: Mapping[UUID, Mapping[tuple[str, str, str], int]]) -> None:
    """Add outcomes to their runs: {run: {(operation, result, code): people}}. Call inside a transaction.

    A key lock would wait for every other transaction that wrote an outcome of the run, and they for this one.
    """
    for run in (
        Run.objects.select_for_update(no_key=True, of=["self"]).filter(pk__in=list(counted)).order_by("pk")
    ):
        for (operation, result, code), people in counted[run.pk].items():
            _add(run, operation, result, code, people)
        run.heartbeat_at = timezone.now()
        settle(run)
        run.save()


def _add(run: Run, operation: str, result: str, code: str, people: int) -> None:
    if operation in Outcome.TAKING_OFF:
        run.removal_waiting -= people
        name = "removed" if result == "removed" else f"removal_{result}"
        setattr(run, name, getattr(run, name) + people)
        return
    run.waiting -= people
    if result == "skipped":
        run.skipped = {**run.skipped, code: run.skipped.get(code, 0) + people}
    else:
        setattr(run, result, getattr(run, result) + people)


def settle(run: Run) -> None:
    """Give an open run its last state once nobody in it is waiting. Does not save."""
    if not run.is_open or run.waiting or run.removal_waiting:
        return
    state, reason = verdict(run)
    run.state, run.reason, run.finished_at = state, reason, timezone.now()


def verdict(run: Run) -> tuple[str, str]:
    """The state of a run in which nobody is waiting any more, and why. Never plain "completed" when rows failed."""
    rejected = run.rejected + run.removal_rejected
    dead = run.dead + run.removal_dead
    done = run.created + run.updated + run.unchanged + run.removed
    if (rejected or dead) and not done:
        return Run.State.FAILED, f"Nobody could be sent: {failures(rejected, dead)}."
    if rejected or dead:
        return Run.State.WARNINGS, f"Of {run.checked + run.removals:,} people, {failures(rejected, dead)}."
    if run.full and not run.checked:
        return Run.State.WARNINGS, "The audiences of this goal are empty: nobody was sent."
    if run.full and not done:
        return Run.State.WARNINGS, f"Nobody could be sent: {most_common_reason(run.skipped)}."
    return Run.State.COMPLETED, ""


def failures(rejected: int, dead: int) -> str:
    told = [f"the ESP rejected {rejected:,}"] if rejected else []
    return " and ".join([*told, f"{dead:,} were given up"] if dead else told)


def most_common_reason(skipped: Mapping[str, int]) -> str:
    code, people = max(skipped.items(), key=lambda item: item[1])
    return f"{words.reason(code).lower()} ({people:,})"


def close(run: Run, state: str, reason: str) -> None:
    run.state, run.reason, run.finished_at = state, reason, timezone.now()
    run.save()


def mark_waiting(run_ids: Iterable[UUID], reason: str) -> None:
    """Say on open runs why they do not move; `mark_running` takes it back."""
    mark(run_ids, Run.State.RUNNING, Run.State.WAITING, reason)


def mark_running(run_ids: Iterable[UUID]) -> None:
    mark(run_ids, Run.State.WAITING, Run.State.RUNNING, "")


@transaction.atomic
def mark(run_ids: Iterable[UUID], before: str, after: str, reason: str) -> None:
    """Locked in the order in which `count` locks runs."""
    rows = Run.objects.select_for_update(no_key=True, of=["self"]).filter(pk__in=list(run_ids), state=before)
    held = list(rows.order_by("pk").values_list("pk", flat=True))
    Run.objects.filter(pk__in=held).update(state=after, reason=reason[:300])
