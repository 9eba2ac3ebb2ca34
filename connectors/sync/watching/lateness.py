"""Telling people about scheduled runs that did not start, and when they did after all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone

from connectors import alerts
from connectors.models import Goal, Run
from connectors.schedules import BadSchedule, in_words, parse
from connectors.schedules.starts import Expected, expected_start
from connectors.sync import runs
from connectors.sync.watching.scheduling import NOT_BEGUN
from syncapp.accounts import scope
from syncapp.notices.models import Alert

GOING = (Run.State.HELD, Run.State.RUNNING, Run.State.WAITING, Run.State.CANCELLING)


def tell_of_late_starts() -> None:
    """Once per missed start; resolved as soon as a run began or the goal is not expected to run any more."""
    now = timezone.now()
    with scope.everything("scheduled starts of every account are looked after"):
        told = {
            alert.subject: alert
            for alert in Alert.objects.filter(kind=alerts.DID_NOT_START, resolved_at=None)
        }
        for goal in scheduled():
            alert = told.pop(alerts.subject_of(goal.pk), None)
            expected = expectation(goal, now)
            if not is_late(goal, expected, now):
                if alert is not None:
                    alerts.did_start(goal)
            elif alert is None or (expected is not None and alert.last_at < expected.until):
                alerts.did_not_start(goal, *in_title_and_words(goal, expected))
        for alert in told.values():
            alerts.not_expected_any_more(alert)


def scheduled() -> QuerySet[Any]:
    """Goals that are on and have a schedule, with `begun_at`, when the latest full run began, and `is_going`."""
    full = Run.objects.filter(account=OuterRef("account"), goal=OuterRef("pk"), full=True, dry=False)
    begun = full.exclude(state__in=NOT_BEGUN).annotate(begun_at=Greatest("queued_at", "started_at"))
    on = Goal.objects.filter(enabled=True, connection__enabled=True, account__archived_at=None)
    rows: QuerySet[Any] = (
        on.filter(schedule__isnull=False)
        .select_related("connection", "account")
        .annotate(
            begun_at=Subquery(begun.order_by("-queued_at").values("begun_at")[:1]),
            is_going=Exists(full.filter(state__in=GOING)),
        )
        .order_by("pk")
    )
    return rows


def expectation(goal: Goal, now: datetime) -> Expected | None:
    """For the latest start that was due; None before the first."""
    slot = goal.last_scheduled_at
    if goal.next_run_at is not None and goal.next_run_at <= now:
        slot = goal.next_run_at
    return None if slot is None else expected_start(slot, goal.expected_by, goal.account.zone)


def is_late(goal: Any, expected: Expected | None, now: datetime) -> bool:
    if goal.next_run_at is None:
        return bool(problem_of_schedule(goal))
    if expected is None or now <= expected.until or goal.is_going:
        return False
    return goal.begun_at is None or goal.begun_at < expected.since


def problem_of_schedule(goal: Goal) -> str:
    """Why its schedule cannot be read; empty where it can."""
    try:
        parse(goal.schedule)
    except BadSchedule as problem:
        return str(problem)
    return ""


def in_title_and_words(goal: Goal, expected: Expected | None) -> tuple[str, str]:
    problem = problem_of_schedule(goal)
    if problem or expected is None:
        return f"The schedule of “{goal}” cannot be read", f"It does not start until it is mended. {problem}"
    by = expected.until.astimezone(goal.account.zone)
    title = f"“{goal}” did not start: a run was expected by {by:%H:%M}"
    return title, f"{in_words(parse(goal.schedule))}. {why(goal)}"


def why(goal: Goal) -> str:
    obstacle = runs.obstacle(goal)
    if obstacle:
        return f"It cannot run: {obstacle}"
    if goal.runs.filter(full=True, dry=False, state__in=NOT_BEGUN).exists():
        return "Its run waits in the queue: the workers have too much to do, or none is running."
    return (
        "Start it by hand on its page, and have somebody look at the workers if the next one does not start."
    )
