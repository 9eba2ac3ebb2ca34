"""What goes wrong on the way to the ESP: for one person, for a batch, for everybody, and for a while."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

import pytest

from connectors.esp.campaign_monitor import CampaignMonitor
from connectors.esp.contract import Contact, Outcome
from connectors.esp.errors import Ambiguous, Refused, ServerFailed
from connectors.models import Connection, Flight, Goal, Run, Subscriber
from connectors.sync import health
from connectors.sync.delivering import delivery
from connectors.sync.delivering.sending import send
from connectors.sync.health import Word
from syncapp.notices.models import Alert
from tests.connectors.sync.scripted import Scripted, batch_of, person, target_of
from tests.connectors.sync.world import API_KEY, World

BAD = "bad@example.com"
ROUNDS = 12


def adds_up(run: Run) -> bool:
    return run.adds_up and not run.is_open


def break_upsert(monkeypatch: pytest.MonkeyPatch, breaks: Any) -> None:
    """`breaks(addresses)` raises, or returns for the real thing to go on."""
    whole = CampaignMonitor.upsert

    def upsert(
        self: CampaignMonitor, list_id: str, contacts: Sequence[Contact], *more: Any, **options: Any
    ) -> list[Outcome]:
        breaks([contact.address for contact in contacts])
        return whole(self, list_id, contacts, *more, **options)

    monkeypatch.setattr(CampaignMonitor, "upsert", upsert)


@pytest.mark.parametrize("refusal", ["of each", "of the batch"])
def test_of_n_people_exactly_the_k_bad_ones_are_rejected(
    world: World, monkeypatch: pytest.MonkeyPatch, refusal: str
):
    chance = random.Random(7)
    bad: set[str] = set()

    def breaks(addresses: list[str]) -> None:
        if refusal == "of the batch" and bad.intersection(addresses):
            raise Refused("The ESP does not take this.", operation="upsert", code="400", may_split=True)

    break_upsert(monkeypatch, breaks)
    for number in range(ROUNDS):
        people = [f"round{number}-{place}@example.com" for place in range(chance.randint(1, 40))]
        bad |= (bad_now := set(chance.sample(people, chance.randint(0, len(people)))))
        if refusal == "of each":
            codes = {address: chance.choice([1, 220]) for address in bad_now}
            world.simulator.faults([{"kind": "partial", "match": "subscribers.import", "addresses": codes}])
        world.push(*people)
        world.work()
        world.simulator.clear_faults()
        run = world.last_run
        assert (run.created, run.rejected, adds_up(run)) == (len(people) - len(bad_now), len(bad_now), True)
        assert set(people) - bad_now <= set(world.on_list)
        assert not bad_now & set(world.on_list)
    assert max(world.effects().values()) == 1


def test_a_bug_that_one_person_meets_stops_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def breaks(addresses: list[str]) -> None:
        if BAD in addresses:
            raise TypeError(f"cannot handle {BAD}")

    break_upsert(monkeypatch, breaks)
    world.push(BAD, *[f"person{number}@example.com" for number in range(20)])
    with caplog.at_level(logging.ERROR):
        world.work()
    assert len(world.on_list) == 20
    row = world.subscriber(BAD)
    assert (row.error_class, row.error_code, row.attempts) == ("bug", "bug", 1)
    assert (world.last_run.created, world.last_run.waiting, world.last_run.adds_up) == (20, 1, True)
    assert "TypeError" in caplog.text
    assert "breaks" in caplog.text
    assert BAD not in caplog.text
    assert Alert.objects.get(kind="connector_broke", resolved_at=None).times == 1


def test_a_bug_that_everybody_meets_pauses_the_goal_and_ends_in_dead_letters(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    calls: list[int] = []

    def breaks(addresses: list[str]) -> None:
        calls.append(len(addresses))
        raise KeyError("x")

    break_upsert(monkeypatch, breaks)
    world.push(*[f"person{number}@example.com" for number in range(200)])
    pause = world.work()
    assert pause is not None
    assert len(calls) < 20
    assert set(Subscriber.objects.values_list("attempts", flat=True)) == {1}
    assert Connection.objects.get().state == Connection.State.ATTENTION
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    Subscriber.objects.update(attempts=7, first_failed_at=long_ago, due_at=long_ago)
    world.deliver()
    assert (world.last_run.dead, adds_up(world.last_run)) == (200, True)


def test_one_person_an_esp_always_fails_on_does_not_hold_up_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """At first it looks like an outage. When the same people fail again, it is found out who."""

    def breaks(addresses: list[str]) -> None:
        if BAD in addresses:
            raise ServerFailed(operation="upsert", status=500)

    break_upsert(monkeypatch, breaks)
    world.push(BAD, *[f"person{number}@example.com" for number in range(20)])
    for _ in range(3):
        world.work()
    assert len(world.on_list) == 20
    assert world.subscriber(BAD).attempts == 3
    assert world.last_run.waiting == 1


def test_refused_credentials_tell_people_once_until_they_work_again(world: World):
    world.authorization.secrets = {"api_key": "wrong-key-wrong-key"}
    world.authorization.save()
    world.push("eve@example.com")
    world.work()
    world.work()
    alert = Alert.objects.get(kind="credentials_refused")
    assert (alert.times, alert.resolved_at) == (2, None)
    assert alert.url.endswith(f"/{world.authorization.pk}/change/")
    assert health.word(Goal.objects.get()).word is Word.REAUTHENTICATE
    world.authorization.secrets = {"api_key": API_KEY}
    world.authorization.save()
    world.deliver()
    alert.refresh_from_db()
    assert alert.resolved_at is not None
    assert health.word(Goal.objects.get()) == health.Health(Word.HEALTHY)


def test_a_list_that_is_gone_tells_people_where_to_choose_another(world: World):
    world.push("eve@example.com")
    world.simulator.act("delete-list", list_id=world.list_id)
    world.work()
    alert = Alert.objects.get(kind="list_gone")
    assert alert.subject == f"goal:{world.goal.pk}"
    assert "goal" in alert.words
    assert health.word(Goal.objects.get()).word is Word.ATTENTION
    assert world.subscriber("eve@example.com").attempts == 0


def test_the_words_for_a_goal(world: World):
    goal = Goal.objects.select_related("connection").get()
    assert health.word(goal).word is Word.HEALTHY
    goal.enabled = False
    assert health.word(goal).word is Word.PAUSED
    goal.list_id = ""
    draft = health.word(goal)
    assert (draft.word, draft.sentence) == (Word.DRAFT, "Choose the list at the ESP first.")


def test_in_quiet_hours_only_who_withdrew_is_sent(world: World, monkeypatch: pytest.MonkeyPatch):
    Goal.objects.update(leavers="unsubscribe")
    world.push("eve@example.com", "left@example.com")
    world.work()
    Goal.objects.update(quiet_from=time(0, 0), quiet_until=time(7, 0))
    zone = Goal.objects.get().account.zone
    quiet = datetime(2026, 3, 2, 3, 0, tzinfo=zone)
    world.push("adam@example.com", remove=["left@example.com"])
    world.answer("eve@example.com", "denied")
    world.plan()
    monkeypatch.setattr(delivery.timezone, "now", lambda: quiet)
    pause = world.deliver()
    monkeypatch.undo()
    assert world.on_list == {"eve@example.com": "Unsubscribed", "left@example.com": "Active"}
    assert pause == 4 * 3600
    assert (world.last_run.state, world.last_run.reason) == (Run.State.WAITING, "Quiet hours until 07:00.")

    Goal.objects.update(quiet_from=None, quiet_until=None)
    world.deliver()
    assert world.on_list == {
        "eve@example.com": "Unsubscribed",
        "left@example.com": "Unsubscribed",
        "adam@example.com": "Active",
    }
    assert all(adds_up(run) for run in Run.objects.all())


def test_an_exception_on_the_way_leaves_no_flight_and_nobody_suspected(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    world.push("eve@example.com")
    world.plan()
    monkeypatch.setattr(delivery, "keep_calls", fail)
    with pytest.raises(RuntimeError):
        world.deliver()
    assert not Flight.objects.exists()
    assert world.subscriber("eve@example.com").crashes == 0
    monkeypatch.undo()
    world.deliver()
    assert world.on_list == {"eve@example.com": "Active"}
    assert set(world.effects().values()) == {1}


@pytest.mark.parametrize("arrives", [True, False])
def test_what_may_not_be_repeated_is_looked_up_first(arrives: bool):
    """An ESP whose upsert done twice is not as done once."""
    esp = Scripted()
    (esp.lose if arrives else esp.drop).add("upsert")
    first = send(target_of(esp), batch_of(person("eve@example.com")))
    assert isinstance(first.trouble, Ambiguous)
    assert (first.news[0].result, first.news[0].counts) == ("retry", True)
    again = send(target_of(esp), batch_of(person("eve@example.com", attempts=1)))
    assert again.news[0].result == "created"
    assert esp.made == ["upsert"] * (1 if arrives else 2)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_rename_that_may_not_be_repeated_is_looked_up(arrives: bool):
    esp = Scripted()
    send(target_of(esp), batch_of(person("old@example.com")))
    (esp.lose if arrives else esp.drop).add("rename")
    moving = {"held": "old@example.com", "is_new": False}
    sent = send(target_of(esp), batch_of(person("new@example.com", **moving)))
    if not arrives:
        assert sent.news[0].result == "retry"
        sent = send(target_of(esp), batch_of(person("new@example.com", **moving, attempts=1)))
    assert sent.news[0].result == "updated"
    assert set(esp.people) == {"new@example.com"}


@pytest.mark.parametrize("arrives", [True, False])
def test_an_unsubscribe_that_may_not_be_repeated_is_looked_up(arrives: bool):
    esp = Scripted()
    send(target_of(esp), batch_of(person("eve@example.com")))
    (esp.lose if arrives else esp.drop).add("unsubscribe")
    gone = {"held": "eve@example.com", "is_new": False, "withheld": "consent_denied"}
    first = send(target_of(esp), batch_of(person("eve@example.com", **gone), operation="unsubscribe"))
    assert first.news[0].result == "retry"
    again = batch_of(person("eve@example.com", **gone, attempts=1), operation="unsubscribe")
    assert send(target_of(esp), again).news[0].result == "removed"
    assert esp.made.count("unsubscribe") == (1 if arrives else 2)
