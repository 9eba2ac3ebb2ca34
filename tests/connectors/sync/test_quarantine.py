"""Somebody whose sending kills workers: apart after one death, alone after two, set aside after three."""

from __future__ import annotations

import uuid

import pytest

from connectors.models import Flight, Outcome, Run, Subscriber
from connectors.sync.delivering import deadletters
from connectors.sync.delivering.claiming import Batch, claim, let_go
from connectors.sync.delivering.crashes import put_down, take_back
from connectors.sync.sources import Shape
from tests.connectors.sync.world import World

POISON = "poison@example.com"


def claimed(world: World, suspected: int = 0) -> list[Batch]:
    limit = 1 if suspected else 10
    return claim(world.goal, Shape.of(world.goal), "upsert", limit, batches=10, suspected=suspected)


def three_deaths(world: World) -> Run:
    world.push(POISON)
    world.plan()
    for suspected in range(3):
        (batch,) = claimed(world, suspected)
        assert len(batch.people) == 1
        take_back(world.goal)
    return world.last_run


def test_after_a_death_its_people_fly_apart_and_the_others_as_ever(world: World):
    world.push("eve@example.com", "adam@example.com")
    world.plan()
    claimed(world)
    take_back(world.goal)
    world.push(*[f"person{number}@example.com" for number in range(4)])
    world.plan()
    (together,) = claimed(world)
    assert len(together.people) == 4
    assert [len(batch.people) for batch in claimed(world, 1)] == [1, 1]
    let_go(world.goal, [together])


def test_the_third_death_sets_the_person_aside_and_the_run_ends(world: World):
    run = three_deaths(world)
    row = world.subscriber(POISON)
    assert (row.error_class, row.crashes, row.due_at) == ("quarantined", 3, None)
    assert row.dead_at is not None
    assert (run.state, run.dead, run.waiting, run.adds_up) == (Run.State.FAILED, 1, 0, True)
    assert world.outcomes(run) == {POISON: ("dead", "quarantined")}
    assert world.work() is None
    assert world.run_fully().skipped == {"quarantined": 1}
    assert world.on_list == {}


def test_a_changed_person_is_tried_again(world: World):
    three_deaths(world)
    world.push(POISON, city="Gent")
    world.work()
    assert world.on_list == {POISON: "Active"}
    assert (world.subscriber(POISON).dead_at, world.subscriber(POISON).crashes) == (None, 0)


def test_a_replay_tries_again(world: World):
    three_deaths(world)
    run = deadletters.replay(world.goal, world.somebody, error_class="quarantined")
    world.deliver()
    run.refresh_from_db()
    assert (world.on_list, run.state, run.created) == ({POISON: "Active"}, Run.State.COMPLETED, 1)


@pytest.mark.parametrize(("deaths", "calls"), [(1, 2), (2, 40)])
def test_who_is_innocent_lands_and_is_trusted_again(world: World, deaths: int, calls: int):
    """In small groups after one death, alone after two."""
    addresses = [f"person{number}@example.com" for number in range(40)]
    world.push(*addresses)
    world.plan()
    for suspected in range(deaths):
        claim(world.goal, Shape.of(world.goal), "upsert", 100, suspected=suspected)
        take_back(world.goal)
    world.simulator.clear_counters()
    while world.deliver() is not None:
        pass
    assert world.simulator.counters()["subscribers.import"]["requests"] == calls
    assert set(world.on_list) == set(addresses)
    assert not Subscriber.objects.exclude(crashes=0).exists()
    assert (world.last_run.created, world.last_run.adds_up) == (40, True)


def test_a_removal_that_kills_workers_is_set_aside_too(world: World):
    world.push(POISON)
    world.work()
    world.answer(POISON, "denied")
    world.plan()
    for suspected in range(3):
        claim(world.goal, Shape.of(world.goal), "unsubscribe", 1, suspected=suspected)
        take_back(world.goal)
    run = world.last_run
    assert (run.removal_dead, run.removal_waiting, run.adds_up) == (1, 0, True)
    deadletters.replay(world.goal, None)
    world.deliver()
    assert world.on_list == {POISON: "Unsubscribed"}


@pytest.mark.parametrize("how", ["let go", "put down"])
def test_a_worker_that_lives_suspects_nobody(world: World, how: str):
    """A deploy, or a database that was started anew."""
    world.push(POISON)
    world.plan()
    (batch,) = claimed(world)
    let_go(world.goal, [batch]) if how == "let go" else put_down(world.goal, [batch.token, uuid.uuid4()])
    assert not Flight.objects.exists()
    row = world.subscriber(POISON)
    assert (row.crashes, row.attempts) == (0, 0 if how == "let go" else 1)
    world.deliver()
    assert world.on_list == {POISON: "Active"}
    assert Outcome.objects.get().result == "created"
