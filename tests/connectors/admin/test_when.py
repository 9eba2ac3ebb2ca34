"""Changing when a goal runs: what is kept, what is refused at which field, and what is shown."""

from __future__ import annotations

from datetime import time

import pytest
from django.urls import reverse
from django.utils import timezone

from connectors.models import Goal
from syncapp.accounts import scope
from syncapp.accounts.models import Membership
from syncapp.work.models import Wakeup

GIVEN = {
    "real_time": "on",
    "kind": "weekdays",
    "weekdays": ["0", "1", "2", "3", "4"],
    "times": ["06:00", "18:00"],
    "quiet_from": "22:00",
    "quiet_until": "05:30",
    "expected_by": "07:00",
}


@pytest.fixture
def client(scene, ann, signed_in):
    return signed_in(ann)


def kept(scene) -> Goal:
    with scope.account(scene.account):
        return Goal.objects.get(pk=scene.goal.pk)


def page(scene, name: str = "goal_when") -> str:
    return reverse(f"admin:connectors_{name}", args=[scene.goal.pk])


def without(*names: str, **values: object) -> dict[str, object]:
    return {**{name: value for name, value in GIVEN.items() if name not in names}, **values}


def test_a_schedule_is_kept_and_said_on_the_goals_page(scene, client):
    answer = client.post(page(scene), GIVEN)
    assert answer.status_code == 302
    goal = kept(scene)
    assert goal.schedule == {"kind": "weekdays", "weekdays": [0, 1, 2, 3, 4], "times": ["06:00", "18:00"]}
    assert (goal.quiet_from, goal.quiet_until, goal.expected_by) == (time(22), time(5, 30), time(7))
    assert goal.next_run_at > timezone.now()
    words = client.get(answer["Location"]).content.decode()
    for expected in (
        "On weekdays at 06:00 and 18:00.",
        "Europe/Amsterdam",
        "Quiet from 22:00 until 05:30.",
        "Expected by 07:00",
        "Changes are followed at once.",
    ):
        assert expected in words, expected
    assert words.count('class="conn-strong" datetime=') == 3


@pytest.mark.parametrize(
    ("given", "data"),
    [
        ({"kind": "manual"}, None),
        ({"kind": "minutes", "every_minutes": "15"}, {"kind": "minutes", "every": 15}),
        ({"kind": "hours", "every_hours": "6"}, {"kind": "hours", "every": 6}),
        ({"kind": "times", "times": ["06:00", "", "18:30"]}, {"kind": "times", "times": ["06:00", "18:30"]}),
        (
            {"kind": "month_days", "days": ["1", "31", "last"], "times": ["06:00"]},
            {"kind": "month_days", "days": [1, 31, "last"], "times": ["06:00"]},
        ),
        (
            {"kind": "month_weekday", "place": "first", "weekday": "0", "times": ["06:00"]},
            {"kind": "month_weekday", "place": "first", "weekday": 0, "times": ["06:00"]},
        ),
        ({"kind": "cron", "expression": "0 6 * * 1-5"}, {"kind": "cron", "expression": "0 6 * * 1-5"}),
    ],
)
def test_every_kind_is_kept_and_filled_in_again(scene, client, given, data):
    assert client.post(page(scene), given).status_code == 302
    goal = kept(scene)
    assert goal.schedule == data
    assert (goal.next_run_at is None) == (data is None)
    assert not goal.real_time
    shown = client.get(page(scene)).context["form"]
    again = {name: shown[name].value() for name in ("kind", *given)}
    assert client.post(page(scene), again).status_code == 302
    assert kept(scene).schedule == data


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        (without("kind"), "kind", "Choose how often"),
        (without(kind="yearly"), "kind", "Select a valid choice"),
        (without("times"), "times", "at least one time"),
        (without(times=["25:00"]), "times", "“25:00” is not a time of day"),
        (without(weekdays=[]), "weekdays", "at least one day"),
        ({"kind": "minutes", "every_minutes": "3"}, "every_minutes", "from 5 to 59"),
        ({"kind": "minutes", "every_minutes": ""}, "every_minutes", "from 5 to 59"),
        ({"kind": "hours", "every_hours": "half"}, "every_hours", "whole number"),
        ({"kind": "month_days", "times": ["06:00"]}, "days", "from 1 to 31"),
        ({"kind": "month_days", "days": ["32"], "times": ["06:00"]}, "days", "Select a valid choice"),
        ({"kind": "cron", "expression": ""}, "expression", "Five fields"),
        ({"kind": "cron", "expression": "0 0 31 2 *"}, "expression", "would never run"),
        ({"kind": "cron", "expression": "half 6 * * *"}, "expression", "“half” cannot be the minute"),
        (without("quiet_from"), "quiet_from", "both times, or neither"),
        (without("quiet_until"), "quiet_until", "both times, or neither"),
        (without(quiet_until="22:00"), "quiet_until", "another time"),
        (without(expected_by="05:59"), "expected_by", "06:00"),
        ({"kind": "manual", "expected_by": "06:00"}, "expected_by", "Choose a schedule first"),
    ],
)
def test_what_is_refused_is_said_at_its_field_and_nothing_is_kept(scene, client, given, field, words):
    before = kept(scene)
    answer = client.post(page(scene), given)
    assert answer.status_code == 200
    assert any(words in error for error in answer.context["form"].errors[field])
    assert words in answer.content.decode()
    after = kept(scene)
    assert (after.schedule, after.next_run_at, after.quiet_from) == (None, None, None)
    assert after.real_time == before.real_time
    shown = client.post(page(scene, "goal_when_next"), given).content.decode()
    assert "edit_calendar" in shown


