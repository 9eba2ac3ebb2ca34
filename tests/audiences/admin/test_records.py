"""Sync sessions and jobs: what waits for a person, who may decide, and what comes of it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from audiences.models import Audience, Job, SyncSession
from syncapp.accounts import scope
from syncapp.notices.models import Alert
from tests.audiences.admin.scene import fresh, members_of

FOUND, OK, FORBIDDEN, NOT_FOUND = 302, 200, 403, 404
WHY = {"reason": "Asked the client."}


def at(act, row):
    return reverse(f"admin:audiences_{row._meta.model_name}_{act}", args=[row.pk])


@pytest.fixture
def blocked(scene):
    """A replace by 2 of 10 members."""
    scene.push(scene.newsletter, range(10))
    session = scene.replace(scene.newsletter, ["c-0", "c-1"])
    assert session.state == SyncSession.State.BLOCKED
    return session


def decide(client, row, decision, **data):
    return client.post(at("decide", row), {"decision": decision, **WHY, **data})


def test_a_stopped_replace_is_on_the_dashboard_and_says_what_is_at_stake(at_anns, scene, blocked):
    dashboard = at_anns.get(reverse("admin:index")).content.decode()
    assert "Waits for you" in dashboard
    assert at("change", blocked) in dashboard
    page = at_anns.get(at("change", blocked)).content.decode()
    for words in (
        "Nothing was changed yet",
        "80.0 % of the members would leave",
        "limit is 30 %",
        "Approve and apply",
    ):
        assert words in page, words
    with scope.account(scene.account):
        assert Alert.objects.get(resolved_at=None).url == at("change", blocked)
    assert (
        "Waits for you"
        in at_anns.get(
            reverse("admin:audiences_audience_change", args=[blocked.audience_id])
        ).content.decode()
    )


def test_a_manager_lets_it_pass(at_anns, ann, scene, blocked):
    assert (
        "Say in a few words"
        in at_anns.post(at("decide", blocked), {"decision": "approve", "reason": " "}).content.decode()
    )
    assert decide(at_anns, blocked, "approve").status_code == FOUND
    fresh(blocked)
    with scope.account(scene.account):
        job = Job.objects.get(pk=blocked.job_id)
    assert (blocked.confirmed_by, job.decided_by, job.decision_reason) == (ann, ann, "Asked the client.")
    scene.work(job)
    assert members_of(scene.newsletter) == 2
    page = at_anns.get(at("change", blocked)).content.decode()
    assert "Completed" in page
    assert "Asked the client." in page
    assert "Waits for you" not in at_anns.get(reverse("admin:index")).content.decode()
    with scope.account(scene.account):
        assert not Alert.objects.filter(resolved_at=None).exists()


def test_a_manager_refuses_and_nothing_changes(at_anns, scene, blocked):
    decide(at_anns, blocked, "refuse")
    fresh(blocked)
    assert blocked.state == SyncSession.State.CANCELLED
    assert "Asked the client." in blocked.reason
    assert members_of(scene.newsletter) == 10
    answer = decide(at_anns, blocked, "approve")
    assert "does not wait for anybody" in at_anns.get(answer.url).content.decode()


def test_a_replace_by_nobody_cannot_be_approved(at_anns, scene):
    scene.push(scene.newsletter, range(3))
    session = scene.replace(scene.newsletter, [])
    page = at_anns.get(at("change", session)).content.decode()
    assert "It cannot be approved" in page
    assert "Approve and apply" not in page
    decide(at_anns, session, "approve")
    assert members_of(scene.newsletter) == 3


def test_counters_add_up_and_failures_say_what_to_do(at_anns, scene):
    scene.push(scene.newsletter, range(10))
    session = scene.replace(scene.newsletter, [*(f"c-{n}" for n in range(9)), "nobody", "c-1"])
    page = at_anns.get(at("change", session)).content.decode()
    assert "Completed with errors" in page
    assert "contact_not_found" in page
    assert "nobody" in page
    assert "do not add up" not in page
    listed = at_anns.get(reverse("admin:audiences_syncsession_changelist")).content.decode()
    assert at("change", session) in listed
    live = at_anns.get(at("live", session)).content.decode()
    assert "<html" not in live
    assert "hx-get" not in live


def test_a_destructive_call_waits_and_is_carried_out_after_approval(at_anns, ann, scene):
    scene.push(scene.newsletter, range(4))
    job = scene.ask(scene.newsletter)
    assert at("change", job) in at_anns.get(reverse("admin:index")).content.decode()
    page = at_anns.get(at("change", job)).content.decode()
    assert "The audience would be deleted" in page
    assert "has 4 members now" in page
    decide(at_anns, job, "approve")
    scene.work(job)
    fresh(job)
    assert (job.state, job.approval, job.decided_by) == (Job.State.COMPLETED, Job.Approval.APPROVED, ann)
    with scope.account(scene.account):
        assert Audience.objects.get(pk=scene.newsletter.pk).deleted_at is not None


def test_a_refused_call_does_nothing(at_anns, scene):
    job = scene.ask(scene.newsletter)
    decide(at_anns, job, "refuse")
    scene.work(job)
    fresh(job)
    assert job.state == Job.State.CANCELLED
    with scope.account(scene.account):
        assert Audience.objects.get(pk=scene.newsletter.pk).deleted_at is None
    listed = at_anns.get(reverse("admin:audiences_job_changelist")).content.decode()
    assert "Refused" in listed


def test_only_managers_decide(signed_in, scene, blocked):
    job = scene.ask(scene.newsletter)
    for role in ("viewer", "editor"):
        client = signed_in(role)
        for row in (blocked, job):
            page = client.get(at("change", row)).content.decode()
            assert "Someone with the rights of a manager" in page
            assert decide(client, row, "approve").status_code == FORBIDDEN
    fresh(blocked)
    fresh(job)
    assert (blocked.state, job.approval) == (SyncSession.State.BLOCKED, Job.Approval.WAITING)


def test_nobody_else_finds_them(charlie, bob, bob_account, scene, blocked):
    job = scene.ask(scene.newsletter)
    for user in (charlie, bob):
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        for row in (blocked, job):
            assert client.get(at("change", row)).status_code == NOT_FOUND
            assert decide(client, row, "approve").status_code == NOT_FOUND
            assert client.post(at("cancel", row)).status_code == NOT_FOUND
    fresh(blocked)
    assert blocked.state == SyncSession.State.BLOCKED


def test_an_open_session_can_be_stopped_by_an_editor(signed_in, scene):
    with scope.account(scene.account):
        session = SyncSession.objects.create(
            account=scene.account, audience=scene.newsletter, key_id=scene.client.key_id, mode="replace",
            snapshot_at="2026-05-01T00:00:00Z", identifier="external_id", unknown_contacts="reject",
            expires_at="2099-01-01T00:00:00Z",
        )  # fmt: skip
    assert signed_in("viewer").post(at("cancel", session)).status_code == FORBIDDEN
    editor = signed_in("editor")
    assert "hx-trigger" in editor.get(at("change", session)).content.decode()
    assert editor.post(at("cancel", session)).status_code == FOUND
    fresh(session)
    assert session.state == SyncSession.State.CANCELLED
    answer = editor.post(at("cancel", session), follow=True)
    assert answer.status_code == OK
