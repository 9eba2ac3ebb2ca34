"""When goals are reconciled by themselves: every night, each at its own minute, by the clock of the account."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max
from django.utils import timezone

from connectors.models import Goal, Reconciliation
from connectors.sync.reconciling import reconcile
from syncapp.accounts import scope
from syncapp.work import moment_at

FROM = time(1)
MINUTES = 240  # from one to five o'clock


def queue_due(now: datetime | None = None) -> int:
    """Queue every goal whose minute has come and that was not reconciled since; how many.

    A night without a worker is made up for once. A goal that never ran has nothing to compare.
    """
    moment = now or timezone.now()
    with scope.everything("goals of every account are reconciled at night"):
        asleep = Goal.objects.filter(enabled=True, connection__enabled=True).exclude(list_id="")
        ready = asleep.exclude(approved_version=None).select_related("account", "connection")
        due = [
            goal
            for goal in ready.annotate(reconciled_at=Max("reconciliations__queued_at"))
            if is_due(goal, goal.reconciled_at, moment)
        ]
    return sum(queue(goal) for goal in due)


def is_due(goal: Goal, reconciled_at: datetime | None, now: datetime) -> bool:
    at = last_minute(goal, now)
    return goal.created_at < at and (reconciled_at is None or reconciled_at < at)


def last_minute(goal: Goal, now: datetime) -> datetime:
    """The goal's last moment before now: one o'clock and some minutes, the same ones every night."""
    zone = goal.account.zone
    today = now.astimezone(zone).date()
    moments = [minute_of(goal.pk, zone, today - timedelta(days=days)) for days in (0, 1)]
    return max(moment for moment in moments if moment <= now)


def minute_of(goal_id: int, zone: ZoneInfo, day: date) -> datetime:
    """Neighbours are far apart: 89 and 240 have no common divisor."""
    wall = datetime.combine(day, FROM) + timedelta(minutes=goal_id * 89 % MINUTES)
    return moment_at(wall, zone)


def queue(goal: Goal) -> bool:
    with scope.account(goal.account_id):
        try:
            reconcile.queue(goal, trigger=Reconciliation.Trigger.NIGHTLY)
        except reconcile.CannotReconcile:
            return False
    return True
