"""Who leaves the audience: kept, cleared, unsubscribed or removed, and put back only when we took them off."""

from __future__ import annotations

import pytest

from connectors.models import Call, Goal, Mapping, Outcome, Run, Subscriber
from connectors.sync import esp
from connectors.sync.delivering.claiming import claim
from connectors.sync.delivering.recording import Recorder
from connectors.sync.sources import Shape
from tests.connectors.sync.world import World

EVE = "eve@example.com"
ADAM = "adam@example.com"
OFF_AT_ESP = {"unsubscribe": "Unsubscribed", "remove": "Deleted"}


def leavers(world: World, what: str) -> None:
    Goal.objects.update(leavers=what)
    world.goal.refresh_from_db()


def field(world: World, address: str, name: str) -> str:
    (row,) = [row for row in world.simulator.subscribers(world.list_id) if row["email"] == address]
    return str(row["fields"].get(name, ""))


def all_add_up() -> bool:
    return all(run.adds_up and not run.is_open for run in Run.objects.all())


def added(world: World, what: str, *addresses: str) -> None:
    leavers(world, what)
    world.push(*(addresses or (EVE, ADAM)), city="Gent")
    world.work()


def leave(world: World, *addresses: str) -> None:
    world.push(remove=addresses or (EVE,))
    world.work()


@pytest.mark.parametrize("what", ["unsubscribe", "remove"])
def test_who_leaves_comes_off_and_is_put_back_when_they_return(world: World, what: str):
    added(world, what)
    leave(world)
    assert world.on_list == {EVE: OFF_AT_ESP[what], ADAM: "Active"}
    row = world.subscriber(EVE)
    assert (row.remote_state, row.accepted_hash, row.due_at) == ("left", None, None)
    assert (world.last_run.removals, world.last_run.removed, world.last_run.adds_up) == (1, 1, True)
    assert Outcome.objects.get(run=world.last_run, result="removed").operation == what

    world.push(EVE, city="Brugge")
    world.work()
    assert world.on_list == {EVE: "Active", ADAM: "Active"}
    assert field(world, EVE, "City") == "Brugge"
    assert (world.subscriber(EVE).remote_state, all_add_up()) == ("active", True)


@pytest.mark.parametrize("what", ["unsubscribe", "remove"])
@pytest.mark.parametrize("act", ["unsubscribe", "bounce"])
def test_who_opted_out_by_themselves_before_they_left_is_never_put_back(world: World, what: str, act: str):
    added(world, what)
    world.simulator.act(act, list_id=world.list_id, email=EVE)
    state = world.on_list[EVE]
    leave(world)
    assert world.on_list[EVE] == state  # as they left it
    assert world.outcomes(world.last_run)[EVE][0] == "removed"

    world.push(EVE)
    world.work()
    assert world.on_list[EVE] == state
    assert world.outcomes(world.last_run)[EVE] == ("skipped", f"{state.lower()}_at_esp")
    assert all_add_up()


def test_whose_mail_bounced_since_they_were_taken_off_is_not_put_back(world: World):
    added(world, "remove")
    leave(world)
    world.simulator.act("bounce", list_id=world.list_id, email=EVE)
    world.push(EVE)
    world.work()
    assert world.on_list[EVE] == "Bounced"
    assert world.outcomes(world.last_run)[EVE] == ("rejected", "bounced_at_esp")


def test_a_leaver_who_withdraws_before_it_is_done_is_unsubscribed(world: World):
    """Stronger than what was planned: their opt-out is recorded at the ESP, in the same run."""
    added(world, "remove")
    world.push(remove=[EVE])
    world.plan()
    world.answer(EVE, "denied")
    world.deliver()
    assert world.on_list[EVE] == "Unsubscribed"
    assert world.outcomes(world.last_run)[EVE] == ("removed", "withdrew")
    assert world.subscriber(EVE).remote_state == "unsubscribed"
    world.work()
    assert all_add_up()


def test_a_leaver_who_is_back_before_it_is_done_stays(world: World):
    added(world, "remove")
    world.push(remove=[EVE])
    world.plan()
    removal = world.last_run
    world.push(EVE)
    world.deliver()
    assert world.outcomes(removal)[EVE] == ("skipped", "wanted_again")
    world.work()
    assert world.on_list[EVE] == "Active"
    assert all_add_up()


def test_clearing_empties_the_audience_field_only(world: World):
    Mapping.objects.filter(target="[City]").update(source="profile:audiences")
    added(world, "clear")
    assert field(world, EVE, "City") == world.audience.name
    world.push(EVE, points=7)
    world.work()
    leave(world)
    assert world.on_list == {EVE: "Active", ADAM: "Active"}
    assert (field(world, EVE, "City"), field(world, EVE, "Points")) == ("", "7")
    assert world.subscriber(EVE).remote_state == "cleared"
    assert (world.last_run.removed, world.last_run.adds_up) == (1, True)

    world.run_fully()
    assert world.last_run.removals == 0

    world.push(EVE)
    world.work()
    assert field(world, EVE, "City") == world.audience.name
    assert world.outcomes(world.last_run)[EVE] == ("updated", "")
    assert all_add_up()


