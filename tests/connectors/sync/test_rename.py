"""A new address is one operation: the person moves at the ESP with all it knows, and repeating it changes nothing."""

from __future__ import annotations

import pytest

from audiences.changes import record_change
from audiences.models import Profile
from connectors.models import Run
from connectors.sync.delivering.claiming import claim
from connectors.sync.delivering.crashes import take_back
from connectors.sync.sources import Shape
from tests.connectors.sync.world import World

OLD, NEW = "eve@example.com", "eva@example.com"
RENAME = "subscribers.update"
FAULTS = [
    {"kind": "rate_limited", "retry_after": 1},
    {"kind": "status", "status": 503},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "truncated"},
]


def move(world: World, before: str = OLD, after: str = NEW) -> None:
    person = Profile.objects.get(email=before)
    Profile.objects.filter(pk=person.pk).update(email=after)
    record_change(account_id=world.account.pk, profile_ids=[person.pk])


def row(world: World, address: str) -> dict[str, object]:
    (found,) = [row for row in world.simulator.subscribers(world.list_id) if row["email"] == address]
    return found


def arrived(world: World) -> None:
    world.push(OLD, city="Gent", first_name="Eve")
    world.work()


def test_the_person_moves_with_what_only_the_esp_knows(world: World):
    arrived(world)
    joined = row(world, OLD)["joined"]
    move(world)
    world.push(NEW, city="Brugge")
    world.work()
    assert world.on_list == {NEW: "Active"}
    assert (row(world, NEW)["joined"], row(world, NEW)["fields"]) == (joined, {"City": "Brugge"})
    known = world.subscriber(NEW)
    assert (known.accepted_address, known.accepted_hash == known.wanted_hash) == (NEW, True)
    assert world.outcomes(world.last_run) == {NEW: ("updated", "")}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["kind"])
@pytest.mark.parametrize("match", [RENAME, "subscribers.import"])
def test_a_fault_in_the_middle_is_made_good(world: World, fault: dict[str, object], match: str):
    arrived(world)
    move(world)
    world.plan()
    world.simulator.faults([{**fault, "match": match}])
    world.deliver()
    world.simulator.clear_faults()
    world.deliver()
    assert world.on_list == {NEW: "Active"}
    assert world.last_run.state == Run.State.COMPLETED
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


def test_a_crash_in_the_middle_is_made_good(world: World):
    arrived(world)
    move(world)
    world.plan()
    claim(world.goal, Shape.of(world.goal), "upsert", 10)
    take_back(world.goal)
    world.deliver()
    assert world.on_list == {NEW: "Active"}


def test_who_moves_on_before_the_answer_came_moves_on(world: World):
    arrived(world)
    move(world)
    world.plan()
    world.simulator.faults([{"kind": "reset_after", "match": RENAME}])
    world.deliver()
    world.simulator.clear_faults()
    move(world, NEW, "evita@example.com")
    world.work()
    assert world.on_list == {"evita@example.com": "Active"}


def test_an_opt_out_at_the_old_address_travels_with_the_person(world: World):
    arrived(world)
    world.simulator.act("unsubscribe", list_id=world.list_id, email=OLD)
    move(world)
    world.work()
    assert world.on_list == {NEW: "Unsubscribed"}
    assert world.subscriber(NEW).remote_state == "unsubscribed"


def test_where_the_new_address_is_there_already_the_old_one_is_retired(world: World):
    arrived(world)
    world.push(NEW)
    world.work()
    Profile.objects.filter(email=NEW).update(email=None)
    move(world)
    world.work()
    assert world.on_list == {OLD: "Deleted", NEW: "Active"}


def test_two_who_swap_addresses_keep_both(world: World):
    world.push(OLD, city="Gent")
    world.push(NEW, city="Brugge")
    world.work()
    eve, eva = Profile.objects.get(email=OLD), Profile.objects.get(email=NEW)
    Profile.objects.filter(pk=eve.pk).update(email="none@example.com")
    Profile.objects.filter(pk=eva.pk).update(email=OLD)
    Profile.objects.filter(pk=eve.pk).update(email=NEW)
    record_change(account_id=world.account.pk, profile_ids=[eve.pk, eva.pk])
    world.work()
    assert world.on_list == {OLD: "Active", NEW: "Active"}
    assert (row(world, OLD)["fields"], row(world, NEW)["fields"]) == ({"City": "Brugge"}, {"City": "Gent"})
