"""Two goals that fill the same list: neither takes off whom the other wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from audiences.models import Audience, Objective
from connectors.models import Connection, ConnectionObjective, Goal, GoalAudience, Run
from connectors.tasks import deliver_goal
from syncapp.work import Slice
from tests.connectors.sync.world import World


@pytest.fixture
def other(
    world: World, audience_of: Callable[..., Audience], objective_of: Callable[..., Objective]
) -> World:
    """Another audience, with another objective, through a connection of its own, to the same list."""
    offers = objective_of(world.account, "offers")
    audience = audience_of(world.account, "Offers", identifier="email", unknown_contacts="create")
    connection = Connection.objects.create(
        account=world.account,
        name="Offers",
        connector="campaign_monitor",
        authorization=world.authorization,
        client_id=world.connection.client_id,
        enabled=True,
    )
    ConnectionObjective.objects.create(account=world.account, connection=connection, objective=offers)
    goal = Goal.objects.create(
        account=world.account, connection=connection, name="Offers", list_id=world.list_id, list_name="News"
    )
    GoalAudience.objects.create(account=world.account, goal=goal, audience=audience)
    Goal.objects.update(leavers=Goal.Leavers.UNSUBSCRIBE)
    return replace(world, audience=audience, objective=offers, connection=connection, goal=goal)


def work(world: World) -> None:
    world.plan()
    for goal in Goal.objects.all():
        deliver_goal(world.account.pk, str(goal.pk), Slice())
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


def both_want(world: World, other: World) -> None:
    world.push("eve@example.com")
    other.push("eve@example.com")
    other.answer("eve@example.com", "granted", "offers")
    work(world)
    assert world.on_list == {"eve@example.com": "Active"}


def test_who_leaves_one_stays_for_the_other_until_they_leave_both(world: World, other: World):
    both_want(world, other)
    world.push(remove=["eve@example.com"])
    work(world)
    assert world.on_list == {"eve@example.com": "Active"}
    other.push(remove=["eve@example.com"])
    work(world)
    assert world.on_list == {"eve@example.com": "Unsubscribed"}


def test_who_withdraws_one_consent_stays_for_the_other(world: World, other: World):
    both_want(world, other)
    world.answer("eve@example.com", "denied")
    work(world)
    assert world.on_list == {"eve@example.com": "Active"}
    world.answer("eve@example.com", "denied", "offers")
    work(world)
    assert world.on_list == {"eve@example.com": "Unsubscribed"}


def test_a_goal_that_is_off_wants_nobody(world: World, other: World):
    both_want(world, other)
    Goal.objects.filter(pk=other.goal.pk).update(enabled=False)
    world.push(remove=["eve@example.com"])
    work(world)
    assert world.on_list == {"eve@example.com": "Unsubscribed"}


def test_wanted_elsewhere_between_plan_and_sending_counts(world: World, other: World):
    world.push("eve@example.com")
    work(world)
    world.answer("eve@example.com", "denied")
    world.plan()
    other.push("eve@example.com", consent=None)
    other.answer("eve@example.com", "granted", "offers")
    world.deliver()
    assert world.on_list == {"eve@example.com": "Active"}
