"""A held run waits for a person: who approves what they saw, or dismisses it, with a reason.

Whether somebody may decide is for the callers to ask. Decisions are in the audit by the trigger on runs.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from connectors import alerts
from connectors.models import Run
from connectors.sync import runs
from connectors.sync.planning import executing
from connectors.sync.planning.plan import Part, plan
from connectors.sync.sources import Shape
from syncapp.accounts.models import User
from syncapp.work import wake

REASON_CHARS = 300


class AlreadyDecided(RuntimeError):
    """In words for staff: who decided, and when; or what became of the run."""


class PlanChanged(RuntimeError):
    """In words for staff: the plan they looked at is not the one there is now."""


@transaction.atomic
def approve(run: Run, user: User, plan_hash: str, reason: str) -> Run:
    """Let the held run go to work, if the world is still as in the plan the person saw: it is planned again.

    Raises AlreadyDecided, PlanChanged.
    """
    run = held(run)
    if plan_hash != run.plan_hash:
        raise PlanChanged("The plan was made anew since you looked at it: look again.")
    decide(run, user, Run.Decision.APPROVED, reason)
    run.approved_hash = run.plan_hash
    run.state, run.reason = Run.State.PLANNING, ""
    run.save()
    wake(runs.EXECUTE, str(run.pk), account_id=run.account_id)
    return run


@transaction.atomic
def dismiss(run: Run, user: User, reason: str) -> Run:
    """Nothing of it is done. The next full run is planned, and held, anew. Raises AlreadyDecided."""
    run = held(run)
    decide(run, user, Run.Decision.DISMISSED, reason)
    runs.close(
        run, Run.State.CANCELLED, f"Dismissed by {user}: {reason}" if reason else f"Dismissed by {user}."
    )
    alerts.run_not_held(run.goal)
    return run


@transaction.atomic
def plan_again(run: Run) -> Run:
    """Renew a held run's plan; it stays held, even where nothing would hold it any more. Raises AlreadyDecided."""
    goal = runs.locked(run.goal)
    run = held(run)
    before, shape = run.plan, Shape.of(goal)
    planned = plan(goal, run.pk, shape, part=Part.NOTHING)
    executing.keep_plan(run, goal, shape, planned)
    run.plan.setdefault("why_held", before["why_held"])
    run.reason = executing.words_of_hold(run)[:300]
    run.save()
    return run


def held(run: Run) -> Run:
    """The run as it is now, locked: of two people who decide at once, the second one is told of the first."""
    Run.objects.select_for_update(no_key=True, of=["self"]).get(pk=run.pk)
    now: Run = Run.objects.select_related("account", "goal__connection", "decided_by").get(pk=run.pk)
    if now.state == Run.State.HELD:
        return now
    if now.decided_by is None or now.decided_at is None:
        raise AlreadyDecided(f"This run is not held any more: it is {now.get_state_display().lower()}.")
    at = timezone.localtime(now.decided_at, now.account.zone)
    raise AlreadyDecided(
        f"{now.decided_by} decided already, on {at:%Y-%m-%d at %H:%M}: {now.get_decision_display().lower()}."
    )


def decide(run: Run, user: User, decision: str, reason: str) -> None:
    """Note who decided what on a run; does not save."""
    run.decision, run.decided_by, run.decided_at = decision, user, timezone.now()
    run.decision_reason = reason.strip()[:REASON_CHARS]
