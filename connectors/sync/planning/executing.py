"""From a plan to a run at work: a full run, or one for the people touched by a change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors import alerts
from connectors.models import Goal, Run
from connectors.sync import runs
from connectors.sync.planning.findings import Planned
from connectors.sync.planning.plan import Part, plan
from connectors.sync.sources import Shape
from syncapp.work import crashing, wake

FIRST_RUN = "first_run"
MAPPING_CHANGED = "mapping_changed"
REMOVALS = "removals"
EMPTY_SOURCE = "empty_source"
REPAIR = "repair"


@transaction.atomic
def execute(run: Run) -> None:
    """Plan a queued full run. Repeating it after a crash is harmless: the transaction is all or nothing.

    What asks for a full run is taken note of first: who changes the goal while it is planned asks anew.
    """
    goal = runs.locked(run.goal)
    run = Run.objects.select_for_update(no_key=True, of=["self"]).get(pk=run.pk)
    if run.state not in (Run.State.QUEUED, Run.State.PLANNING):
        return
    problem = runs.obstacle(goal, dry=run.dry)
    if problem:
        runs.close(run, Run.State.FAILED, problem)
        if not run.dry:
            need_full_run(goal)
        return
    if run.dry:
        look_into(run, goal)
        return
    Goal.objects.filter(pk=goal.pk).update(needs_full_run=False)
    plan_everyone(run, goal)
    crashing.reached("before_commit", "run")


def look_into(run: Run, goal: Goal) -> None:
    """Keep the plan of a dry run; nothing else is written."""
    shape = Shape.of(goal)
    run.started_at = timezone.now()
    planned = plan(goal, run.pk, shape, part=Part.NOTHING, hold=bool(why_hold(run, goal, shape)))
    keep_plan(run, goal, shape, planned)
    runs.close(run, Run.State.COMPLETED, "Dry run: nothing was sent.")


def plan_everyone(run: Run, goal: Goal) -> None:
    """Apply the plan, or hold it for a person; applied, it is what the goal is from now on."""
    shape = Shape.of(goal)
    approved = run.approved_hash.removeprefix(prefix_of(goal, shape))
    planned = plan(
        goal,
        run.pk,
        shape,
        hold=bool(why_hold(run, goal, shape)),
        approved=approved if approved != run.approved_hash else "",
    )
    before = run.plan
    keep_plan(run, goal, shape, planned)
    if planned.applies:
        apply(run, goal, planned)
        Goal.objects.filter(pk=goal.pk).update(approved_version=shape.version, problem="")
        alerts.run_not_held(goal)
        alerts.plan_works(goal)
    else:
        hold(run, goal, before)
        take_off_withdrawn(goal, shape, planned)


def why_hold(run: Run, goal: Goal, shape: Shape) -> str:
    """What keeps the run from starting unasked, before anyone is counted."""
    if goal.approved_version is None and goal.hold_first_run:
        return FIRST_RUN
    if run.trigger == Run.Trigger.REPAIR:
        return REPAIR
    if goal.approved_version is None:
        return ""
    if goal.hold_changes and (goal.approved_version != shape.version or objectives_changed(goal)):
        return MAPPING_CHANGED
    return ""


def objectives_changed(goal: Goal) -> bool:
    """Other objectives mean other people, though nobody withdrew and no field changed."""
    applied = goal.runs.filter(full=True, dry=False, started_at__isnull=False).order_by("-started_at").first()
    return applied is not None and applied.settings.get("objectives") != objectives_of(goal)


def objectives_of(goal: Goal) -> list[str]:
    return list(goal.connection.objectives.order_by("key").values_list("key", flat=True))


def keep_plan(run: Run, goal: Goal, shape: Shape, planned: Planned) -> None:
    """What the plan says, on the run; why it would be held, also where it is not."""
    why = why_hold(run, goal, shape)
    if not why and planned.is_empty:
        why = EMPTY_SOURCE
    elif not why and planned.too_many:
        why = REMOVALS
    run.settings = settings_of(goal, shape)
    run.plan_hash = prefix_of(goal, shape) + planned.people_hash
    run.plan = {
        **{key: value for key, value in run.plan.items() if key == "left_out"},
        "counts": planned.counts,
        "samples": planned.samples,
        "on_list": planned.on_list,
        "staying": planned.staying,
        **({"why_held": why} if why else {}),
    }


def hold(run: Run, goal: Goal, before: dict[str, Any]) -> None:
    """Wait for a person; nothing of the plan was written."""
    run.state, run.reason = Run.State.HELD, held_words(run, before)
    run.approved_hash = run.decision = ""
    run.decided_by = run.decided_at = None
    run.save()
    need_full_run(goal)
    alerts.run_held(goal, run)


def held_words(run: Run, before: dict[str, Any]) -> str:
    """Also says what changed since the approval, if there was one."""
    if not run.approved_hash:
        return words_of_hold(run)
    staying = run.plan["staying"] - before.get("staying", 0)
    leaving = run.plan["counts"]["leaving"] - before.get("counts", {}).get("leaving", 0)
    if not staying and not leaving:
        return "The audience changed since it was approved: as many people, but others. Look again."
    return (
        f"The audience changed since it was approved: {staying:+,} to be on the list, {leaving:+,} to be "
        "taken off. Look again."
    )


def words_of_hold(run: Run) -> str:
    """Why the run is held."""
    counts, on_list = run.plan["counts"], run.plan["on_list"]
    return {
        FIRST_RUN: "The first run of this goal: look at the plan before anyone is sent.",
        MAPPING_CHANGED: "The goal was changed: look at the plan before everybody is brought up to date.",
        REPAIR: "It repairs what differed at the ESP: look at the plan before anyone is sent.",
        EMPTY_SOURCE: f"The audiences are empty, and {on_list:,} people are on the list because of this goal.",
        REMOVALS: f"{counts['leaving']:,} of {on_list:,} people on the list would be taken off.",
    }[run.plan["why_held"]]


def take_off_withdrawn(goal: Goal, shape: Shape, planned: Planned) -> None:
    """Who may not be mailed any more does not wait for the approval of the rest.

    Unless nobody withdrew: when staff attached other objectives, that is what is to be approved.
    """
    if planned.counts["withdrawn"] and not objectives_changed(goal):
        run: Run = Run.objects.create(account_id=goal.account_id, goal=goal, trigger=Run.Trigger.CHANGE)
        apply(run, goal, plan(goal, run.pk, shape, part=Part.WITHDRAWALS, approved=planned.people_hash))


@transaction.atomic
def plan_touched(goal: Goal, profile_ids: Sequence[int]) -> Run | None:
    """A run for the people touched; None when the goal has nothing to do with them."""
    goal = runs.locked(goal)
    shape = Shape.of(goal)
    part = part_for_changes(goal, shape)
    if part is Part.WITHDRAWALS:
        need_full_run(goal)
    run: Run = Run.objects.create(account_id=goal.account_id, goal=goal, trigger=Run.Trigger.CHANGE)
    planned = plan(goal, run.pk, shape, profile_ids, part=part)
    if planned.touches_nobody:
        run.delete()
        return None
    run.settings = settings_of(goal, shape)
    run.plan = {"counts": planned.counts}
    if planned.leavers_wait:
        run.plan["leavers_wait"] = planned.leaving
    elif planned.leaving_anew:
        run.plan["leavers_taken"] = planned.leaving_anew
    apply(run, goal, planned)
    if planned.leavers_wait:
        need_full_run(goal)
        runs.queue_full_run(goal, trigger=Run.Trigger.CHANGE)
    return run


def part_for_changes(goal: Goal, shape: Shape) -> Part:
    """Withdrawals are planned whatever happens. The rest waits for a full run where one has to be approved first, and
    where the goal does not follow changes."""
    is_approved = goal.approved_version == shape.version or not goal.hold_changes
    if goal.real_time and goal.approved_version is not None and is_approved:
        return Part.EVERYTHING
    return Part.WITHDRAWALS


def apply(run: Run, goal: Goal, planned: Planned) -> None:
    """The plan was written: the run counts it, and the workers deliver it."""
    run.settings = run.settings or settings_of(goal, Shape.of(goal))
    run.started_at = run.heartbeat_at = timezone.now()
    run.checked = planned.checked
    run.unchanged = planned.unchanged
    run.skipped = dict(planned.skipped)
    run.waiting = planned.created + planned.updated
    run.removals = run.removal_waiting = planned.removals
    run.state, run.reason = Run.State.RUNNING, runs.leavers_wait(run)
    runs.settle(run)
    run.save()
    runs.take_over(planned.superseded)
    if planned.due or run.full:  # a full run also lets go on who waited for its approval
        wake(runs.DELIVER, str(goal.pk), account_id=goal.account_id, priority=not run.full)


def need_full_run(goal: Goal) -> None:
    Goal.objects.filter(pk=goal.pk, needs_full_run=False).update(needs_full_run=True)


def settings_of(goal: Goal, shape: Shape) -> dict[str, Any]:
    """What a run keeps of the goal it executed."""
    return {
        "version": shape.version,
        "list_id": goal.list_id,
        "list_name": goal.list_name,
        "leavers": goal.leavers,
        "audiences": list(goal.audiences.values_list("name", flat=True)),
        "objectives": objectives_of(goal),
        "fields": [[field.source, field.target] for field in shape.fields],
    }


def prefix_of(goal: Goal, shape: Shape) -> str:
    """The part of a plan's hash that stands for the goal: an approval is of people and of what they get."""
    audiences = sorted(goal.audience_links.values_list("audience_id", flat=True))
    written = json.dumps([settings_of(goal, shape), audiences], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:16] + "-"
