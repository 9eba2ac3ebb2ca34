"""From a pushed person to the ESP's list, and every way that is not the straight one."""

from __future__ import annotations

import pytest
from django.utils import timezone

from audiences.models import Change, Member, Profile
from audiences.suppressions import suppress
from connectors.models import Call, Connection, Flight, Goal, Mapping, Outcome, Run, Subscriber
from connectors.sync import esp, runs
from connectors.sync.delivering import delivery
from connectors.sync.delivering.claiming import claim, let_go
from connectors.sync.delivering.confirming import News, confirm
from connectors.sync.delivering.crashes import take_back
from connectors.sync.delivering.sending import Target, send
from connectors.sync.sources import Shape, contact_maker
from connectors.tasks import execute_run
from connectors.wizard.goals import switch
from syncapp.accounts import scope
from syncapp.work import Slice
from tests.connectors.sync.world import World


def fields(world: World, address: str) -> dict[str, object]:
    (row,) = [row for row in world.simulator.subscribers(world.list_id) if row["email"] == address]
    return {**row["fields"], "name": row["name"]}


def test_a_pushed_person_arrives_with_fields_and_an_outcome(world: World):
    world.push("eve@example.com", first_name="Eve", last_name="de Vries", city="Gent", points=0)
    world.work()

    assert world.on_list == {"eve@example.com": "Active"}
    assert fields(world, "eve@example.com") == {"City": "Gent", "Points": "0", "name": "Eve de Vries"}
    run = world.last_run
    assert (run.state, run.trigger, run.checked, run.created) == (Run.State.COMPLETED, "change", 1, 1)
    assert run.adds_up
    assert world.outcomes(run) == {"eve@example.com": ("created", "")}
    call = Call.objects.get(operation="upsert")
    assert (call.run_id, call.people, call.status) == (run.pk, 1, 201)
    assert "eve@example.com" not in call.request + call.response + call.path
    assert not Change.objects.filter(planned_at=None).exists()


def test_nothing_is_sent_for_a_person_who_did_not_change(world: World):
    world.push("eve@example.com", city="Gent")
    world.work()
    world.simulator.clear_counters()
    world.push("eve@example.com", city="Gent")
    world.work()
    run = world.run_fully()
    assert world.simulator.counters().get("subscribers.import", {"requests": 0})["requests"] == 0
    assert (run.checked, run.unchanged, run.state) == (1, 1, Run.State.COMPLETED)


def test_a_changed_property_is_an_update(world: World):
    world.push("eve@example.com", city="Gent")
    world.work()
    world.push("eve@example.com", city="")
    world.work()
    assert world.outcomes(world.last_run) == {"eve@example.com": ("updated", "")}
    assert fields(world, "eve@example.com").get("City", "") == ""


@pytest.mark.parametrize(("consent", "reason"), [(None, "no_consent"), ("denied", "consent_denied")])
def test_who_did_not_agree_is_withheld_with_the_reason(world: World, consent: str | None, reason: str):
    world.push("eve@example.com", consent=consent)
    world.work()
    run = world.last_run
    assert world.on_list == {}
    assert (run.state, run.skipped, run.adds_up) == (Run.State.COMPLETED, {reason: 1}, True)
    assert world.outcomes(run) == {"eve@example.com": ("skipped", reason)}
    assert world.subscriber("eve@example.com").reason == reason


def test_a_full_run_that_could_send_nobody_is_not_green(world: World):
    world.push("eve@example.com", consent=None)
    run = world.run_fully()
    assert run.state == Run.State.WARNINGS
    assert "no consent yet (1)" in run.reason


def test_a_suppressed_address_is_withheld_and_taken_off(world: World):
    world.push("eve@example.com", "adam@example.com")
    world.work()
    suppress(world.account, "eve@example.com", reason="complaint", source="test")
    world.work()
    assert world.on_list == {"eve@example.com": "Unsubscribed", "adam@example.com": "Active"}
    assert world.last_run.adds_up
    assert world.last_run.removed == 1


