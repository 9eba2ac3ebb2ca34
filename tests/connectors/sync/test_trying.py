"""Test with a person: look at the request first, send it, read the answer."""

from __future__ import annotations

import json

import pytest

from audiences.models import Profile
from connectors.models import Goal, Run
from connectors.sync import runs
from connectors.sync.delivering import trying
from tests.connectors.sync.world import World

EVE = "eve@example.com"


def eve() -> Profile:
    found: Profile = Profile.objects.get(email=EVE)
    return found


def test_the_request_is_shown_and_nothing_is_sent(world: World):
    world.push(EVE, city="Gent")
    shown = trying.preview(world.goal, eve())
    assert (shown.withheld, shown.words) == ("", "")
    assert shown.request is not None
    (row,) = json.loads(shown.request.body)["Subscribers"]
    assert row["EmailAddress"] == EVE
    assert {"Key": "City", "Value": "Gent"} in row["CustomFields"] or "Gent" in shown.request.body
    assert world.on_list == {}
    assert not Run.objects.exists()


def test_the_person_is_sent_in_a_run_of_one_and_the_answer_is_shown(world: World):
    world.push(EVE, "adam@example.com", city="Gent")
    answer = trying.send(world.goal, eve(), world.somebody)
    assert world.on_list == {EVE: "Active"}
    assert answer.outcome is not None
    assert answer.outcome.result == "created"
    assert answer.run is not None
    assert (answer.run.trigger, answer.run.checked, answer.run.created) == (Run.Trigger.MANUAL, 1, 1)
    assert answer.run.adds_up
    assert answer.run.requested_by == world.somebody
    (call,) = answer.exchanges
    assert (call.operation, call.status) == ("upsert", 201)
    assert EVE not in call.request_body

    world.simulator.clear_counters()
    world.work()
    assert set(world.on_list) == {EVE, "adam@example.com"}
    assert set(world.effects().values()) == {1}
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


@pytest.mark.parametrize(("consent", "words"), [("denied", "refused consent"), (None, "no consent yet")])
def test_who_did_not_agree_is_not_sent_and_it_says_why(world: World, consent: str | None, words: str):
    world.push(EVE, consent=consent)
    answer = trying.send(world.goal, eve(), world.somebody)
    assert words in answer.words
    assert (answer.run, answer.outcome, answer.preview.request) == (None, None, None)
    assert world.on_list == {}


def test_who_is_no_member_is_not_sent(world: World):
    world.push(EVE)
    world.push(remove=[EVE])
    assert trying.preview(world.goal, eve()).withheld == "left"


def test_a_goal_that_is_off_can_be_tried_but_not_one_without_a_list(world: World):
    world.push(EVE)
    Goal.objects.update(enabled=False)
    assert trying.send(Goal.objects.get(), eve(), None).outcome is not None
    Goal.objects.update(list_id="")
    with pytest.raises(runs.CannotRun, match="list"):
        trying.preview(Goal.objects.get(), eve())


def test_a_rejection_is_an_answer_too(world: World):
    world.push(EVE)
    world.simulator.faults([{"kind": "partial", "match": "subscribers.import", "addresses": {EVE: 1}}])
    answer = trying.send(world.goal, eve(), world.somebody)
    assert answer.outcome is not None
    assert (answer.outcome.result, answer.outcome.code) == ("rejected", "1")


def test_when_the_esp_does_not_answer_the_person_waits_for_the_workers(world: World):
    world.push(EVE)
    world.simulator.faults([{"kind": "status", "status": 503, "match": "subscribers.import"}])
    answer = trying.send(world.goal, eve(), world.somebody)
    assert answer.outcome is None
    assert answer.words
    world.simulator.clear_faults()
    world.work()
    assert world.on_list == {EVE: "Active"}
    assert all(run.adds_up and not run.is_open for run in Run.objects.all())


def test_an_earlier_run_accounts_for_who_was_tried(world: World):
    world.push(EVE)
    world.plan()
    planned = world.last_run
    trying.send(world.goal, eve(), world.somebody)
    planned.refresh_from_db()
    assert (planned.skipped, planned.state) == ({"superseded": 1}, Run.State.COMPLETED)
