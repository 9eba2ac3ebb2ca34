"""Changing when a goal runs and when it keeps quiet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Any

from django.db import transaction

from connectors.models import Goal
from connectors.sync.watching import scheduling
from connectors.wizard.credentials import wake_goals


@dataclass(frozen=True, slots=True)
class When:
    """`schedule` as `connectors.schedules.parse` reads it; None: only by hand."""

    real_time: bool
    schedule: dict[str, Any] | None
    expected_by: time | None
    quiet_from: time | None
    quiet_until: time | None

    @classmethod
    def of(cls, goal: Goal) -> When:
        return cls(goal.real_time, goal.schedule, goal.expected_by, goal.quiet_from, goal.quiet_until)


@transaction.atomic
def set_when(goal: Goal, when: When) -> None:
    """Another schedule starts from now on. Who waited for the quiet hours is looked at again; who changed while
    changes were not followed needs a full run."""
    before = When.of(Goal.objects.get(pk=goal.pk))
    if before == when:
        return
    for name in When.__slots__:
        setattr(goal, name, getattr(when, name))
    changed = [*When.__slots__]
    if when.real_time and not before.real_time:
        goal.needs_full_run = True
        changed.append("needs_full_run")
    goal.save(update_fields=changed)
    if when.schedule != before.schedule:
        scheduling.plan_next([goal])
    wake_goals(goal.account_id, [goal.pk])