def test_the_next_runs_are_shown_while_one_chooses_and_nothing_is_kept(scene, client):
    words = client.post(page(scene, "goal_when_next"), without(quiet_until="06:30")).content.decode()
    assert "On weekdays at 06:00 and 18:00." in words
    assert words.count("<li>") == 3
    assert "quiet: sends from 06:30" in words
    assert kept(scene).schedule is None
    assert client.get(page(scene, "goal_when_next")).status_code == 405


def test_following_changes_again_asks_for_a_full_run(scene, client):
    with scope.account(scene.account):
        Goal.objects.update(real_time=False, needs_full_run=False)
    client.post(page(scene), {"kind": "manual", "real_time": "on"})
    goal = kept(scene)
    assert (goal.real_time, goal.needs_full_run) == (True, True)


def test_other_quiet_hours_wake_who_waited_and_leave_the_next_run(scene, client):
    client.post(page(scene), GIVEN)
    before = kept(scene).next_run_at
    with scope.account(scene.account):
        Goal.objects.update(last_scheduled_at=before)
        Wakeup.objects.filter(kind="connectors.deliver").delete()
    client.post(page(scene), without("quiet_from", "quiet_until"))
    goal = kept(scene)
    assert (goal.next_run_at, goal.last_scheduled_at, goal.quiet_from) == (before, before, None)
    with scope.account(scene.account):
        assert Wakeup.objects.filter(kind="connectors.deliver", key=str(goal.pk)).exists()


def test_switching_the_goal_off_and_on_plans_anew(scene, client):
    client.post(page(scene), GIVEN)
    change = page(scene, "goal_change")
    form = client.get(change).context["adminform"].form
    given = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    assert (
        client.post(change, {name: value for name, value in given.items() if name != "enabled"}).status_code
        == 302
    )
    assert (kept(scene).enabled, kept(scene).next_run_at) == (False, None)
    assert "It is switched off: these would be its next runs." in client.get(change).content.decode()
    assert client.post(change, {**given, "enabled": "on"}).status_code == 302
    assert kept(scene).next_run_at > timezone.now()


def test_a_stored_schedule_that_cannot_be_read_is_said_and_can_be_mended(scene, client):
    with scope.account(scene.account):
        Goal.objects.update(schedule={"kind": "cron", "expression": "0 0 31 2 *"})
    for address in (page(scene, "goal_change"), page(scene)):
        assert "would never run" in client.get(address).content.decode()
    with scope.account(scene.account):
        Goal.objects.update(schedule=["nonsense"])
    assert client.get(page(scene)).status_code == 200
    assert client.post(page(scene), {"kind": "times", "times": ["06:00"]}).status_code == 302
    assert kept(scene).next_run_at is not None


@pytest.mark.parametrize("name", ["goal_when", "goal_when_next"])
def test_other_accounts_goals_do_not_exist_and_viewers_change_nothing(
    scene, signed_in, ann, bob, charlie, name
):
    for stranger in (bob, charlie):
        assert signed_in(stranger).post(page(scene, name), GIVEN).status_code in (302, 403, 404)
    with scope.account(scene.account):
        Membership.objects.filter(user=ann).update(role=Membership.Role.VIEWER)
    assert signed_in(ann).post(page(scene, name), GIVEN).status_code == 403
    assert signed_in(ann).get(page(scene, "goal_change")).status_code == 200
    assert kept(scene).schedule is None