def test_a_withdrawn_consent_unsubscribes_at_the_esp(world: World):
    world.push("eve@example.com")
    world.work()
    world.answer("eve@example.com", "denied")
    world.work()
    assert world.on_list == {"eve@example.com": "Unsubscribed"}
    run = world.last_run
    assert (run.removals, run.removed, run.skipped) == (1, 1, {"consent_denied": 1})
    assert run.adds_up
    assert run.state == Run.State.COMPLETED


def test_consent_withdrawn_between_plan_and_sending_is_honoured(world: World):
    world.push("eve@example.com")
    world.plan()
    world.answer("eve@example.com", "denied")
    world.deliver()
    assert world.on_list == {}
    assert world.outcomes(world.last_run) == {"eve@example.com": ("skipped", "consent_denied")}


def test_who_leaves_the_audience_stays_by_default(world: World):
    world.push("eve@example.com")
    world.work()
    world.push(remove=["eve@example.com"])
    world.work()
    assert world.on_list == {"eve@example.com": "Active"}
    assert world.subscriber("eve@example.com").reason == "left"


def test_who_leaves_is_unsubscribed_where_the_goal_says_so_but_only_whom_we_added(world: World):
    world.simulator.seed({"clients": [{"id": world.connection.client_id, "lists": [{"title": "Other"}]}]})
    Goal.objects.update(leavers=Goal.Leavers.UNSUBSCRIBE)
    world.push("eve@example.com", "adam@example.com")
    world.work()
    world.push("stranger@example.com", consent=None)  # never sent by us
    world.work()
    world.push(remove=["eve@example.com", "stranger@example.com"])
    world.work()
    assert world.on_list == {"eve@example.com": "Unsubscribed", "adam@example.com": "Active"}
    assert (world.last_run.removals, world.last_run.removed) == (1, 1)


def test_an_address_change_moves_the_person(world: World):
    world.push("eve@example.com")
    world.work()
    Profile.objects.filter(email="eve@example.com").update(email="eva@example.com")
    Change.objects.create(account=world.account, profile_ids=[Profile.objects.get().pk])
    world.work()
    assert world.on_list == {"eva@example.com": "Active"}


def test_a_rejected_person_does_not_harm_the_others_and_the_run_is_not_green(world: World):
    world.simulator.faults(
        [{"kind": "partial", "match": "subscribers.import", "addresses": {"bad@example.com": 1}}]
    )
    world.push("eve@example.com", "bad@example.com", "adam@example.com")
    world.work()
    run = world.last_run
    assert (run.state, run.created, run.rejected) == (Run.State.WARNINGS, 2, 1)
    assert run.adds_up
    assert world.outcomes(run)["bad@example.com"] == ("rejected", "1")
    assert "bad@example.com" not in world.on_list


def test_a_person_unsubscribed_at_the_esp_is_not_brought_back(world: World):
    world.push("eve@example.com")
    world.work()
    world.simulator.act("unsubscribe", list_id=world.list_id, email="eve@example.com")
    world.push("eve@example.com", city="Gent")
    world.work()
    assert world.on_list == {"eve@example.com": "Unsubscribed"}
    assert world.last_run.rejected == 1
    world.push("eve@example.com", city="Brugge")
    world.work()
    assert world.last_run.skipped == {"unsubscribed_at_esp": 1}


