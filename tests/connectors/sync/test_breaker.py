"""A breaker per authorization: opens on failures, lets one call try, closes on its success."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from connectors.esp.errors import (
    BadCredentials,
    CircuitOpen,
    ConnectorError,
    RateLimited,
    Refused,
    ServerFailed,
)
from connectors.models import Authorization, Breaker, Connection
from connectors.pace import breaker
from connectors.pace.breaker import Subject, Transition, note, probe
from connectors.sync import esp
from connectors.tasks import deliver_goal
from connectors.wizard.credentials import check
from syncapp.accounts import scope
from syncapp.work import Slice
from syncapp.work.models import Wakeup
from tests.connectors.sync.world import API_KEY, World

FAILED = ServerFailed(status=503)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(in_ann, world_of: Callable[..., World]) -> World:
    return world_of(in_ann)


@pytest.fixture
def subject(world: World) -> Subject:
    return esp.subject_of(world.authorization)


@pytest.fixture
def transitions() -> Iterator[list[Transition]]:
    found: list[Transition] = []
    breaker.on_state_change.append(found.append)
    yield found
    breaker.on_state_change.remove(found.append)


def fail(subject: Subject, times: int, error: ConnectorError = FAILED) -> None:
    for _ in range(times):
        note(subject, worked=0, error=error, is_probe=False)


def state_of(subject: Subject) -> str:
    return breaker.look(subject).state


def let_probe() -> None:
    past = timezone.now() - timedelta(seconds=1)
    Breaker.objects.update(probe_at=past, probing_until=past)


def calls_of(world: World) -> int:
    return sum(counts["requests"] for counts in world.simulator.counters().values())


def call(world: World) -> None:
    with esp.connect(world.authorization) as connector:
        connector.lists(world.connection.client_id)


def test_opens_at_five_failures_in_a_row(subject: Subject, transitions: list[Transition]) -> None:
    fail(subject, 4)
    note(subject, worked=1, error=None, is_probe=False)
    fail(subject, 4)
    assert state_of(subject) == "closed"
    fail(subject, 1)
    assert state_of(subject) == "open"
    assert [(one.before, one.after, one.cause) for one in transitions] == [("closed", "open", "failing")]


def test_opens_when_half_of_the_last_twenty_failed(subject: Subject) -> None:
    for number in range(9):
        note(subject, worked=0, error=FAILED, is_probe=False)
        note(subject, worked=1, error=None, is_probe=False)
        assert state_of(subject) == "closed", number
    note(subject, worked=1, error=FAILED, is_probe=False)
    assert state_of(subject) == "open"


def test_many_successes_between_failures_keep_it_closed(subject: Subject) -> None:
    for _ in range(40):
        fail(subject, 4)
        note(subject, worked=30, error=None, is_probe=False)
    assert state_of(subject) == "closed"


@pytest.mark.parametrize("error", [RateLimited(status=429), Refused(status=400), CircuitOpen()])
def test_answers_that_blame_nobody_or_the_question_do_not_open(
    subject: Subject, error: ConnectorError
) -> None:
    fail(subject, 20, error)
    assert not Breaker.objects.exists()


def test_refused_credentials_open_at_once_and_once(subject: Subject, transitions: list[Transition]) -> None:
    fail(subject, 3, BadCredentials("Enter a valid API key."))
    standing = breaker.look(subject)
    assert (standing.state, standing.cause, standing.reason) == (
        "open",
        "credentials",
        "Enter a valid API key.",
    )
    assert 890 < standing.wait_s <= 900
    assert len(transitions) == 1


def test_one_probe_in_the_whole_installation(subject: Subject, in_ann, transitions: list[Transition]) -> None:
    fail(subject, 5)
    assert not probe(subject, 60)
    let_probe()
    won: list[bool] = []

    def race() -> None:
        with scope.account(in_ann):
            won.append(probe(subject, 60))
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    assert state_of(subject) == "half_open"
    note(subject, worked=1, error=None, is_probe=False)  # an old call that comes home late proves nothing
    assert state_of(subject) == "half_open"
    note(subject, worked=1, error=None, is_probe=True)
    assert [one.after for one in transitions] == ["open", "half_open", "closed"]


def test_a_probe_whose_process_died_is_made_by_another(subject: Subject) -> None:
    fail(subject, 5)
    let_probe()
    assert probe(subject, 60)
    assert not probe(subject, 60)
    let_probe()
    assert probe(subject, 60)


def test_each_probe_that_fails_doubles_the_wait(subject: Subject) -> None:
    fail(subject, 5)
    waits = [breaker.look(subject).wait_s]
    for _ in range(8):
        let_probe()
        assert probe(subject, 60)
        note(subject, worked=0, error=FAILED, is_probe=True)
        waits.append(breaker.look(subject).wait_s)
    assert waits[1] == pytest.approx(2 * waits[0], rel=0.1)
    assert waits[-1] == pytest.approx(300, rel=0.05)


def test_an_esp_that_is_down_gets_one_call_per_probe(world: World, subject: Subject) -> None:
    world.push("eve@example.com", city="Gent")
    world.plan()
    world.simulator.faults([{"kind": "status", "status": 503, "count": None}])
    for _ in range(10):
        world.deliver()
    assert state_of(subject) == "open"
    seen = calls_of(world)
    assert seen == 5
    for _ in range(20):
        assert world.deliver() >= 1
    assert calls_of(world) == seen
    assert Connection.objects.get().state == Connection.State.WAITING
    let_probe()
    for _ in range(5):
        world.deliver()
    assert calls_of(world) == seen + 1
    world.simulator.clear_faults()
    let_probe()
    world.deliver()
    assert state_of(subject) == "closed"
    for _ in range(5):
        Breaker.objects.exists()
        world.deliver()
    assert world.on_list == {"eve@example.com": "Active"}


def test_a_breaker_that_closes_wakes_the_goals_that_waited(world: World, subject: Subject) -> None:
    fail(subject, 5)
    Wakeup.objects.all().delete()
    let_probe()
    call(world)
    assert state_of(subject) == "closed"
    assert Wakeup.objects.filter(kind="connectors.deliver", key=str(world.goal.pk)).exists()


def test_credentials_that_stop_working_stop_the_traffic(world: World, subject: Subject) -> None:
    world.push("eve@example.com", city="Gent")
    world.plan()
    world.simulator.faults([{"kind": "status", "status": 401, "count": None}])
    for _ in range(10):
        pause_s = deliver_goal(world.account.pk, str(world.goal.pk), Slice())
    assert pause_s == 900
    assert calls_of(world) == 1
    assert Connection.objects.get().state == Connection.State.REAUTHENTICATE
    with pytest.raises(BadCredentials):
        call(world)
    assert calls_of(world) == 1


def test_a_probe_of_refused_credentials_that_gets_no_answer_changes_nothing(
    world: World, subject: Subject, transitions: list[Transition]
) -> None:
    fail(subject, 1, BadCredentials("Enter a valid API key."))
    let_probe()
    world.simulator.faults([{"kind": "status", "status": 503}])
    with pytest.raises(ServerFailed):
        call(world)
    standing = breaker.look(subject)
    assert (standing.state, standing.cause) == ("open", "credentials")
    assert standing.wait_s > 800


def test_new_credentials_are_tried_whatever_the_old_ones_did(world: World, subject: Subject) -> None:
    fail(subject, 1, BadCredentials("Enter a valid API key."))
    world.authorization.secrets = {"api_key": API_KEY, "note": "another"}
    world.authorization.save()
    call(world)
    assert breaker.look(esp.subject_of(world.authorization)).is_closed


def test_checking_the_credentials_closes_it(world: World, subject: Subject) -> None:
    fail(subject, 1, BadCredentials("Enter a valid API key."))
    assert check(world.authorization).came
    assert state_of(subject) == "closed"


def test_a_listener_that_fails_breaks_no_call(world: World, subject: Subject) -> None:
    def burst(transition: Transition) -> None:
        raise ZeroDivisionError

    breaker.on_state_change.append(burst)
    try:
        fail(subject, 5)
    finally:
        breaker.on_state_change.remove(burst)
    assert state_of(subject) == "open"


def test_others_are_not_held_up(world: World, subject: Subject, bob_account) -> None:
    fail(subject, 5)
    with scope.account(bob_account):
        of_bob = Authorization.objects.create(
            account=bob_account,
            connector="campaign_monitor",
            label="Agency",
            base_url=world.authorization.base_url,
            secrets={"api_key": API_KEY},
        )
        with esp.connect(of_bob) as connector:
            connector.check_credentials()
        assert not Breaker.objects.exists()
