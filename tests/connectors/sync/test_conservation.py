"""The books: every seeded difference is found, and nothing is found where there is none."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from connectors import alerts
from connectors.models import Outcome, Run, Subscriber
from connectors.sync.watching.conservation import check_every_account, differences_of
from connectors.sync.watching.standstill import look_after
from syncapp.accounts import scope
from syncapp.notices.models import Alert
from syncapp.work.models import Wakeup
from tests.connectors.sync.world import World

LONG_AGO = "2026-01-01T00:00Z"


@pytest.fixture
def worked(world: World) -> World:
    """Runs with all that can happen: sent, rejected, withheld, taken off, waiting."""
    bad = {"bad@example.com": 1, "later@example.com": 500}
    world.simulator.faults(
        [{"kind": "partial", "match": "subscribers.import", "addresses": bad, "count": None}]
    )
    world.push("eve@example.com", "adam@example.com", "bad@example.com", "later@example.com")
    world.push("nobody@example.com", consent=None)
    world.work()
    world.run_fully()
    world.answer("adam@example.com", "denied")
    world.work()
    return world


def found(world: World) -> set[tuple[str, int, int]]:
    return {(row.what, row.expected, row.found) for row in differences_of(world.account)}


def test_nothing_is_found_where_everybody_is_accounted_for(worked: World):
    assert Run.objects.count() >= 3
    assert Subscriber.objects.exclude(due_at=None).count() == 1
    assert found(worked) == set()


COUNTERS = ["created", "updated", "rejected", "dead", "waiting", "removed", "removal_rejected"]


@pytest.mark.parametrize("counter", [*COUNTERS, "removal_dead", "removal_skipped", "removal_waiting"])
def test_a_counter_that_is_one_too_many_is_found(worked: World, counter: str):
    run = worked.last_run
    before = getattr(run, counter)
    Run.objects.filter(pk=run.pk).update(**{counter: before + 1})
    removes = counter.startswith("remov")
    total, sum_before = ("removals", run.removals) if removes else ("checked", run.checked)
    assert found(worked) == {(counter, before, before + 1), (total, sum_before + 1, sum_before)}


def test_a_counter_too_many_is_found_also_where_the_sum_closes(worked: World):
    run = Run.objects.earliest("queued_at")
    Run.objects.filter(pk=run.pk).update(created=run.created + 1, checked=run.checked + 1)
    assert found(worked) == {("created", run.created, run.created + 1)}


def test_a_reason_too_many_is_found(worked: World):
    run = worked.last_run
    Run.objects.filter(pk=run.pk).update(skipped={**run.skipped, "left": 2}, checked=run.checked + 2)
    assert found(worked) == {("skipped: left", 0, 2)}


def test_an_outcome_that_is_missing_is_found(worked: World):
    run = Run.objects.get(pk=Outcome.objects.filter(result="created").values_list("run_id", flat=True)[0])
    Outcome.objects.filter(run=run, result="created").delete()
    assert found(worked) == {("created", 0, run.created)}


def test_somebody_who_is_due_for_nobody_is_found(worked: World):
    waiting = Subscriber.objects.exclude(due_at=None).get()
    Subscriber.objects.filter(profile_id=waiting.profile_id).update(run_id=None)
    (row,) = (row for row in differences_of(worked.account) if row.run_id is None)
    assert (row.what, row.expected, row.found) == ("waiting", 1, 0)


def test_somebody_nobody_waits_for_any_more_is_found(worked: World):
    Subscriber.objects.exclude(due_at=None).update(due_at=None)
    assert {what for what, _, _ in found(worked)} == {"waiting"}


def test_what_another_account_did_is_not_counted(worked: World, bob_account):
    with scope.account(bob_account):
        assert differences_of(bob_account) == []
    Run.objects.filter(pk=worked.last_run.pk).update(created=99)
    assert differences_of(bob_account) == []


def test_the_command_prints_the_books_and_fails_on_a_difference(worked: World):
    out = StringIO()
    call_command("conserve", "--account", worked.account.slug, stdout=out)
    assert "Difference" in out.getvalue()
    Run.objects.filter(pk=worked.last_run.pk).update(created=99)
    with pytest.raises(SystemExit) as end:
        call_command("conserve", stdout=out)
    assert end.value.code == 1
    assert str(worked.last_run.pk) in out.getvalue()


def test_a_difference_is_an_alert_until_it_is_gone(worked: World):
    created = worked.last_run.created
    Run.objects.filter(pk=worked.last_run.pk).update(created=99)
    check_every_account()
    alert = Alert.objects.get(kind=alerts.CONSERVATION_BROKEN)
    assert f"conserve --account {worked.account.slug}" in alert.words
    Run.objects.filter(pk=worked.last_run.pk).update(created=created)
    check_every_account()
    alert.refresh_from_db()
    assert alert.resolved_at is not None


# What stands still


def forget_wake_ups() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM work_wakeup")


def kinds() -> set[str]:
    return set(Wakeup.objects.values_list("kind", flat=True))


def test_a_goal_with_people_due_and_no_wake_up_is_woken(worked: World):
    forget_wake_ups()
    look_after()
    assert kinds() == {"connectors.deliver"}


def test_changes_nobody_plans_are_woken(world: World):
    world.push("eve@example.com")
    forget_wake_ups()
    look_after()
    assert kinds() == {"connectors.plan"}


@pytest.mark.parametrize(
    ("state", "kind"),
    [("queued", "connectors.run"), ("planning", "connectors.run"), ("cancelling", "connectors.cancel")],
)
def test_a_run_without_a_wake_up_is_woken(world: World, state: str, kind: str):
    run = Run.objects.create(account=world.account, goal=world.goal, trigger="manual", full=True, state=state)
    forget_wake_ups()
    look_after()
    assert kinds() == set()  # it is young: whoever made it may be at it
    Run.objects.filter(pk=run.pk).update(queued_at=LONG_AGO)
    look_after()
    assert kinds() == {kind}


@pytest.fixture
def deserted(worked: World) -> Run:
    """A run that waits for somebody who is not due any more."""
    waiting = Subscriber.objects.exclude(due_at=None).get()
    Subscriber.objects.filter(profile_id=waiting.profile_id).update(due_at=None)
    Run.objects.filter(pk=waiting.run_id).update(heartbeat_at=LONG_AGO)
    return Run.objects.get(pk=waiting.run_id)


def test_a_run_that_waits_for_nobody_is_lost_and_told(worked: World, deserted: Run):
    look_after()
    deserted.refresh_from_db()
    assert (deserted.state, deserted.finished_at is None) == (Run.State.LOST, False)
    assert deserted.reason.startswith("1 people of this run")
    assert Alert.objects.get(kind=alerts.RUN_LOST).words.startswith(deserted.reason)
    worked.goal.refresh_from_db()
    assert worked.goal.needs_full_run


def test_a_run_everybody_is_done_in_ends_as_it_should(worked: World, deserted: Run):
    Run.objects.filter(pk=deserted.pk).update(
        waiting=0, checked=deserted.checked - deserted.waiting, heartbeat_at=LONG_AGO
    )
    look_after()
    deserted.refresh_from_db()
    assert deserted.state in (Run.State.COMPLETED, Run.State.WARNINGS)


def test_a_run_that_has_people_due_is_left_alone(worked: World):
    run = Run.objects.get(state__in=Run.OPEN)
    Run.objects.filter(pk=run.pk).update(heartbeat_at=LONG_AGO)
    look_after()
    run.refresh_from_db()
    assert run.is_open
    assert not Alert.objects.filter(kind=alerts.RUN_LOST).exists()