def test_wrong_credentials_stop_the_connection_and_new_ones_let_it_go_on(world: World):
    world.authorization.secrets = {"api_key": "wrong-key-wrong-key"}
    world.authorization.save()
    world.push("eve@example.com")
    pause = world.work()
    connection = Connection.objects.get()
    assert connection.state == Connection.State.REAUTHENTICATE
    assert "credentials" in connection.state_reason.lower() or "key" in connection.state_reason.lower()
    assert pause is not None
    run = world.last_run
    assert (run.state, run.waiting, run.adds_up) == (Run.State.WAITING, 1, True)
    assert world.subscriber("eve@example.com").attempts == 0

    world.authorization.secrets = {"api_key": "engine-tests-account-key"}
    world.authorization.save()
    world.deliver()
    assert world.on_list == {"eve@example.com": "Active"}
    assert Connection.objects.get().state == Connection.State.HEALTHY
    assert world.last_run.state == Run.State.COMPLETED


def test_a_list_deleted_at_the_esp_is_said_in_words(world: World):
    world.push("eve@example.com")
    world.simulator.act("delete-list", list_id=world.list_id)
    world.work()
    connection = Connection.objects.get()
    assert connection.state == Connection.State.ATTENTION
    assert "not exist" in connection.state_reason
    assert world.last_run.waiting == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "rate_limited", "retry_after": 2},
        {"kind": "status", "status": 503},
        {"kind": "reset_before"},
        {"kind": "reset_after"},
    ],
)
def test_a_passing_fault_delays_and_loses_nothing(world: World, fault: dict[str, object]):
    world.simulator.faults([{**fault, "match": "subscribers.import"}])
    world.push("eve@example.com", "adam@example.com")
    pause = world.work()
    assert pause is not None
    assert pause > 0
    assert Connection.objects.get().state == Connection.State.WAITING
    assert world.last_run.state == Run.State.WAITING
    world.deliver()
    assert world.on_list == {"eve@example.com": "Active", "adam@example.com": "Active"}
    assert set(world.effects().values()) == {1}
    assert world.last_run.state == Run.State.COMPLETED
    assert world.last_run.adds_up
    assert Connection.objects.get().state == Connection.State.HEALTHY


def test_a_mapping_to_a_field_that_is_gone_is_said_before_anyone_is_sent(world: World):
    Mapping.objects.filter(target="[City]").update(target="[Town]")
    world.push("eve@example.com")
    world.work()
    assert world.on_list == {}
    assert "Town" in Connection.objects.get().state_reason


def test_without_an_objective_nothing_is_planned_and_nobody_removed(world: World):
    world.push("eve@example.com")
    world.work()
    world.connection.objective_links.all().delete()
    world.push("adam@example.com")
    world.work()
    with pytest.raises(runs.CannotRun, match="objective"):
        runs.queue_full_run(world.goal, trigger=Run.Trigger.MANUAL)
    assert world.on_list == {"eve@example.com": "Active"}
    assert Goal.objects.get().needs_full_run


def test_a_later_plan_takes_over_and_both_runs_add_up(world: World):
    world.push("eve@example.com", city="Gent")
    world.plan()
    first = world.last_run
    world.push("eve@example.com", city="Brugge")
    world.work()
    first.refresh_from_db()
    assert (first.state, first.skipped, first.adds_up) == (Run.State.COMPLETED, {"superseded": 1}, True)
    assert (world.last_run.created, world.last_run.adds_up) == (1, True)
    assert fields(world, "eve@example.com")["City"] == "Brugge"


def test_a_change_while_a_person_is_being_sent_is_sent_too(world: World):
    """The claim, then a new plan, then the confirmation of what the claim sent."""
    world.push("eve@example.com", city="Gent")
    world.plan()
    (batch,) = claim(world.goal, Shape.of(world.goal), "upsert", 10)
    world.push("eve@example.com", city="Brugge")
    world.plan()
    confirm(world.goal, batch, [News("created", state="active")])
    world.deliver()
    assert fields(world, "eve@example.com")["City"] == "Brugge"
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


