"""Looking at plans, deciding on them, and acting on runs and goals from their pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from audiences import ingest
from audiences.ingest import Operation
from audiences.models import Audience, Profile
from connectors.models import Goal, Run, Subscriber
from connectors.sync import runs
from connectors.tasks import plan_changes
from syncapp.accounts import scope
from syncapp.accounts.models import Membership
from syncapp.work import Slice


def held_first_run(scene: Any) -> Run:
    with scope.account(scene.account):
        run = runs.queue_full_run(scene.goal, trigger=Run.Trigger.MANUAL)
    return scene.plan(run)


def page(name: str, row: Any) -> str:
    return reverse(f"admin:connectors_{name}", args=[row.pk])


def decide(
    client: Any, run: Run, decision: str, reason: str = "Checked with the client.", **more: str
) -> Any:
    data = {"decision": decision, "reason": reason, "plan_hash": run.plan_hash, **more}
    return client.post(page("run_decide", run), data, follow=True)


def fresh(scene: Any, run: Run) -> Run:
    with scope.account(scene.account):
        return Run.objects.select_related("decided_by").get(pk=run.pk)


def test_a_held_run_shows_its_plan_and_nobody_was_sent(scene, signed_in, ann):
    run = held_first_run(scene)
    shown = signed_in(ann).get(page("run_change", run)).content.decode()
    assert "Held for approval" in shown
    assert "This is the first run of the goal" in shown
    assert f"<b>{run.plan['counts']['added']}</b>" in shown
    assert run.plan["counts"]["added"] > 0
    assert scene.subscribers() == {}


def test_samples_open_the_people_behind_them(scene, signed_in, ann):
    run = held_first_run(scene)
    samples = run.plan["samples"]["added"]
    shown = signed_in(ann).get(page("run_plan", run)).content.decode()
    assert 0 < len(samples) <= 20
    for profile_id in samples:
        assert reverse("admin:audiences_profile_change", args=[profile_id]) in shown


def test_approving_needs_a_reason_and_then_sends(scene, signed_in, ann):
    run = held_first_run(scene)
    refused = decide(signed_in(ann), run, "approve", reason="  ")
    assert "Say in a few words why" in refused.content.decode()
    assert fresh(scene, run).state == Run.State.HELD
    decide(signed_in(ann), run, "approve")
    run = fresh(scene, run)
    assert (run.decided_by, run.decision_reason) == (ann, "Checked with the client.")
    run = scene.carry_out(run)
    assert run.state == Run.State.COMPLETED
    assert len(scene.subscribers()) == run.created > 0


def test_a_plan_made_anew_has_to_be_looked_at_again(scene, signed_in, ann):
    run = held_first_run(scene)
    said = decide(signed_in(ann), run, "approve", plan_hash="of-another-plan").content.decode()
    assert "look again" in said
    assert fresh(scene, run).state == Run.State.HELD


def test_the_second_decision_is_told_of_the_first(scene, signed_in, ann):
    run = held_first_run(scene)
    decide(signed_in(ann), run, "dismiss", reason="Wrong list.")
    said = decide(signed_in(ann), run, "approve").content.decode()
    assert "decided already" in said
    run = fresh(scene, run)
    assert (run.state, run.decision_reason) == (Run.State.CANCELLED, "Wrong list.")
    assert scene.subscribers() == {}


def test_a_viewer_looks_and_does_not_decide(scene, signed_in, charlie):
    with scope.account(scene.account):
        Membership.objects.create(account=scene.account, user=charlie, role=Membership.Role.VIEWER)
    run = held_first_run(scene)
    client = signed_in(charlie)
    assert "Approve and send" not in client.get(page("run_change", run)).content.decode()
    assert decide(client, run, "approve").status_code == 403
    assert fresh(scene, run).state == Run.State.HELD


def test_a_dry_run_shows_a_plan_and_sends_nobody(scene, signed_in, ann):
    answer = signed_in(ann).post(page("goal_dry", scene.goal))
    with scope.account(scene.account):
        run = Run.objects.get(dry=True)
    assert answer.url == page("run_change", run)
    run = scene.plan(run)
    shown = signed_in(ann).get(answer.url).content.decode()
    assert "A dry run." in shown
    assert "Approve and send" not in shown
    with scope.account(scene.account):
        assert not Subscriber.objects.exists()


def test_pausing_stops_and_resuming_goes_on(scene, signed_in, ann):
    scene.run(ann)
    client = signed_in(ann)
    client.post(page("goal_pause", scene.goal))
    assert "Paused" in client.get(page("goal_change", scene.goal)).content.decode()
    client.post(page("goal_pause", scene.goal))
    assert "Healthy" in client.get(page("goal_change", scene.goal)).content.decode()


def test_a_queued_run_is_cancelled(scene, signed_in, ann):
    with scope.account(scene.account):
        run = runs.queue_full_run(scene.goal, trigger=Run.Trigger.MANUAL)
    signed_in(ann).post(page("run_cancel", run))
    assert fresh(scene, run).state == Run.State.CANCELLED
    said = signed_in(ann).post(page("run_cancel", run), follow=True).content.decode()
    assert "This run is over" in said


def leave(scene: Any, people: int) -> list[str]:
    """So many leave the audience, and the change is planned."""
    with scope.account(scene.account):
        audience = Audience.objects.get(external_id="newsletter-readers")
        on_list = sorted(scene.subscribers())[:people]
        operations = [Operation(n, "remove", "email", address) for n, address in enumerate(on_list)]
        ingest.apply(
            account=scene.account, audience=audience, operations=operations, unknown="create", source="test"
        )
        plan_changes(scene.account.pk, "touched", Slice(60))
    return on_list


def test_a_removal_is_undone_from_its_run(scene, signed_in, ann):
    with scope.account(scene.account):
        Goal.objects.update(leavers="remove")
    scene.run(ann)
    gone = leave(scene, 5)
    with scope.account(scene.account):
        run = Run.objects.filter(removals=5).get()
    scene.carry_out(run)
    assert [scene.subscribers()[address]["state"] for address in gone] == ["Deleted"] * 5
    signed_in(ann).post(page("run_undo", run), {"reason": "The export was wrong."})
    with scope.account(scene.account):
        undone = Run.objects.get(undoes=run)
    scene.carry_out(undone)
    assert [scene.subscribers()[address]["state"] for address in gone] == ["Active"] * 5
    assert "Undo removals" not in signed_in(ann).get(page("run_change", run)).content.decode()


@pytest.fixture
def two_refused(scene: Any, ann: Any) -> list[str]:
    """A run in which the ESP refused two people for good."""
    with scope.account(scene.account):
        addresses = list(
            Profile.objects.filter(consents__newsletter__state="granted")
            .order_by("pk")
            .values_list("email", flat=True)[:2]
        )
    refuse = {"kind": "partial", "match": "subscribers.import", "addresses": dict.fromkeys(addresses, 1)}
    scene.simulator.faults([refuse])
    scene.run(ann)
    return addresses


def test_failed_people_are_listed_by_class_and_tried_again(scene, signed_in, ann, two_refused):
    client = signed_in(ann)
    assert "Some people failed" in client.get(page("goal_change", scene.goal)).content.decode()
    shown = client.get(page("goal_failed", scene.goal)).content.decode()
    assert all(address in shown for address in two_refused)
    answer = client.post(page("goal_replay", scene.goal), {"error_class": "person", "code": "1"})
    with scope.account(scene.account):
        run = Run.objects.get(trigger=Run.Trigger.REPLAY)
    assert answer.url == page("run_change", run)
    assert scene.carry_out(run).created == 2
    assert set(two_refused) <= set(scene.subscribers())
    assert "Nobody failed." in client.get(page("goal_failed", scene.goal)).content.decode()


@pytest.mark.parametrize("data", [{}, {"error_class": "", "code": ""}, {"person": ""}])
def test_a_post_that_names_nobody_tries_nobody(scene, signed_in, ann, two_refused, data):
    said = signed_in(ann).post(page("goal_replay", scene.goal), data, follow=True).content.decode()
    assert "Choose whom to try again." in said
    with scope.account(scene.account):
        assert not Run.objects.filter(trigger=Run.Trigger.REPLAY).exists()


def test_one_person_is_shown_first_and_sent_when_asked(scene, signed_in, ann):
    with scope.account(scene.account):
        person = Profile.objects.filter(consents__newsletter__state="granted").order_by("pk").first()
    client = signed_in(ann)
    shown = client.get(page("goal_try", scene.goal), {"person": person.pk}).content.decode()
    assert "import.json" in shown
    assert person.email in shown
    assert scene.subscribers() == {}
    said = client.post(page("goal_try", scene.goal), {"person": person.pk, "send": "1"}).content.decode()
    assert "Added" in said, said[said.find("content-main") :][:6000]
    assert list(scene.subscribers()) == [person.email]


def test_who_may_not_be_mailed_is_not_tried(scene, signed_in, ann):
    with scope.account(scene.account):
        person = Profile.objects.exclude(consents__newsletter__state="granted").order_by("pk").first()
    client = signed_in(ann)
    client.post(page("goal_try", scene.goal), {"person": person.pk, "send": "1"})
    shown = client.get(page("goal_try", scene.goal), {"person": person.pk}).content.decode()
    assert "Nothing would be sent." in shown
    assert scene.subscribers() == {}


def test_another_clients_person_cannot_be_tried(scene, signed_in, ann, bob_account):
    with scope.account(bob_account):
        person = Profile.objects.create(account=bob_account, email="bob@elsewhere.example")
    shown = signed_in(ann).get(page("goal_try", scene.goal), {"person": person.pk}).content.decode()
    assert "bob@elsewhere.example" not in shown
