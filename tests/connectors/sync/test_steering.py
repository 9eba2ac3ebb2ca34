"""Cancel, pause, resume, run again, undo."""

from __future__ import annotations

import pytest

from connectors.models import Goal, Mapping, Outcome, Run, Subscriber
from connectors.sync import runs
from connectors.sync.deciding import holding, steering
from connectors.sync.delivering.claiming import claim
from connectors.sync.delivering.confirming import News, confirm
from connectors.sync.sources import Shape
from connectors.tasks import cancel_run
from syncapp.audit.activity import of_row
from syncapp.work import Slice
from tests.connectors.sync.test_hold import exported, leave_unnoticed, people
from tests.connectors.sync.world import World


def cancel(world: World, run: Run) -> float | None:
    steering.cancel(run, world.somebody, "A mistake.")
    pause = cancel_run(world.account.pk, str(run.pk), Slice())
    run.refresh_from_db()
    return pause


def test_a_cancelled_run_sends_nobody_any_more_and_closes_its_books(world: World):
    world.push(*people(5))
    world.plan()
    run = world.last_run
    assert cancel(world, run) is None
    world.deliver()
    assert (run.state, run.skipped, run.adds_up) == (Run.State.CANCELLED, {"cancelled": 5}, True)
    assert (run.decision, run.decision_reason, run.decided_by) == ("cancelled", "A mistake.", world.somebody)
    assert set(world.outcomes(run).values()) == {("skipped", "cancelled")}
    assert world.on_list == {}
    assert of_row(Run, run.pk)
    assert world.run_fully().created == 5


def test_who_is_being_sent_is_waited_for(world: World):
    world.push(*people(5))
    world.plan()
    run = world.last_run
    (batch,) = claim(world.goal, Shape.of(world.goal), "upsert", 2)
    assert cancel(world, run) is not None
    assert (run.state, run.waiting, run.skipped) == (Run.State.CANCELLING, 2, {"cancelled": 3})
    confirm(world.goal, batch, [News("created", state="active")] * 2)
    run.refresh_from_db()
    assert (run.state, run.created, run.adds_up) == (Run.State.CANCELLED, 2, True)


def test_flights_of_a_dead_worker_keep_no_cancelled_run_open(world: World):
    world.push(*people(5))
    world.plan()
    run = world.last_run
    claim(world.goal, Shape.of(world.goal), "upsert", 2)
    cancel(world, run)
    Goal.objects.update(enabled=False)
    world.deliver()
    run.refresh_from_db()
    assert (run.state, run.skipped, run.adds_up) == (Run.State.CANCELLED, {"cancelled": 5}, True)


def test_nobody_cancels_a_withdrawal(world: World):
    exported(world, 3)
    world.answer(people(1)[0], "denied")
    world.push("new@example.com", remove=people(1, 1))
    world.plan()
    run = world.last_run
    cancel(world, run)
    assert run.state == Run.State.CANCELLED
    assert (run.removal_skipped, run.skipped.get("cancelled")) == (2, 1)
    world.deliver()
    assert [address for address, state in world.on_list.items() if state != "Active"] == people(1)
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


def test_a_run_that_is_over_cannot_be_cancelled(world: World):
    world.push("eve@example.com")
    world.work()
    with pytest.raises(steering.CannotCancel, match="completed"):
        steering.cancel(world.last_run, world.somebody)


def test_a_held_run_is_cancelled_at_once(world: World):
    Goal.objects.update(approved_version=None)
    world.push("eve@example.com")
    run = steering.cancel(world.plan_fully(), world.somebody)
    assert run.state == Run.State.CANCELLED
    with pytest.raises(holding.AlreadyDecided, match="cancelled"):
        holding.approve(run, world.somebody, run.plan_hash, "")