def test_a_withdrawal_while_a_person_is_being_added_takes_them_off_again(world: World):
    world.push("eve@example.com")
    world.plan()
    (batch,) = claim(world.goal, Shape.of(world.goal), "upsert", 10)
    world.answer("eve@example.com", "denied")
    world.plan()
    with esp.connect(world.authorization, world.connection) as connector:
        sent = send(Target(connector, world.list_id, None, contact_maker(Shape.of(world.goal))), batch)
    assert world.on_list == {"eve@example.com": "Active"}
    confirm(world.goal, batch, sent.news)
    world.deliver()
    assert world.on_list == {"eve@example.com": "Unsubscribed"}
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


def test_a_flight_taken_back_writes_nothing(world: World):
    world.push("eve@example.com")
    world.plan()
    (stale,) = claim(world.goal, Shape.of(world.goal), "upsert", 10)
    take_back(world.goal)
    (current,) = claim(world.goal, Shape.of(world.goal), "upsert", 10, suspected=1)
    assert current.people[0].attempts == 1
    confirm(world.goal, stale, [News("rejected", "1")])
    assert world.last_run.waiting == 1
    assert not Outcome.objects.exists()


def test_batches_claimed_together_share_nobody_and_can_be_let_go(world: World):
    world.push(*[f"person{number}@example.com" for number in range(5)])
    world.plan()
    batches = claim(world.goal, Shape.of(world.goal), "upsert", 2, batches=3)
    assert [len(batch.people) for batch in batches] == [2, 2, 1]
    ids = [person.profile_id for batch in batches for person in batch.people]
    assert ids == sorted(set(ids))
    assert claim(world.goal, Shape.of(world.goal), "upsert", 2, after=batches[-1].last_id) == []

    let_go(world.goal, batches[1:])
    assert list(Flight.objects.values_list("pk", flat=True)) == [batches[0].token]
    confirm(world.goal, batches[1], [News("created")] * 2)
    assert not Outcome.objects.exists()
    confirm(world.goal, batches[0], [News("created")] * 2)
    assert list(Subscriber.objects.exclude(due_at=None).values_list("attempts", flat=True)) == [0, 0, 0]
    assert (world.last_run.created, world.last_run.waiting, world.last_run.adds_up) == (2, 3, True)


def test_every_kind_of_news_in_one_batch(world: World):
    addresses = [f"{name}@example.com" for name in ("new", "known", "bad", "busy", "gone")]
    world.push("known@example.com", city="Gent")
    world.work()
    world.push(*addresses, city="Brugge")
    world.plan()
    (batch,) = claim(world.goal, Shape.of(world.goal), "upsert", 10)
    told = {
        "new@example.com": News("created", state="active"),
        "known@example.com": News("updated", "too_long", "[City]: too long", "active"),
        "bad@example.com": News("rejected", "1", "No such address."),
        "busy@example.com": News("retry", "429", "Later.", delay_s=60),
        "gone@example.com": News("skipped", "suppressed"),
    }
    confirm(world.goal, batch, [told[str(person.address)] for person in batch.people])
    run = world.last_run
    assert (run.created, run.updated, run.rejected, run.skipped, run.waiting) == (
        1,
        1,
        1,
        {"suppressed": 1},
        1,
    )
    assert run.adds_up
    assert world.outcomes(run) == {
        "new@example.com": ("created", ""),
        "known@example.com": ("updated", "too_long"),
        "bad@example.com": ("rejected", "1"),
        "gone@example.com": ("skipped", "suppressed"),
    }
    new, bad, busy = (world.subscriber(f"{name}@example.com") for name in ("new", "bad", "busy"))
    assert (new.accepted_address, new.accepted_hash == new.wanted_hash, new.due_at) == (
        "new@example.com",
        True,
        None,
    )
    assert (bad.accepted_hash, bad.due_at, bad.error_message) == (None, None, "No such address.")
    assert (busy.attempts, busy.error_code, busy.due_at > timezone.now()) == (1, "429", True)