def test_clearing_adds_nobody_who_is_not_on_the_list(world: World):
    Mapping.objects.filter(target="[City]").update(source="profile:audiences")
    leavers(world, "clear")
    world.push(EVE)
    world.simulator.faults([{"kind": "status", "status": 503, "match": "subscribers.import"}])
    world.work()
    leave(world)
    assert world.on_list == {}
    assert all_add_up()


@pytest.mark.parametrize("what", ["unsubscribe", "remove", "clear"])
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "reset_after"}])
def test_a_failure_while_taking_off_is_made_good(world: World, what: str, fault: dict[str, object]):
    Mapping.objects.filter(target="[City]").update(source="profile:audiences")
    added(world, what)
    world.push(remove=[EVE])
    world.plan()
    match = {"clear": "subscribers.import", "remove": "subscribers.delete"}.get(
        what, "subscribers.unsubscribe"
    )
    world.simulator.faults([{**fault, "match": match}])
    world.deliver()
    world.simulator.clear_faults()
    assert world.last_run.removal_waiting == 1
    world.deliver()
    assert world.on_list[EVE] == OFF_AT_ESP.get(what, "Active")
    assert (world.last_run.removed, all_add_up()) == (1, True)


def test_who_was_removed_by_a_call_whose_answer_was_lost_may_come_back(world: World):
    added(world, "remove")
    world.push(remove=[EVE])
    world.plan()
    world.simulator.faults([{"kind": "reset_after", "match": "subscribers.delete"}])
    world.deliver()
    world.simulator.clear_faults()
    world.deliver()
    assert (world.on_list[EVE], world.subscriber(EVE).remote_state) == ("Deleted", "left")
    world.push(EVE)
    world.work()
    assert world.on_list[EVE] == "Active"


def test_who_unsubscribed_in_the_dark_counts_as_having_done_it_themselves(world: World):
    """Nobody can tell our unsubscribe from theirs after a lost answer: nobody is put back on a guess."""
    added(world, "unsubscribe")
    world.push(remove=[EVE])
    world.plan()
    world.simulator.faults([{"kind": "reset_after", "match": "subscribers.unsubscribe"}])
    world.deliver()
    world.simulator.clear_faults()
    world.deliver()
    assert world.subscriber(EVE).remote_state == "unsubscribed"
    world.push(EVE)
    world.work()
    assert world.on_list[EVE] == "Unsubscribed"


def test_withdrawals_go_first_and_restores_before_updates(world: World):
    added(world, "unsubscribe", EVE, ADAM, "back@example.com")
    leave(world, "back@example.com")
    world.push(EVE, "back@example.com", city="Brugge")
    world.answer(ADAM, "denied")
    world.plan()
    assert sorted(Subscriber.objects.exclude(due_at=None).values_list("operation", flat=True)) == [
        "restore",
        "unsubscribe",
        "upsert",
    ]
    world.deliver()
    made = list(Call.objects.order_by("at", "pk").values_list("operation", flat=True))
    assert made[-4:] == ["unsubscribe", "subscriber", "upsert", "upsert"]
    assert world.on_list == {EVE: "Active", ADAM: "Unsubscribed", "back@example.com": "Active"}


def lose_the_answer_to_a_removal(world: World) -> None:
    added(world, "remove")
    world.push(remove=[EVE])
    world.plan()
    world.simulator.faults([{"kind": "reset_after", "match": "subscribers.delete"}])
    world.deliver()
    world.simulator.clear_faults()
    assert world.on_list[EVE] == "Deleted"


def test_who_returns_before_a_lost_removal_was_made_good_is_put_back(world: World):
    """The ESP deleted them for us and we never heard: it is the ESP's word that it was us."""
    lose_the_answer_to_a_removal(world)
    world.push(EVE, city="Brugge")
    world.work()
    assert world.on_list[EVE] == "Active"
    assert (world.subscriber(EVE).remote_state, all_add_up()) == ("active", True)


def test_who_returns_after_a_worker_died_removing_them_is_put_back(world: World):
    added(world, "remove")
    world.push(remove=[EVE])
    world.plan()
    die_before_confirming(world)
    assert world.on_list[EVE] == "Deleted"
    world.push(EVE)
    world.work()
    assert world.on_list[EVE] == "Active"
    assert all_add_up()


def test_who_opted_out_while_a_removal_was_lost_stays_off(world: World):
    added(world, "remove")
    world.push(remove=[EVE])
    world.plan()
    world.simulator.faults([{"kind": "reset_before", "match": "subscribers.delete"}])
    world.deliver()
    world.simulator.clear_faults()
    world.simulator.act("unsubscribe", list_id=world.list_id, email=EVE)
    world.push(EVE)
    world.work()
    assert world.on_list[EVE] == "Unsubscribed"
    assert all_add_up()


def die_before_confirming(world: World) -> None:
    """A flight of the removal that nobody confirms: the ESP has done it, the worker is gone."""
    shape = Shape.of(world.goal)
    (batch,) = claim(world.goal, shape, Outcome.Operation.REMOVE, 10)
    with (
        Recorder() as recorder,
        esp.connect(world.authorization, world.connection, recorder) as connector,
    ):
        connector.remove(world.list_id, [person.held_addresses[0] for person in batch.people])
