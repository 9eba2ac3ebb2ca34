"""Changing what a goal is made of, so that nobody is left as they were under the old mapping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from audiences.models import Audience, Objective
from connectors.models import Connection, ConnectionObjective, Goal, GoalAudience, Mapping, Run, Subscriber
from connectors.sync import runs
from connectors.sync.watching import scheduling
from connectors.wizard.credentials import wake_goals


@dataclass(frozen=True, slots=True)
class Parts:
    """What people's payloads and places on the list follow from, besides the people themselves."""

    list_id: str
    leavers: str
    audiences: tuple[int, ...]
    fields: tuple[tuple[str, str], ...]


def parts_of(goal_id: int) -> Parts:
    """As stored now."""
    goal = Goal.objects.get(pk=goal_id)
    return Parts(
        list_id=goal.list_id,
        leavers=goal.leavers,
        audiences=tuple(goal.audience_links.order_by("audience_id").values_list("audience_id", flat=True)),
        fields=tuple(goal.mappings.order_by("target").values_list("target", "source")),
    )


def note_changes(goal_id: int, before: Parts) -> bool:
    """After saving: everybody is due again when the parts changed. True when they did.

    Who waited because the goal could not run is looked at again.
    """
    if parts_of(goal_id) == before:
        return False
    Goal.objects.filter(pk=goal_id).update(version=F("version") + 1, needs_full_run=True)
    wake_goals(Goal.objects.values_list("account_id", flat=True).get(pk=goal_id), [goal_id])
    return True


def has_people_on_list(goal: Goal) -> bool:
    """The goal put somebody on its list: pointing it elsewhere would forget whom to take off again."""
    return bool(Subscriber.objects.filter(goal=goal).exclude(accepted_hash=None).exists())


def set_audiences(goal: Goal, audiences: Iterable[Audience]) -> None:
    wanted = {audience.pk for audience in audiences}
    held = set(goal.audience_links.values_list("audience_id", flat=True))
    goal.audience_links.filter(audience_id__in=held - wanted).delete()
    for audience_id in sorted(wanted - held):
        GoalAudience.objects.create(account_id=goal.account_id, goal=goal, audience_id=audience_id)


def set_fields(goal: Goal, fields: Iterable[tuple[str, str, str]]) -> None:
    """`fields` are (source, target, the target's name at the ESP).

    Fields that stay keep their places, as the order is part of people's fingerprints; new ones go last.
    """
    wanted = {target: (source, label[:200]) for source, target, label in fields}
    goal.mappings.exclude(target__in=wanted).delete()
    held = {mapping.target: mapping for mapping in goal.mappings.all()}
    position = max((mapping.position for mapping in held.values()), default=-1)
    for target, (source, label) in wanted.items():
        if target in held:
            goal.mappings.filter(pk=held[target].pk).update(source=source, target_label=label)
            continue
        position += 1
        Mapping.objects.create(
            account_id=goal.account_id,
            goal=goal,
            source=source,
            target=target,
            target_label=label,
            position=position,
        )


@transaction.atomic
def set_objectives(connection: Connection, objectives: Iterable[Objective]) -> None:
    """Other objectives mean other people: the goals have to look at everybody again."""
    wanted = {objective.pk for objective in objectives}
    held = set(connection.objective_links.values_list("objective_id", flat=True))
    if wanted == held:
        return
    connection.objective_links.filter(objective_id__in=held - wanted).delete()
    for objective_id in sorted(wanted - held):
        ConnectionObjective.objects.create(
            account_id=connection.account_id, connection=connection, objective_id=objective_id
        )
    connection.goals.update(needs_full_run=True)
    wake_goals(connection.account_id, list(connection.goals.values_list("pk", flat=True)))


def resend_everything(connection: Connection) -> None:
    """The connection's own settings are part of every payload."""
    connection.goals.update(version=F("version") + 1, needs_full_run=True)


@transaction.atomic
def switch(connection: Connection, *, on: bool) -> None:
    """On wakes what was waiting and catches up on what was not followed; off leaves it waiting."""
    Connection.objects.filter(pk=connection.pk).update(enabled=on)
    connection.enabled = on
    scheduling.plan_next_of(connection)
    if on:
        wake_goals(connection.account_id, list(connection.goals.values_list("pk", flat=True)))
        catch_up(connection)


def catch_up(connection: Connection) -> None:
    """Run goals that put people on lists before and missed changes since: somebody may have withdrawn meanwhile.

    A goal that never ran waits for its first run to be asked for.
    """
    for goal in connection.goals.select_related("connection").filter(needs_full_run=True):
        if has_people_on_list(goal) and not runs.obstacle(goal):
            runs.queue_full_run(goal, trigger=Run.Trigger.MANUAL)


def copy_for_another_list(goal: Goal) -> Goal:
    """The same audiences and fields with no list chosen yet, switched off."""
    copy: Goal = Goal.objects.create(
        account_id=goal.account_id,
        connection=goal.connection,
        name=free_name(goal.connection, goal.name),
        position=goal.position + 1,
        leavers=goal.leavers,
        real_time=goal.real_time,
        schedule=goal.schedule,
        expected_by=goal.expected_by,
        quiet_from=goal.quiet_from,
        quiet_until=goal.quiet_until,
        enabled=False,
    )
    set_audiences(copy, goal.audiences.all())
    set_fields(copy, [(field.source, field.target, field.target_label) for field in goal.mappings.all()])
    return copy


def free_name(connection: Connection, wanted: str) -> str:
    """`wanted`, or the first of `wanted 2`, `wanted 3`, … that no goal of the connection has."""
    taken = set(Goal.objects.filter(connection=connection).values_list("name", flat=True))
    return first_free(wanted[:90], taken)


def first_free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    return name


def what_is_missing(connection: Connection) -> str:
    """Why nothing of the connection could run even if it were on, in words; empty when something can."""
    goals = list(connection.goals.all())
    if not goals:
        return "No goals yet: this connection cannot run. Add an export goal."
    connection_as_on = Connection(pk=connection.pk, account_id=connection.account_id, enabled=True)
    problems = []
    for goal in goals:
        kept, goal.connection = goal.connection, connection_as_on
        problems.append(runs.obstacle(goal))
        goal.connection = kept
    return "" if "" in problems else problems[0]