def test_to_try_again_is_no_news_for_who_is_not_due_any_more(world: World):
    world.push("eve@example.com", city="Gent")
    world.work()
    world.push("eve@example.com", city="Brugge")
    world.plan()
    (batch,) = claim(world.goal, Shape.of(world.goal), "upsert", 10)
    Subscriber.objects.update(due_at=None, run=None, operation="")
    confirm(world.goal, batch, [News("retry", "429", delay_s=60)])
    assert world.subscriber("eve@example.com").due_at is None


@pytest.mark.django_db(transaction=True)
def test_trouble_in_a_large_export_gives_back_what_was_claimed_ahead(world: World):
    world.push(*[f"person{number}@example.com" for number in range(7000)])
    world.simulator.faults([{"kind": "status", "status": 503, "match": "subscribers.import"}] * 4)
    world.work()
    run = world.last_run
    assert run.adds_up
    assert run.waiting >= 1000
    assert not Flight.objects.exists()
    assert Subscriber.objects.exclude(due_at=None).filter(attempts=0).exists()
    world.deliver()
    assert (world.last_run.state, world.last_run.created) == (Run.State.COMPLETED, 7000)
    assert set(world.effects().values()) == {1}


@pytest.mark.django_db(transaction=True)
def test_a_large_export_goes_in_batches_and_adds_up(world: World):
    world.push(*[f"person{number}@example.com" for number in range(3500)], city="Gent")
    world.work()
    run = world.last_run
    assert (run.checked, run.created, run.state) == (3500, 3500, Run.State.COMPLETED)
    assert run.adds_up
    assert len(world.on_list) == 3500
    assert set(world.effects().values()) == {1}
    assert Outcome.objects.filter(run=run, result="created").count() == 3500
    assert Call.objects.filter(operation="upsert").count() == 4


def test_two_accounts_never_touch(world: World, world_of, bob_account):
    world.push("eve@example.com")
    with scope.account(bob_account):
        other = world_of(bob_account)
        other.push("eve@example.com", city="Elsewhere")
        other.work()
        assert other.on_list == {"eve@example.com": "Active"}
        assert Run.objects.count() == 1
    assert world.on_list == {}
    world.work()
    assert world.on_list == {"eve@example.com": "Active"}
    assert Member.objects.count() == 1


def test_a_withdrawal_while_switched_off_is_made_good_when_switched_on(world: World):
    world.push("eve@example.com", "adam@example.com")
    world.work()
    switch(world.connection, on=False)
    world.answer("eve@example.com", "denied")
    world.work()
    assert world.on_list["eve@example.com"] == "Active"

    switch(world.connection, on=True)
    run = world.last_run
    assert run.full
    execute_run(world.account.pk, str(run.pk), Slice())
    world.deliver()
    assert world.on_list == {"eve@example.com": "Unsubscribed", "adam@example.com": "Active"}
    assert not Goal.objects.get().needs_full_run


def test_switching_on_does_not_start_a_goal_that_never_ran(world: World):
    switch(world.connection, on=False)
    world.push("eve@example.com")
    world.plan()
    switch(world.connection, on=True)
    assert not Run.objects.exists()
    assert Goal.objects.get().needs_full_run


@pytest.mark.django_db(transaction=True)
def test_who_waited_long_for_a_slow_esp_passes_the_gate_again(world: World, monkeypatch):
    """Claimed ahead, then held up behind slow calls: not sent on the old decision."""
    monkeypatch.setattr(delivery, "GATE_HOLDS_S", 0.3)
    world.push(*[f"person{number}@example.com" for number in range(9000)])
    world.plan()
    world.simulator.latency(2500, "subscribers.import")  # long beside a claim of several batches
    world.deliver()
    assert 0 < len(world.on_list) < 9000
    assert not Flight.objects.exists()

    world.answer("person8999@example.com", "denied")
    world.plan()
    world.simulator.latency(0, "subscribers.import")
    while world.deliver() is not None:
        pass
    assert len(world.on_list) == 8999
    assert "person8999@example.com" not in world.on_list
    assert set(world.effects().values()) == {1}
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())
