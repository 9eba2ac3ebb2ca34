"""The whole way with a real worker, and with one that is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from connectors.models import Flight, Outcome, Run, Subscriber
from connectors.sync import runs
from tests.connectors.sync.world import World
from tests.work.process import WorkerProcess, wait_until

PEOPLE = 5000

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(worker: Callable[..., WorkerProcess], in_ann, world_of) -> World:
    """Rows are committed: the worker is another process."""
    return world_of(in_ann)


def test_a_pushed_person_arrives_by_the_worker(world: World, worker: Callable[..., WorkerProcess]):
    worker().wait_until_up()
    world.push("eve@example.com", city="Gent")
    wait_until(lambda: world.on_list == {"eve@example.com": "Active"}, what="the person on the list")
    wait_until(lambda: world.last_run.state == Run.State.COMPLETED, what="the end of the run")


def test_killed_in_the_middle_everyone_arrives_once(world: World, worker: Callable[..., WorkerProcess]):
    world.push(*[f"person{number}@example.com" for number in range(PEOPLE)], city="Gent")
    world.simulator.latency(300, "subscribers.import")
    first = worker(SYNCAPP_LEASE_S="3")
    wait_until(lambda: Outcome.objects.exists() or len(world.on_list) > 0, 30, "the first people")
    for pid in (first.pid, *first.group()):
        os.kill(pid, signal.SIGKILL)
    assert Subscriber.objects.exclude(due_at=None).exists()

    world.simulator.latency(0, "subscribers.import")
    worker(SYNCAPP_LEASE_S="3")
    wait_until(lambda: not Run.objects.filter(state__in=Run.OPEN).exists(), 60, "the end of the run")

    assert len(world.on_list) == PEOPLE
    assert set(world.effects().values()) == {1}
    run = Run.objects.get()
    assert (run.state, run.checked, run.created) == (Run.State.COMPLETED, PEOPLE, PEOPLE)
    assert run.adds_up
    assert Outcome.objects.filter(run=run).count() == PEOPLE
    assert not Flight.objects.exists()


def test_a_worker_told_to_stop_leaves_nothing_half_done(world: World, worker: Callable[..., WorkerProcess]):
    world.push(*[f"person{number}@example.com" for number in range(PEOPLE)])
    world.simulator.latency(300, "subscribers.import")
    first = worker()
    wait_until(lambda: len(world.on_list) > 0, 30, "the first people")
    first.send(signal.SIGTERM)
    assert first.wait() == 0
    assert not Flight.objects.exists()
    assert world.last_run.adds_up
    assert world.last_run.waiting == PEOPLE - Outcome.objects.count()


def test_a_full_run_from_a_button_is_done_by_the_worker(world: World, worker: Callable[..., WorkerProcess]):
    world.push("eve@example.com", "adam@example.com")
    worker().wait_until_up()
    wait_until(lambda: len(world.on_list) == 2, what="both people")
    run = runs.queue_full_run(world.goal, trigger=Run.Trigger.MANUAL)
    assert runs.queue_full_run(world.goal, trigger=Run.Trigger.MANUAL).pk in {run.pk}
    wait_until(lambda: Run.objects.get(pk=run.pk).state == Run.State.COMPLETED, what="the end of the run")
    assert Run.objects.get(pk=run.pk).unchanged == 2
