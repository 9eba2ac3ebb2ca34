"""What workers wake up for. Handlers are thin: they find their row and call the engine."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from connectors.models import Call, Goal, Reconciliation, Run
from connectors.pace import budget
from connectors.sync import runs
from connectors.sync.deciding import cancelling
from connectors.sync.delivering.delivery import deliver
from connectors.sync.planning import following
from connectors.sync.reconciling import nightly, reconcile, repairing
from connectors.sync.watching import conservation, expiry, lateness, scheduling, standstill
from syncapp.accounts import scope
from syncapp.work import Slice, crashing, daily, every, handler, wake

PLAN = "connectors.plan"
CALLS_KEPT = timedelta(days=30)


def wake_planner(account_id: int) -> None:
    """Called by ingest inside its transaction when people of the account changed."""
    wake(PLAN, "touched", account_id=account_id, priority=True)


@handler(PLAN, quarantine=False)
def plan_changes(account_id: int, key: str, slice_: Slice) -> float | None:
    """Plan the people touched since the last time, for every goal that follows changes."""
    while not slice_.is_over():
        if not following.plan_next_changes(account_id):
            return None
        crashing.reached("after_commit", "plan")
    return 0


@handler(runs.EXECUTE, lease_s=300, quarantine=False)
def execute_run(account_id: int, key: str, slice_: Slice) -> float | None:
    run = Run.objects.of(account_id).select_related("goal__connection").filter(pk=key).first()
    if run is not None:
        following.execute(run)
        crashing.reached("after_commit", "run")
    return None


@handler(runs.DELIVER, quarantine=False)
def deliver_goal(account_id: int, key: str, slice_: Slice) -> float | None:
    goal = Goal.objects.of(account_id).select_related("connection__authorization").filter(pk=key).first()
    if goal is None:
        return None
    cancelling.finish_where_nobody_delivers(goal, slice_)
    return deliver(goal, slice_)


@handler(cancelling.CANCEL, quarantine=False)
def cancel_run(account_id: int, key: str, slice_: Slice) -> float | None:
    run = Run.objects.of(account_id).filter(pk=key, state=Run.State.CANCELLING).first()
    return None if run is None else cancelling.finish(run, slice_)


@every(10, name="connectors.schedule")
def start_scheduled(slice_: Slice) -> float | None:
    return scheduling.start_due(slice_)


@every(60, name="connectors.late_starts")
def tell_of_late_starts(slice_: Slice) -> float | None:
    lateness.tell_of_late_starts()
    return None


@handler(reconcile.RECONCILE, lease_s=300)
def reconcile_goal(account_id: int, key: str, slice_: Slice) -> float | None:
    """Read and compare, or prepare the repair that a person asked for."""
    rows = Reconciliation.objects.of(account_id).select_related(
        "goal__connection__authorization", "goal__account"
    )
    found = rows.filter(pk=key, state__in=Reconciliation.OPEN).first()
    if found is None:
        return None
    if found.state == Reconciliation.State.REPAIRING:
        return repairing.advance(found, slice_)
    return reconcile.advance(found, slice_)


@every(300, name="connectors.reconcile_nightly")
def reconcile_nightly(slice_: Slice) -> float | None:
    nightly.queue_due()
    return None


@daily("06:10", name="connectors.expiry")
def tell_of_ending_credentials(slice_: Slice) -> float | None:
    expiry.tell_of_endings()
    return None


@daily("03:30", name="forget_budgets")
def forget_budgets(slice_: Slice) -> float | None:
    """Budgets of credentials that nobody uses any more."""
    budget.forget()
    return None


@daily("03:20", name="forget_calls")
def forget_calls(slice_: Slice) -> float | None:
    """Calls are for finding out what went wrong lately; what happened to people stays in the outcomes."""
    with scope.everything("calls of every account grow old"):
        Call.objects.filter(at__lt=timezone.now() - CALLS_KEPT).delete()
    return None


@every(60, name="connectors.standstill")
def look_after_what_stands_still(slice_: Slice) -> float | None:
    standstill.look_after()
    return None


@daily("04:10", name="connectors.conserve")
def check_the_books(slice_: Slice) -> float | None:
    conservation.check_every_account()
    return None
