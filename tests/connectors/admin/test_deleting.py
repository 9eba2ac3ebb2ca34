"""Deleting a goal or a connection says first whom it forgets."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from connectors.models import Connection, Flight, Goal, Outcome, Run, Subscriber
from syncapp.accounts import scope
from syncapp.accounts.models import Membership


def page_of(kind: str, row: Any) -> str:
    return reverse(f"admin:connectors_{kind}_delete", args=[row.pk])


def rows_left(scene: Any) -> list[int]:
    with scope.account(scene.account):
        return [model.objects.count() for model in (Goal, Run, Outcome, Subscriber)]


def on_list(scene: Any) -> int:
    with scope.account(scene.account):
        return int(Subscriber.objects.exclude(accepted_hash=None).count())


@pytest.mark.parametrize("kind", ["goal", "connection"])
def test_it_says_how_many_people_are_forgotten_and_wants_the_name(scene, signed_in, ann, kind):
    scene.run(ann)
    row = {"goal": scene.goal, "connection": scene.goal.connection}[kind]
    client = signed_in(ann)
    shown = client.get(page_of(kind, row)).content.decode()
    assert f"{on_list(scene)} people" in shown
    assert "by hand" in shown
    before = rows_left(scene)
    refused = client.post(page_of(kind, row), {"name": "something else"})
    assert "Type the name exactly" in refused.content.decode()
    assert rows_left(scene) == before
    assert client.post(page_of(kind, row), {"name": str(row)}).status_code == 302
    assert rows_left(scene) == [0, 0, 0, 0]
    with scope.account(scene.account):
        assert Connection.objects.exists() is (kind == "goal")


def test_a_goal_that_put_nobody_on_a_list_needs_no_name(scene, signed_in, ann):
    client = signed_in(ann)
    assert "put nobody on a list" in client.get(page_of("goal", scene.goal)).content.decode()
    client.post(page_of("goal", scene.goal))
    assert rows_left(scene)[0] == 0


def test_it_waits_for_what_is_being_sent(scene, signed_in, ann):
    with scope.account(scene.account):
        Flight.objects.create(goal=scene.goal, account=scene.account, operation="upsert", profile_ids=[1])
    answer = signed_in(ann).post(page_of("goal", scene.goal))
    assert "being sent at this moment" in answer.content.decode()
    assert rows_left(scene)[0] == 1


def test_an_editor_may_not_delete(scene, signed_in, ann):
    with scope.account(scene.account):
        Membership.objects.filter(user=ann).update(role=Membership.Role.EDITOR)
    client = signed_in(ann)
    refused = client.post(page_of("goal", scene.goal), {"name": str(scene.goal)})
    assert refused.status_code == 403
    assert "Your role does not allow this" in refused.content.decode()
    assert rows_left(scene)[0] == 1
