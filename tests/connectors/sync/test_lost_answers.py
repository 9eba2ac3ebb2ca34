"""Answers that were lost, came late, or met a plan made meanwhile."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from audiences.changes import record_change
from audiences.models import Profile
from connectors.models import Flight, Run, Subscriber
from connectors.models.subscriber import UNKNOWN_HASH
from connectors.sync import esp, runs
from connectors.sync.delivering.claiming import Batch, claim
from connectors.sync.delivering.confirming import News, confirm
from connectors.sync.delivering.crashes import take_back
from connectors.sync.delivering.sending import send
from connectors.sync.delivering.target import Sent, Target
from connectors.sync.sources import Shape, contact_maker
from connectors.wizard.goals import set_objectives
from syncapp.work.models import Wakeup
from tests.connectors.sync.world import World
from tests.work.process import wait_until

LOST = {"kind": "reset_after", "match": "subscribers.import"}


def claimed(world: World, operation: str = "upsert") -> Batch:
    (batch,) = claim(world.goal, Shape.of(world.goal), operation, 10)
    return batch


def move(world: World, before: str, after: str) -> None:
    person = Profile.objects.get(email=before)
    Profile.objects.filter(pk=person.pk).update(email=after)
    record_change(account_id=world.account.pk, profile_ids=[person.pk])


def lose_answer(world: World) -> None:
    world.simulator.faults([LOST])
    world.work()


def test_consent_withdrawn_after_a_lost_answer_takes_the_person_off(world: World):
    world.push("eve@example.com")
    lose_answer(world)
    assert world.on_list == {"eve@example.com": "Active"}
    world.answer("eve@example.com", "denied")
    world.deliver()  # before the plan: withheld at the moment of sending
    world.work()
    assert world.on_list == {"eve@example.com": "Unsubscribed"}


def test_an_address_tried_without_an_answer_is_retired_when_the_person_moves(world: World):
    world.push("eve@example.com")
    lose_answer(world)
    move(world, "eve@example.com", "eva@example.com")
    world.work()
    assert world.on_list == {"eva@example.com": "Active"}


def test_every_address_comes_off_when_the_answer_to_a_move_was_lost(world: World):
    world.push("eve@example.com")
    world.work()
    move(world, "eve@example.com", "eva@example.com")
    lose_answer(world)
    world.answer("eva@example.com", "denied")
    world.work()
    assert world.on_list == {"eva@example.com": "Unsubscribed"}
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


def test_an_old_address_comes_off_when_the_new_one_opted_out_there(world: World):
    world.push("eva@example.com")
    world.work()
    world.simulator.act("unsubscribe", list_id=world.list_id, email="eva@example.com")
    Profile.objects.update(email="gone@example.com")
    world.push("eve@example.com")
    world.work()
    Profile.objects.filter(email="gone@example.com").update(email=None)
    move(world, "eve@example.com", "eva@example.com")
    world.work()
    assert world.on_list == {"eve@example.com": "Deleted", "eva@example.com": "Unsubscribed"}


def test_an_old_address_that_is_somebody_elses_by_now_stays(world: World):
    world.push("eve@example.com", "adam@example.com")
    world.work()
    eve, adam = (Profile.objects.get(email=one) for one in ("eve@example.com", "adam@example.com"))
    Profile.objects.filter(pk=eve.pk).update(email="new@example.com")
    Profile.objects.filter(pk=adam.pk).update(email="eve@example.com")
    record_change(account_id=world.account.pk, profile_ids=[eve.pk, adam.pk])
    world.work()
    assert world.on_list == {
        "eve@example.com": "Active",
        "new@example.com": "Active",
        "adam@example.com": "Deleted",
    }


def test_who_never_arrived_may_still_come(world: World):
    world.simulator.faults([{"kind": "status", "status": 503, "match": "subscribers.import"}])
    world.push("eve@example.com")
    world.work()
    world.answer("eve@example.com", "denied")
    world.work()
    world.answer("eve@example.com", "granted")
    world.work()
    assert world.on_list == {"eve@example.com": "Active"}


def test_a_failed_try_of_somebody_nobody_wants_sent_any_more_leaves_nothing_to_do(world: World):
    """Else the row stays due without an operation, and the goal is looked at for ever."""
    world.push("eve@example.com")
    world.plan()
    batch = claimed(world)
    world.push(remove=["eve@example.com"])
    world.plan()
    confirm(world.goal, batch, [News("retry", "503")])
    assert world.work() is None
    assert not Subscriber.objects.exclude(due_at=None).exists()


def test_who_is_being_added_is_not_taken_off_at_the_same_time(world: World):
    world.push("eve@example.com")
    world.plan()
    adding = claimed(world)
    world.answer("eve@example.com", "denied")
    world.plan()
    assert claim(world.goal, Shape.of(world.goal), "unsubscribe", 10) == []
    confirm(world.goal, adding, [News("created")])
    assert claimed(world, "unsubscribe").people[0].held_addresses == ["eve@example.com"]


def test_who_left_and_was_kept_comes_off_when_they_withdraw(world: World):
    world.push("eve@example.com")
    world.work()
    world.push(remove=["eve@example.com"])
    world.work()
    assert world.on_list == {"eve@example.com": "Active"}
    world.answer("eve@example.com", "denied")
    world.work()
    assert world.on_list == {"eve@example.com": "Unsubscribed"}
    assert (world.last_run.removals, world.last_run.removed, world.last_run.adds_up) == (1, 1, True)


def test_a_late_answer_has_the_person_looked_at_again(world: World):
    """A worker taken for dead sent what was true before, after another one sent what is true now."""
    world.push("eve@example.com", city="Gent")
    world.plan()
    late = claimed(world)
    world.push("eve@example.com", city="Brugge")
    world.work()
    confirm(world.goal, late, [News("created")])
    world.simulator.clear_counters()
    world.work()
    assert world.simulator.counters()["subscribers.import"]["requests"] == 1
    assert world.outcomes(world.last_run) == {"eve@example.com": ("updated", "")}


def test_a_crash_keeps_the_address_in_mind(world: World):
    world.push("eve@example.com")
    world.plan()
    claimed(world)
    take_back(world.goal)
    row = world.subscriber("eve@example.com")
    assert (row.tried_addresses, row.attempts, Flight.objects.count()) == (["eve@example.com"], 1, 0)


def test_who_waited_for_an_objective_is_looked_at_again_when_there_is_one(world: World):
    world.push("eve@example.com")
    world.plan()
    set_objectives(world.connection, [])
    assert world.deliver() is None
    Wakeup.objects.filter(kind=runs.DELIVER).delete()
    set_objectives(world.connection, [world.objective])
    assert Wakeup.objects.filter(kind=runs.DELIVER, key=str(world.goal.pk)).exists()


@pytest.mark.django_db(transaction=True)
def test_a_plan_waits_for_a_confirmation_instead_of_deadlocking(world: World):
    world.push("eve@example.com", city="Gent")
    world.plan()
    batch = claimed(world)
    world.push("eve@example.com", city="Brugge")

    def plan() -> None:
        try:
            world.plan()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            list(Subscriber.objects.filter(goal=world.goal).select_for_update())  # as a confirmation does
            planning = pool.submit(contextvars.copy_context().run, plan)
            time.sleep(0.5)
            confirm(world.goal, batch, [News("created", state="active")])
        planning.result()
    world.deliver()
    assert [run.created + run.updated for run in Run.objects.order_by("queued_at")] == [1, 1]
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


def beside_a_plan(world: World, note: Callable[[], object]) -> None:
    """Somebody notes what happened to people whom a plan is writing at that moment, and waits for it."""

    def from_another_connection() -> None:
        try:
            note()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            world.plan()
            noting = pool.submit(contextvars.copy_context().run, from_another_connection)
            wait_until(somebody_waits_for_us, what="the other connection to wait for the plan")
        noting.result()


def somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_crash_is_noted_also_of_whom_a_plan_writes_at_that_moment(world: World):
    world.push("eve@example.com", city="Gent")
    world.plan()
    claimed(world)
    world.push("eve@example.com", city="Brugge")
    beside_a_plan(world, lambda: take_back(world.goal))
    row = world.subscriber("eve@example.com")
    assert (row.tried_addresses, row.attempts, Flight.objects.count()) == (["eve@example.com"], 1, 0)


@pytest.mark.django_db(transaction=True)
def test_a_late_answer_is_noted_also_of_whom_a_plan_writes_at_that_moment(world: World):
    world.push("eve@example.com", city="Gent")
    world.plan()
    late = claimed(world)
    world.work()
    world.push("eve@example.com", city="Brugge")
    beside_a_plan(world, lambda: confirm(world.goal, late, [News("created")]))
    assert world.subscriber("eve@example.com").accepted_hash == UNKNOWN_HASH


@pytest.mark.django_db(transaction=True)
def test_who_says_no_while_being_claimed_comes_off_again(world: World):
    """The gate let them through a moment before; the plan waits, and sees that they are about to be sent."""
    world.push("eve@example.com")
    world.plan()

    def deny() -> None:
        try:
            world.answer("eve@example.com", "denied")
            world.plan()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            batch = claimed(world)
            denying = pool.submit(contextvars.copy_context().run, deny)
            wait_until(somebody_waits_for_us, what="the plan to wait for the claim")
        denying.result()
    confirm(world.goal, batch, send_claimed(world, batch).news)
    assert world.on_list == {"eve@example.com": "Active"}
    world.deliver()
    assert world.on_list == {"eve@example.com": "Unsubscribed"}


def send_claimed(world: World, batch: Batch) -> Sent:
    with esp.connect(world.authorization, world.connection) as connector:
        return send(Target(connector, world.list_id, None, contact_maker(Shape.of(world.goal))), batch)


def test_where_the_esp_slows_down_after_adding_a_new_address_that_address_is_remembered(world: World):
    world.push("eve@example.com")
    world.simulator.faults([{"kind": "reset_before", "match": "subscribers.import"}])
    world.work()
    move(world, "eve@example.com", "eva@example.com")
    world.plan()
    batch = claimed(world)
    world.simulator.faults([{"kind": "rate_limited", "match": "subscribers.delete", "retry_after": 1}])
    confirm(world.goal, batch, send_claimed(world, batch).news)
    assert world.on_list == {"eva@example.com": "Active"}
    move(world, "eva@example.com", "evi@example.com")
    world.work()
    assert [address for address, state in world.on_list.items() if state == "Active"] == ["evi@example.com"]


def test_what_came_late_between_sending_and_confirming_is_looked_at_again(world: World):
    """A worker that was taken for dead adds an old address, after the next one found nothing there to retire."""
    world.push("eve@example.com")
    world.plan()
    late = claimed(world)
    take_back(world.goal)
    move(world, "eve@example.com", "eva@example.com")
    world.plan()
    (batch,) = claim(world.goal, Shape.of(world.goal), "upsert", 1, suspected=1)
    sent = send_claimed(world, batch)
    confirm(world.goal, late, send_claimed(world, late).news)
    confirm(world.goal, batch, sent.news)
    world.work()
    assert [address for address, state in world.on_list.items() if state == "Active"] == ["eva@example.com"]
    assert not Subscriber.objects.exclude(due_at=None).exists()
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())
