"""Every page of connections: for whom it opens, and for whom it does not exist."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from audiences.models import Profile
from connectors.models import Call, Goal, Outcome, Run
from syncapp.accounts import scope
from syncapp.accounts.models import Membership


def lists() -> list[str]:
    names = ("connection", "authorization", "goal", "run", "call")
    return [reverse(f"admin:connectors_{name}_changelist") for name in names]


def pages_of(scene: Any) -> list[str]:
    """The pages of one object each."""
    with scope.account(scene.account):
        run, call = Run.objects.get(), Call.objects.latest("id")
    of_run = [
        reverse(f"admin:connectors_run_{name}", args=[run.pk])
        for name in ("change", "plan", "people", "calls", "settings", "progress")
    ]
    steps = ("authorization", "client", "list", "audiences", "objectives", "fields", "recap")
    return [
        reverse("admin:connectors_connection_change", args=[scene.connection.pk]),
        reverse("admin:connectors_authorization_change", args=[scene.authorization.pk]),
        reverse("admin:connectors_goal_change", args=[scene.goal.pk]),
        reverse("admin:connectors_goal_people", args=[scene.goal.pk]),
        reverse("admin:connectors_goal_failed", args=[scene.goal.pk]),
        reverse("admin:connectors_goal_try", args=[scene.goal.pk]),
        reverse("admin:connectors_call_change", args=[call.pk]),
        *of_run,
        *(reverse("admin:connectors_setup", args=[scene.connection.pk, step]) for step in steps),
    ]


def acts_of(scene: Any) -> list[str]:
    """Addresses that do something when posted to."""
    with scope.account(scene.account):
        run = Run.objects.get()
    return [
        reverse("admin:connectors_authorization_check", args=[scene.authorization.pk]),
        reverse("admin:connectors_connection_switch", args=[scene.connection.pk]),
        reverse("admin:connectors_goal_new", args=[scene.connection.pk]),
        reverse("admin:connectors_goal_run", args=[scene.goal.pk]),
        reverse("admin:connectors_goal_copy", args=[scene.goal.pk]),
        reverse("admin:connectors_goal_field", args=[scene.goal.pk]),
        *(
            reverse(f"admin:connectors_goal_{name}", args=[scene.goal.pk])
            for name in ("dry", "pause", "replay")
        ),
        *(
            reverse(f"admin:connectors_run_{name}", args=[run.pk])
            for name in ("again", "decide", "cancel", "undo", "replay")
        ),
    ]


def test_each_page_opens_for_ann_and_does_not_exist_for_bob_and_charlie(scene, signed_in, ann, bob, charlie):
    scene.run(ann)
    own, other, stranger = signed_in(ann), signed_in(bob), signed_in(charlie)
    for address in lists():
        assert own.get(address).status_code == 200, address
        assert b"News" not in other.get(address).content, address
    for address in pages_of(scene):
        assert own.get(address).status_code == 200, address
        assert other.get(address).status_code == 404, address
        assert stranger.get(address).status_code in (403, 404), address
    for address in acts_of(scene):
        assert other.post(address).status_code == 404, address
        assert stranger.post(address).status_code in (403, 404), address
    with scope.account(scene.account):
        assert Run.objects.count() == 1
        assert Goal.objects.count() == 1


def test_nothing_is_done_by_looking(scene, signed_in, ann):
    scene.run(ann)
    for address in acts_of(scene):
        assert signed_in(ann).get(address).status_code == 302
    with scope.account(scene.account):
        assert (Run.objects.count(), Goal.objects.count()) == (1, 1)


def test_a_viewer_looks_and_changes_nothing(scene, signed_in, ann):
    scene.run(ann)
    with scope.account(scene.account):
        Membership.objects.update(role=Membership.Role.VIEWER)
    client = signed_in(ann)
    for address in pages_of(scene):
        assert client.get(address).status_code == (
            403 if "/setup/" in address or address.endswith("/try/") else 200
        ), address
    for address in acts_of(scene):
        assert client.post(address).status_code == 403, address
    assert client.get(reverse("admin:connectors_connection_add")).status_code == 403


def test_an_editor_does_not_touch_credentials(scene, signed_in, ann):
    with scope.account(scene.account):
        Membership.objects.update(role=Membership.Role.EDITOR)
    client = signed_in(ann)
    page = reverse("admin:connectors_authorization_change", args=[scene.authorization.pk])
    assert (
        client.post(page, {"label": "Mine", "setting_api_key": "another-key-0123456789"}).status_code == 403
    )
    assert (
        client.post(
            reverse("admin:connectors_authorization_check", args=[scene.authorization.pk])
        ).status_code
        == 403
    )
    assert client.get(reverse("admin:connectors_authorization_add")).status_code == 403


@pytest.mark.parametrize(
    "query", ["?after=99999999999999999999999", "?after=x.y.z", "?result=%00", "?view=nothing&reason=';--"]
)
def test_odd_queries_do_no_harm(scene, signed_in, ann, query):
    run = scene.run(ann)
    client = signed_in(ann)
    for name, key in (("run_people", run.pk), ("run_calls", run.pk), ("goal_people", scene.goal.pk)):
        assert client.get(reverse(f"admin:connectors_{name}", args=[key]) + query).status_code in (
            200,
            400,
        ), name


def test_the_persons_page_answers_why(scene, signed_in, ann):
    """In one sentence, for who is on the list and for who is not."""
    scene.run(ann)
    with scope.account(scene.account):
        on = Outcome.objects.filter(result="created").first().profile_id
        refused = Outcome.objects.filter(code="consent_denied").first().profile_id
        unknown = Profile.objects.create(account=scene.account, email="nobody@example.com").pk
    client = signed_in(ann)
    sentences = {
        on: "On “News”: the ESP accepted the person",
        refused: "Not on “News”: refused consent",
        unknown: "Not on “News”: in none of the goal’s audiences.",
    }
    for pk, sentence in sentences.items():
        assert sentence in client.get(reverse("admin:audiences_profile_change", args=[pk])).content.decode()


def test_the_dashboard_says_what_needs_attention(scene, signed_in, ann):
    page = signed_in(ann).get("/admin/").content.decode()
    assert "Changes were not followed: run the goal" in page
    assert "No worker alive" in page
    with scope.account(scene.account):
        type(scene.connection).objects.update(state="reauthenticate", state_reason="The key was refused.")
    page = signed_in(ann).get("/admin/").content.decode()
    assert "The key was refused." in page
    assert "must give new credentials" in page


def test_the_agency_sees_every_clients_connections_and_opens_each(
    scene, signed_in, agency_admin, bob_account
):
    """With all clients in view, the page of one row works in that row's client."""
    scene.run()
    client = signed_in(agency_admin)
    for address in [*lists(), *pages_of(scene), "/admin/"]:
        assert client.get(address).status_code == 200, address
    assert "for which client?" in client.get(reverse("admin:connectors_connection_add")).content.decode()
    assert "Ann’s Bicycles" in client.get(lists()[0]).content.decode()


def test_switching_off_and_on_again(scene, signed_in, ann):
    scene.run(ann)
    client = signed_in(ann)
    switch = reverse("admin:connectors_connection_switch", args=[scene.connection.pk])
    assert "Nothing is sent or fetched" in client.post(switch, {"on": "0"}, follow=True).content.decode()
    with scope.account(scene.account):
        assert not type(scene.connection).objects.get().enabled
        Goal.objects.update(needs_full_run=True)
    page = client.post(switch, {"on": "1"}, follow=True).content.decode()
    assert "Changes were not followed while it was off" in page
    assert "Run now" in page


def test_the_list_of_connections_asks_the_database_as_often_for_many_as_for_one(
    scene, signed_in, ann, django_assert_max_num_queries
):
    scene.run(ann)
    client, address = signed_in(ann), lists()[0]
    client.get(address)
    with scope.account(scene.account):
        for number in range(10):
            type(scene.connection).objects.create(
                account=scene.account,
                name=f"Another {number}",
                connector="campaign_monitor",
                authorization=scene.authorization,
            )
    with django_assert_max_num_queries(20):
        client.get(address)
