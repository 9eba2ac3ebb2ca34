"""People nobody tries any more: listed by class, and tried again one by one or all at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import Outcome, Run, Subscriber
from connectors.sync.delivering import deadletters
from connectors.sync.delivering.deadletters import NobodyToReplay, replay
from syncapp.accounts.models import Account
from tests.connectors.sync.world import World

BAD, WORSE = "bad@example.com", "worse@example.com"


def refuse(world: World, **codes: int) -> None:
    addresses = {f"{name}@example.com": code for name, code in codes.items()}
    world.simulator.faults(
        [{"kind": "partial", "match": "subscribers.import", "addresses": addresses, "count": None}]
    )


def rejected(world: World) -> Run:
    refuse(world, bad=1, worse=220)
    world.push("eve@example.com", BAD, WORSE)
    world.work()
    world.simulator.clear_faults()
    return world.last_run


def test_who_is_rejected_for_good_is_listed_by_class(world: World):
    run = rejected(world)
    assert (run.created, run.rejected, run.adds_up) == (1, 2, True)
    assert {row.profile.email for row in deadletters.dead(world.goal)} == {BAD, WORSE}
    assert deadletters.dead(world.account).count() == 2
    assert [(one.error_class, one.error_code, one.people) for one in deadletters.classes(world.goal)] == [
        ("person", "1", 1),
        ("person", "220", 1),
    ]


def test_who_opted_out_at_the_esp_is_no_failure(world: World):
    world.push(BAD)
    world.work()
    world.simulator.act("unsubscribe", list_id=world.list_id, email=BAD)
    world.push(BAD, city="Gent")
    world.work()
    assert world.last_run.rejected == 1
    assert not deadletters.dead(world.goal).exists()


def test_full_runs_leave_them_alone_until_they_change(world: World):
    rejected(world)
    world.simulator.clear_counters()
    run = world.run_fully()
    assert (run.skipped, run.unchanged, run.adds_up) == ({"rejected_before": 2}, 1, True)
    assert "subscribers.import" not in world.simulator.counters()
    world.push(BAD, city="Gent")
    world.work()
    assert world.on_list[BAD] == "Active"
    assert [row.profile.email for row in deadletters.dead(world.goal)] == [WORSE]


def test_a_replay_of_one_class_leaves_the_others(world: World):
    rejected(world)
    run = replay(world.goal, world.somebody, error_class="person", error_code="220")
    assert (run.trigger, run.checked, run.waiting) == (Run.Trigger.REPLAY, 1, 1)
    world.deliver()
    run.refresh_from_db()
    assert (run.state, run.created, run.adds_up) == (Run.State.COMPLETED, 1, True)
    assert set(world.on_list) == {"eve@example.com", WORSE}
    assert [row.profile.email for row in deadletters.dead(world.goal)] == [BAD]


def test_a_replay_of_one_person(world: World):
    rejected(world)
    replay(world.goal, None, profile_ids=[world.subscriber(BAD).profile_id])
    world.deliver()
    assert set(world.on_list) == {"eve@example.com", BAD}


def test_a_replay_of_a_hundred_delivers_a_hundred_and_nobody_twice(world: World):
    addresses = [f"person{number}@example.com" for number in range(100)]
    refuse(world, **{f"person{number}": 1 for number in range(100)})
    world.push(*addresses)
    world.work()
    world.simulator.clear_faults()
    assert deadletters.dead(world.goal).count() == 100
    run = replay(world.goal, world.somebody)
    world.deliver()
    run.refresh_from_db()
    assert (run.created, run.rejected, run.dead, run.adds_up) == (100, 0, 0, True)
    assert set(world.on_list) == set(addresses)
    assert set(world.effects().values()) == {1}
    assert not deadletters.dead(world.goal).exists()
    with pytest.raises(NobodyToReplay):
        replay(world.goal, world.somebody)


def test_a_replay_passes_the_gate(world: World):
    rejected(world)
    world.answer(BAD, "denied")
    run = replay(world.goal, world.somebody, error_code="1")
    world.deliver()
    run.refresh_from_db()
    assert (run.skipped, run.adds_up) == ({"consent_denied": 1}, True)
    assert BAD not in world.on_list


def test_who_fails_again_is_listed_again(world: World):
    rejected(world)
    refuse(world, bad=1)
    replay(world.goal, world.somebody, error_code="1")
    world.deliver()
    assert deadletters.dead(world.goal).count() == 2
    assert world.last_run.rejected == 1


def test_who_failed_for_three_days_and_eight_times_is_given_up(world: World):
    refuse(world, bad=500)
    world.push(BAD)
    world.work()
    row = world.subscriber(BAD)
    assert (row.attempts, row.error_class, row.error_code) == (1, "retry", "500")
    assert row.first_failed_at is not None
    long_ago = timezone.now() - timedelta(hours=72)
    Subscriber.objects.update(attempts=7, first_failed_at=long_ago, due_at=long_ago)
    world.deliver()
    row = world.subscriber(BAD)
    assert (row.error_class, row.error_code, row.due_at) == ("retry", "500", None)
    assert row.dead_at is not None
    run = world.last_run
    assert (run.state, run.dead, run.waiting, run.adds_up) == (Run.State.FAILED, 1, 0, True)
    assert Outcome.objects.get().result == "dead"
    world.simulator.clear_faults()
    replay(world.goal, world.somebody)
    world.deliver()
    assert world.on_list == {BAD: "Active"}


def test_another_account_sees_nothing(world: World, bob_account: Account):
    rejected(world)
    assert not deadletters.dead(bob_account).exists()
