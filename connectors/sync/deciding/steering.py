"""What people do to runs and goals at work: cancel, pause, resume, run again, undo. Callers ask for permission."""

from __future__ import annotations

from django.db import transaction

from connectors import alerts
from connectors.models import Goal, Run, Subscriber
from connectors.sync import runs
from connectors.sync.deciding.cancelling import CANCEL
from connectors.sync.deciding.holding import decide
from connectors.sync.deciding.undoing import CannotUndo, undo
from connectors.sync.watching import scheduling
from syncapp.accounts.models import User
from syncapp.work import wake

__all__ = ["CannotCancel", "CannotUndo", "cancel", "pause", "resume", "run_again", "undo"]


class CannotCancel(RuntimeError):
    """In words for staff: it is over already."""


@transaction.atomic
def cancel(run: Run, user: User, reason: str = "") -> Run:
    """Stop the run: at once where nothing was written yet, else when who is being sent is done.

    Raises CannotCancel for a run that is over. Again while it is being cancelled changes nothing.
    """
    runs.lock(run.goal)  # like every plan: its run and its goal are written in either order
    run = Run.objects.select_for_update(no_key=True, of=["self"]).select_related("goal").get(pk=run.pk)
    if not run.is_open:
        raise CannotCancel(f"This run is over: {run.get_state_display().lower()}.")
    if run.state == Run.State.CANCELLING:
        return run
    was_held = run.state == Run.State.HELD
    decide(run, user, Run.Decision.CANCELLED, reason)
    words = f"Cancelled by {user}." if not reason else f"Cancelled by {user}: {reason}"
    if run.state in Run.NOT_PLANNED:
        runs.close(run, Run.State.CANCELLED, words[:300])
        Goal.objects.filter(pk=run.goal_id).update(needs_full_run=True)
        if was_held:
            alerts.run_not_held(run.goal)
        return run
    run.state, run.reason = Run.State.CANCELLING, words[:300]
    run.save()
    Goal.objects.filter(pk=run.goal_id).update(needs_full_run=True)
    wake(CANCEL, str(run.pk), account_id=run.account_id)
    wake(runs.DELIVER, str(run.goal_id), account_id=run.account_id)
    return run


@transaction.atomic
def pause(goal: Goal, user: User) -> Goal:
    """Nothing is sent from now on; what waits keeps waiting. The audit says who did it."""
    return _switch(goal, on=False)


@transaction.atomic
def resume(goal: Goal, user: User) -> Goal:
    """Go on, and catch up on what was not followed: somebody may have withdrawn meanwhile."""
    goal = _switch(goal, on=True)
    wake(runs.DELIVER, str(goal.pk), account_id=goal.account_id)
    has_people = Subscriber.objects.filter(goal=goal).exclude(accepted_hash=None).exists()
    if goal.needs_full_run and has_people and not runs.obstacle(goal):
        runs.queue_full_run(goal, trigger=Run.Trigger.MANUAL, requested_by=user)
    return goal


def _switch(goal: Goal, *, on: bool) -> Goal:
    goal = runs.locked(goal)
    goal.enabled = on
    goal.save(update_fields=["enabled"])
    if goal.schedule is not None:
        scheduling.plan_next(Goal.objects.select_related("connection", "account").filter(pk=goal.pk))
    return goal


def run_again(run: Run, user: User) -> Run:
    """A new full run of the same goal, as it is now; the one already open, if there is one. Raises CannotRun."""
    return runs.queue_full_run(run.goal, trigger=Run.Trigger.MANUAL, requested_by=user, dry=run.dry)
