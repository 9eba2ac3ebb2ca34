"""Runs: queued, planned, counted, closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from connectors import alerts
from connectors.models import Goal, Outcome, Run
from connectors.sync import words
from syncapp.accounts.models import User
from syncapp.work import wake

DELIVER = "connectors.deliver"
EXECUTE = "connectors.run"
AUDIENCES = "profile:audiences"


class CannotRun(RuntimeError):
    """In words for staff: what has to be set up first."""


@transaction.atomic
def queue_full_run(goal: Goal, *, trigger: str, requested_by: User | None = None, dry: bool = False) -> Run:
    """A run over the whole audience, handed to the workers on commit; the one already open, if there is one.

    A dry run is beside those: it may look while another works, and also at a goal that is switched off. What only
    has to be delivered yet keeps no change waiting: its people are planned anew. Raises CannotRun.
    """
    lock(goal)
    in_the_way = Run.NOT_PLANNED if dry or trigger == Run.Trigger.CHANGE else Run.OPEN
    open_run: Run | None = goal.runs.filter(full=True, dry=dry, state__in=in_the_way).first()
    if open_run is not None:
        return open_run
    problem = obstacle(goal, dry=dry)
    if problem:
        raise CannotRun(problem)
    run: Run = Run.objects.create(
        account_id=goal.account_id, goal=goal, trigger=trigger, full=True, dry=dry, requested_by=requested_by
    )
    wake(EXECUTE, str(run.pk), account_id=goal.account_id)
    return run


def obstacle(goal: Goal, *, dry: bool = False) -> str:
    """Why the goal cannot run, in words for staff; empty when it can. A dry run does not mind switches."""
    if not goal.connection.enabled and not dry:
        return "The connection is switched off."
    if not goal.enabled and not dry:
        return "The goal is switched off."
    if not goal.list_id:
        return "Choose the list at the ESP first."
    if not goal.audience_links.exists():
        return "Choose an audience to export first."
    if goal.audiences.filter(deleted_at__isnull=False).exists():
        return "An audience of this goal was deleted: choose another one."
    if not goal.connection.objective_links.exists():
        return "Attach an objective to the connection first: without one nobody has agreed to be mailed."
    if goal.leavers == Goal.Leavers.CLEAR and not goal.mappings.filter(source=AUDIENCES).exists():
        return (
            "Nothing says which field to empty for people who leave: let a field of the list hold their audiences, "
            "or choose something else for people who leave."
        )
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
    """Give an open run its last state once nobody in it is waiting, and tell who should know. Does not save."""
    if not run.is_open or run.waiting or run.removal_waiting:
        return
    state, reason = verdict(run)
    run.state, run.reason, run.finished_at = state, reason, timezone.now()
    alerts.run_ended(run)


def verdict(run: Run) -> tuple[str, str]:
    """The state of a run in which nobody is waiting any more, and why. Never plain "completed" when rows failed."""
    if run.state == Run.State.CANCELLING:
        return Run.State.CANCELLED, run.reason
    failed = run.rejected + run.removal_rejected + run.dead + run.removal_dead
    done = run.created + run.updated + run.unchanged + run.removed
    if failed and not done:
        return Run.State.FAILED, f"{failure_words(run)}; nobody else was sent."
    if failed:
        return Run.State.WARNINGS, f"{failure_words(run)} of {run.checked + run.removals:,}."
    if leavers_wait(run):
        return Run.State.WARNINGS, leavers_wait(run)
    if run.full and not run.checked:
        return Run.State.WARNINGS, "The audiences of this goal are empty: nobody was sent."
    if run.full and not done:
        return Run.State.WARNINGS, f"Nobody could be sent: {most_common_reason(run.skipped)}."
    return Run.State.COMPLETED, ""


def failure_words(run: Run) -> str:
    rejected, dead = run.rejected + run.removal_rejected, run.dead + run.removal_dead
    parts = [f"the ESP rejected {rejected:,}"] if rejected else []
    parts += [f"{dead:,} given up after many tries"] if dead else []
    words = " and ".join(parts)
    return words[0].upper() + words[1:]


def leavers_wait(run: Run) -> str:
    """What a run of changes says when it left leavers alone; else empty."""
    people = run.plan.get("leavers_wait", 0)
    if not people:
        return ""
    return f"{people:,} people left, more than this goal takes off unasked: a full run is held for approval."


def most_common_reason(skipped: Mapping[str, int]) -> str:
    code, people = max(skipped.items(), key=lambda item: item[1])
    return f"{words.reason(code).lower()} ({people:,})"


def close(run: Run, state: str, reason: str) -> None:
    run.state, run.reason, run.finished_at = state, reason[:300], timezone.now()
    run.save()
    alerts.run_ended(run)


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
