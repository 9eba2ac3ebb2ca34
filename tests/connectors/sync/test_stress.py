"""Everything at once on one account: pushes, plans, full runs and deliveries in threads of their own."""

from __future__ import annotations

import contextvars
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from connectors.models import Flight, Goal, Outcome, Run, Subscriber
from connectors.sync import runs
from connectors.tasks import deliver_goal, execute_run, plan_changes
from syncapp.work import Slice
from tests.connectors.sync.world import World

SECONDS = 4.0
PEOPLE = 800

pytestmark = pytest.mark.django_db(transaction=True)


class Busy:
    """Does things over and over in threads, in the caller's scope; `run` ends with the first error."""

    def __init__(self, seconds: float) -> None:
        self._until_s = time.monotonic() + seconds
        self._broken = threading.Event()

    def again_and_again(self, act: Callable[[], object]) -> int:
        done = 0
        try:
            while time.monotonic() < self._until_s and not self._broken.is_set():
                act()
                done += 1
        except BaseException:
            self._broken.set()
            raise
        finally:
            connection.close()
        return done

    def run(self, *acts: Callable[[], object]) -> list[int]:
        with ThreadPoolExecutor(len(acts)) as pool:
            futures = [pool.submit(contextvars.copy_context().run, self.again_and_again, act) for act in acts]
            return [future.result() for future in futures]


def some(chance: random.Random, most: int = 400) -> list[str]:
    return [
        f"person{number}@example.com" for number in chance.sample(range(PEOPLE), chance.randrange(1, most))
    ]


def test_everything_at_once_ends_with_the_right_people_on_the_list(world: World):
    Goal.objects.update(leavers=Goal.Leavers.UNSUBSCRIBE)
    chance, account = random.Random(7), world.account.pk
    refused = {f"person{number}@example.com": 1 for number in range(0, PEOPLE, 10)}
    world.simulator.faults(
        [{"kind": "partial", "match": "subscribers.import", "addresses": refused, "count": None}]
    )

    def push() -> None:
        world.push(*some(chance), city=str(chance.random()))

    def leave() -> None:
        world.push(remove=some(chance, 5))

    def deny() -> None:
        world.answer(some(chance, 2)[0], "denied")

    def run_fully() -> None:
        run = runs.queue_full_run(world.goal, trigger=Run.Trigger.MANUAL)
        execute_run(account, str(run.pk), Slice())

    world.push(*[f"person{number}@example.com" for number in range(PEOPLE)])
    done = Busy(SECONDS).run(
        push,
        lambda: chance.choice([leave, deny])(),
        lambda: plan_changes(account, "touched", Slice()),
        lambda: plan_changes(account, "touched", Slice()),
        run_fully,
        lambda: deliver_goal(account, str(world.goal.pk), Slice()),
    )
    assert all(done), done

    world.simulator.clear_faults()
    world.plan()
    world.run_fully()
    while world.work() is not None:
        Subscriber.objects.exclude(due_at=None).update(due_at="2026-01-01T00:00Z")
    assert not Flight.objects.exists()
    assert not Run.objects.filter(state__in=Run.OPEN).exists()
    for run in Run.objects.all():
        assert run.adds_up, vars(run)
        told = Outcome.objects.filter(run=run, operation__in=Outcome.ADDING).count()
        assert told == run.created + run.updated + run.skipped_total + run.rejected + run.dead, vars(run)
    active = {address for address, state in world.on_list.items() if state == "Active"}
    held = Subscriber.objects.exclude(accepted_hash=None)
    gone = held.filter(remote_state="unsubscribed").count()
    assert active == set(
        held.exclude(remote_state="unsubscribed").values_list("accepted_address", flat=True)
    ), gone
    assert not Subscriber.objects.filter(
        wanted="off", accepted_hash__isnull=False, remote_state="active"
    ).exists()
