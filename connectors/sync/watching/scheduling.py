"""Starting goals by their schedules. `Goal.next_run_at` holds the next start; an index over it finds who is due."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors.models import Connection, Goal, Run
from connectors.schedules import BadSchedule, next_times, parse
from connectors.sync import runs
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work import Slice

logger = logging.getLogger("connectors")

AFTER_AN_ERROR = timedelta(minutes=5)
LEFT_OUT_KEPT = 20  # starts
NOT_BEGUN = (Run.State.QUEUED, Run.State.PLANNING)


def start_due(slice_: Slice) -> float | None:
    """Start every goal that is due; 0 when the time was not enough. One that fails never stops the others."""
    with scope.everything("schedules of every account come due"):
        plan_forgotten()
        due = list(due_now().order_by("next_run_at", "pk").values_list("account_id", "pk"))
    for account_id, goal_id in due:
        if slice_.is_over():
            return 0
        with scope.account(account_id):
            attempt(goal_id)
    return None


def due_now() -> QuerySet[Goal]:
    rows: QuerySet[Goal] = Goal.objects.filter(next_run_at__lte=timezone.now(), account__archived_at=None)
    return rows


def attempt(goal_id: int) -> None:
    """An unexpected error postpones this goal; the books of the others are not touched."""
    try:
        start(goal_id)
    except Exception:
        logger.exception("The scheduled start of goal %s failed: it is tried again", goal_id)
        Goal.objects.filter(pk=goal_id).update(next_run_at=timezone.now() + AFTER_AN_ERROR)


@transaction.atomic
def start(goal_id: int) -> Run | None:
    """Queue the goal's full run, once, however many starts were missed. None when nothing was queued: another worker
    has it, it is switched off, something lacks (its page says what), or its last run is still open."""
    goal = claim(goal_id)
    if goal is None:
        return None
    slot = goal.next_run_at
    goal.next_run_at = next_start(goal)
    if not is_on(goal):
        goal.save(update_fields=["next_run_at"])
        return None
    open_run = goal.runs.filter(full=True, dry=False, state__in=Run.OPEN).first()
    if open_run is not None:
        goal.save(update_fields=["next_run_at"])
        if open_run.state not in NOT_BEGUN:  # one that did not begin yet makes good for this start
            note_left_out(open_run, slot)
        return None
    goal.last_scheduled_at = slot
    goal.save(update_fields=["next_run_at", "last_scheduled_at"])
    try:
        return runs.queue_full_run(goal, trigger=Run.Trigger.SCHEDULE)
    except runs.CannotRun as reason:
        logger.info("The scheduled start of goal %s did nothing: %s", goal.pk, reason)
        return None


def claim(goal_id: int) -> Goal | None:
    """Locked until the end of the transaction, if it is still due and nobody else works on it: then it is later's."""
    rows = due_now().select_for_update(skip_locked=True, no_key=True, of=("self",))
    goal = rows.select_related("connection", "account").filter(pk=goal_id).first()
    return goal if goal is not None and runs.try_lock(goal) else None


def note_left_out(open_run: Run, slot: datetime | None) -> None:
    """An open run is not started over; its page says which starts it left out, the latest ones."""
    run = Run.objects.select_for_update(no_key=True, of=("self",)).get(pk=open_run.pk)
    left_out = [*run.plan.get("left_out", []), slot.isoformat() if slot is not None else ""]
    run.plan = {**run.plan, "left_out": left_out[-LEFT_OUT_KEPT:]}
    run.save(update_fields=["plan"])


def is_on(goal: Goal) -> bool:
    return goal.enabled and goal.connection.enabled and goal.account.archived_at is None


def next_start(goal: Goal) -> datetime | None:
    """From now on, in UTC; None without a schedule, one that cannot be read, or while it is switched off."""
    if goal.schedule is None or not is_on(goal):
        return None
    try:
        schedule = parse(goal.schedule)
    except BadSchedule as problem:
        logger.warning("The schedule of goal %s cannot be read: %s", goal.pk, problem)
        return None
    return next(iter(next_times(schedule, goal.account.zone, timezone.now(), 1)), None)


def plan_next(goals: Iterable[Goal]) -> None:
    """After a change of their schedules or switches: the next start, from now on. Older starts are forgotten, so
    that nobody is told of one that was missed while it was off."""
    for goal in goals:
        goal.next_run_at, goal.last_scheduled_at = next_start(goal), None
        goal.save(update_fields=["next_run_at", "last_scheduled_at"])


def plan_next_of(connection: Connection) -> None:
    plan_next(connection.goals.select_related("connection", "account").filter(schedule__isnull=False))


def plan_forgotten() -> None:
    """Goals that were switched on by another door have a next start, too."""
    on = Goal.objects.filter(enabled=True, connection__enabled=True, account__archived_at=None)
    forgotten = on.filter(next_run_at=None, schedule__isnull=False)
    for goal in forgotten.select_related("connection", "account"):
        found = next_start(goal)
        if found is not None:
            Goal.objects.filter(pk=goal.pk, next_run_at=None).update(next_run_at=found)


def follow_time_zone(account: Account) -> None:
    """The same times by another clock. A start that is due stays due."""
    with scope.account(account):
        later = Goal.objects.filter(next_run_at__gt=timezone.now())
        for goal in later.select_related("connection", "account"):
            Goal.objects.filter(pk=goal.pk).update(next_run_at=next_start(goal))