def test_a_paused_goal_waits_and_catches_up_when_resumed(world: World):
    world.push("eve@example.com", "adam@example.com")
    world.work()
    steering.pause(world.goal, world.somebody)
    world.answer("eve@example.com", "denied")
    world.push("new@example.com")
    world.work()
    assert world.on_list == {"eve@example.com": "Active", "adam@example.com": "Active"}
    steering.resume(world.goal, world.somebody)
    run = Run.objects.get(full=True)
    assert (run.state, run.requested_by) == (Run.State.QUEUED, world.somebody)
    world.run_fully()
    assert world.on_list == {
        "eve@example.com": "Unsubscribed",
        "adam@example.com": "Active",
        "new@example.com": "Active",
    }
    switches = [change for entry in of_row(Goal, world.goal.pk) for change in entry.changes]
    assert [change.field for change in switches].count("enabled") >= 2


def test_run_again_is_one_new_full_run(world: World):
    world.push("eve@example.com")
    run = world.run_fully()
    again = steering.run_again(run, world.somebody)
    assert again.pk != run.pk
    assert steering.run_again(run, world.somebody).pk == again.pk
    assert again.requested_by == world.somebody


def removed(world: World, leavers: str, count: int = 4) -> Run:
    """A full run that took half of them off."""
    if leavers == "clear":
        Mapping.objects.filter(target="[City]").update(source="profile:audiences")
    exported(world, count)
    Goal.objects.update(leavers=leavers)
    world.goal.refresh_from_db()
    leave_unnoticed(world, people(count // 2))
    run = world.run_fully()
    assert (run.removed, run.removals) == (count // 2, count // 2)
    return run


@pytest.mark.parametrize("leavers", ["unsubscribe", "remove", "clear"])
def test_an_undone_removal_puts_people_back_to_stay(world: World, leavers: str):
    run = removed(world, leavers)
    undo = steering.undo(run, world.somebody, "The source was broken.")
    assert (undo.trigger, undo.undoes_id, undo.waiting) == ("undo", run.pk, 2)
    world.deliver()
    undo.refresh_from_db()
    assert (undo.state, undo.adds_up) == (Run.State.COMPLETED, True)
    assert set(world.on_list.values()) == {"Active"}
    assert Subscriber.objects.filter(kept=True).count() == 2
    assert world.run_fully().removals == 0
    assert set(world.on_list.values()) == {"Active"}
    with pytest.raises(steering.CannotUndo, match="Some Body undid this run already"):
        steering.undo(run, world.somebody, "Again.")


def test_who_does_not_consent_any_more_does_not_come_back(world: World):
    run = removed(world, "unsubscribe")
    world.answer(people(1)[0], "denied")
    world.plan()
    undo = steering.undo(run, world.somebody, "The source was broken.")
    world.deliver()
    undo.refresh_from_db()
    assert (undo.checked, undo.skipped, undo.adds_up) == (2, {"consent_denied": 1}, True)
    assert world.on_list[people(1)[0]] == "Unsubscribed"
    assert world.on_list[people(1, 1)[0]] == "Active"


def test_who_is_kept_leaves_for_good_once_they_were_members_again(world: World):
    run = removed(world, "unsubscribe")
    steering.undo(run, world.somebody, "The source was broken.")
    world.deliver()
    address = people(1)[0]
    world.push(address)
    world.work()
    assert not world.subscriber(address).kept
    world.push(remove=[address])
    world.work()
    assert world.on_list[address] == "Unsubscribed"
    assert world.on_list[people(1, 1)[0]] == "Active"


def test_a_withdrawal_cannot_be_undone(world: World):
    world.push("eve@example.com")
    world.work()
    world.answer("eve@example.com", "denied")
    world.work()
    assert world.last_run.removed == 1
    with pytest.raises(steering.CannotUndo, match="nobody to put back"):
        steering.undo(world.last_run, world.somebody, "")
    assert not Run.objects.filter(trigger="undo").exists()


def test_given_up_people_never_make_a_run_green(world: World):
    world.push("eve@example.com", "adam@example.com")
    world.plan()
    run = world.last_run
    runs.count({run.pk: {("upsert", "created", ""): 1, ("upsert", "dead", "500"): 1}})
    run.refresh_from_db()
    assert run.state == Run.State.WARNINGS
    assert run.reason.startswith("1 given up after many tries")
    assert run.adds_up
    assert not Outcome.objects.exists()
