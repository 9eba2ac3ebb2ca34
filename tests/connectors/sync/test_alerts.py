"""Who is told of what: failed runs, trouble at the ESP, credentials that end; and when it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.models import Authorization, Run
from connectors.sync import runs
from connectors.sync.watching import expiry
from connectors.tasks import execute_run
from syncapp.notices.models import Alert
from syncapp.work import Slice

pytestmark = pytest.mark.django_db(transaction=True)


def open_alerts() -> set[str]:
    return set(Alert.objects.filter(resolved_at=None).values_list("kind", flat=True))


def refuse(world: Any, *addresses: str) -> None:
    world.simulator.faults(
        [{"kind": "partial", "match": "subscribers.import", "addresses": dict.fromkeys(addresses, 1)}]
    )


def test_a_full_run_that_fails_is_told_and_the_next_good_one_takes_it_back(world):
    refuse(world, "ann@example.com")
    world.push("ann@example.com")
    assert world.run_fully().state == Run.State.FAILED
    assert "run_failed" in open_alerts()
    world.push("ann@example.com", city="Utrecht")
    world.push("bert@example.com")
    assert world.run_fully().state == Run.State.COMPLETED
    assert open_alerts() == set()


def test_warnings_are_told_and_are_no_failure(world):
    refuse(world, "ann@example.com")
    world.push("ann@example.com", "bert@example.com")
    assert world.run_fully().state == Run.State.WARNINGS
    assert open_alerts() == {"run_warnings"}


def test_one_bad_address_of_a_change_is_no_news(world):
    refuse(world, "ann@example.com")
    world.push("ann@example.com")
    world.work()
    assert world.last_run.state == Run.State.FAILED
    assert open_alerts() == set()


def test_many_bad_addresses_of_a_change_are(world):
    addresses = [f"p{number}@example.com" for number in range(30)]
    refuse(world, *addresses)
    world.push(*addresses)
    world.work()
    assert open_alerts() == {"run_failed"}


def test_a_run_that_could_not_start_is_told(world):
    world.run_fully()
    run = runs.queue_full_run(world.goal, trigger=Run.Trigger.SCHEDULE)
    world.connection.objective_links.all().delete()
    execute_run(world.account.pk, str(run.pk), Slice())
    assert Run.objects.get(pk=run.pk).state == Run.State.FAILED
    assert "run_failed" in open_alerts()


def test_what_the_esp_refuses_is_told_once_and_over_when_it_works(world):
    world.push("ann@example.com")
    world.simulator.faults([{"kind": "status", "status": 403, "match": "subscribers.import", "count": 2}])
    world.work()
    world.deliver()
    assert open_alerts() == {"connection_trouble"}
    assert Alert.objects.get(kind="connection_trouble").times >= 1
    world.simulator.faults([])
    world.push("bert@example.com")
    world.work()
    assert open_alerts() == set()


@pytest.mark.parametrize(("days", "told"), [(15, False), (13, True), (0, True), (-3, True)])
def test_credentials_that_end_are_told_two_weeks_before(world, days, told):
    Authorization.objects.update(expires_at=timezone.now() + timedelta(days=days, minutes=5))
    expiry.tell_of_endings()
    assert ("credentials_ending" in open_alerts()) is told
