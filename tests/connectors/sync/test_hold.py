"""What is held for a person, and how they decide."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audiences.models import Change, Member, Profile
from connectors.models import Goal, Mapping, Outcome, Run, Subscriber
from connectors.sync import runs
from connectors.sync.deciding import holding
from connectors.sync.delivering import delivery
from connectors.sync.planning import executing, following
from connectors.tasks import execute_run
from syncapp.accounts.models import User
from syncapp.audit.activity import of_row
from syncapp.notices.models import Alert
from syncapp.work import Slice
from tests.connectors.sync.world import World

ROWS = """
SELECT md5(string_agg(row::text, '|' ORDER BY row::text)) FROM {} row
"""
CHANGED_BY_A_DRY_RUN = {"connectors_run", "work_wakeup", "django_q_ormq", "connectors_runevent"}


def people(count: int, start: int = 0) -> list[str]:
    return [f"person{number}@example.com" for number in range(start, start + count)]


def exported(world: World, count: int, **settings: object) -> None:
    """So many people on the list, of a goal that takes off who leaves."""
    Goal.objects.update(leavers="unsubscribe", **settings)
    world.push(*people(count))
    world.work()
    assert len(world.on_list) == count


def leave_unnoticed(world: World, addresses: list[str]) -> None:
    """As from a source that was read anew: no change tells of it."""
    Member.objects.filter(profile__email__in=addresses).update(state="removed")


def hashes_of_all_tables() -> dict[str, str | None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition"
        )
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(ROWS.format(f'"{table}"'))
            found[table] = cursor.fetchone()[0]
    return found


def test_the_first_run_is_held_and_sends_nobody_until_approved(world: World):
    Goal.objects.update(approved_version=None)
    world.push("eve@example.com", "adam@example.com")
    world.push("new@example.com", consent=None)
    world.work()
    assert not Run.objects.exists()
    assert Goal.objects.get().needs_full_run

    run = world.plan_fully()
    assert (run.state, run.plan["why_held"]) == (Run.State.HELD, "first_run")
    assert run.plan["counts"]["added"] == 2
    assert run.plan["counts"]["withheld"] == {"no_consent": 1}
    assert len(run.plan["samples"]["added"]) == 2
    assert not Subscriber.objects.exists()
    assert not Outcome.objects.exists()
    assert Alert.objects.get(kind="run_held").resolved_at is None

    run = world.approve(run)
    world.deliver()
    assert set(world.on_list) == {"eve@example.com", "adam@example.com"}
    run.refresh_from_db()
    assert (run.state, run.created, run.adds_up) == (Run.State.COMPLETED, 2, True)
    assert Goal.objects.get().approved_version == 1
    assert Alert.objects.get(kind="run_held").resolved_at is not None


def test_who_approved_and_why_is_in_the_audit(world: World):
    Goal.objects.update(approved_version=None)
    world.push("eve@example.com")
    run = world.approve(world.plan_fully())
    (entry,) = of_row(Run, run.pk)
    told = {change.field: change.after for change in entry.changes}
    assert told["decision"] == "Approved"
    assert told["decided by"] == "Some Body"
    assert told["decision reason"] == "Looked at it."


def test_the_first_run_goes_at_once_where_the_goal_says_so(world: World):
    Goal.objects.update(approved_version=None, hold_first_run=False)
    world.push("eve@example.com")
    assert world.plan_fully().state == Run.State.RUNNING
    assert Goal.objects.get().approved_version == 1


def test_a_changed_mapping_is_held_and_nobody_gets_the_new_fields_before(world: World):
    world.push("eve@example.com", city="Gent")
    world.work()
    Mapping.objects.filter(target="[City]").update(source="property:last_name")
    Goal.objects.update(hold_changes=True, version=2, needs_full_run=True)
    world.push("eve@example.com", "new@example.com", last_name="de Vries")
    world.work()
    assert set(world.on_list) == {"eve@example.com"}
    run = world.plan_fully()
    assert run.plan["why_held"] == "mapping_changed"
    world.approve(run)
    world.deliver()
    assert set(world.on_list) == {"eve@example.com", "new@example.com"}
    assert Goal.objects.get().approved_version == 2


def test_who_was_due_when_the_mapping_changed_waits_for_its_approval_too(world: World):
    world.push("eve@example.com", "adam@example.com", city="Gent")
    world.work()
    world.push("eve@example.com", "new@example.com", city="Brugge")
    world.answer("adam@example.com", "denied")
    world.plan()
    Mapping.objects.filter(target="[City]").update(source="property:last_name")
    Goal.objects.update(hold_changes=True, version=2, needs_full_run=True)
    world.deliver()
    assert world.on_list == {"eve@example.com": "Active", "adam@example.com": "Unsubscribed"}
    assert (world.last_run.state, world.last_run.reason) == (Run.State.WAITING, delivery.NOT_APPROVED)
    world.approve(world.plan_fully())
    world.deliver()
    assert world.on_list["new@example.com"] == "Active"
    assert all(run.adds_up for run in Run.objects.all())


def test_withdrawals_never_wait_for_an_approval(world: World):
    world.push("eve@example.com", "adam@example.com", "abel@example.com")
    world.work()
    Goal.objects.update(hold_changes=True, version=2)
    world.answer("eve@example.com", "denied")
    world.work()
    assert world.on_list["eve@example.com"] == "Unsubscribed"
    world.answer("adam@example.com", "denied")
    Change.objects.update(planned_at=timezone.now())  # nobody followed it: the goal was off
    run = world.plan_fully()
    world.deliver()
    assert run.state == Run.State.HELD
    assert world.on_list["adam@example.com"] == "Unsubscribed"
    assert all(run.adds_up for run in Run.objects.all())


@pytest.mark.parametrize(
    ("on_list", "leaving", "limits", "is_held"),
    [
        (30, 25, {}, False),
        (30, 26, {}, True),
        (600, 30, {}, False),  # 5 %
        (600, 31, {}, True),
        (30, 3, {"removal_limit": 2}, True),
        (30, 2, {"removal_limit": 2}, False),
        (30, 3, {"removal_limit": 2, "removal_percent": 10}, False),
        (30, 4, {"removal_limit": 2, "removal_percent": 10}, True),
        (30, 1, {"removal_limit": 0, "removal_percent": 0}, True),
    ],
)
def test_a_full_run_that_takes_off_too_many_is_held(
    world: World, on_list: int, leaving: int, limits: dict[str, int], is_held: bool
):
    exported(world, on_list, **limits)
    leave_unnoticed(world, people(leaving))
    run = world.plan_fully()
    assert (run.state == Run.State.HELD) == is_held
    assert run.plan["counts"]["leaving"] == leaving
    assert run.plan["on_list"] == on_list
    world.deliver()
    off = sum(state == "Unsubscribed" for state in world.on_list.values())
    assert off == (0 if is_held else leaving)
    if is_held:
        assert run.plan["why_held"] == "removals"
        world.approve(run)
        world.deliver()
        assert sum(state == "Unsubscribed" for state in world.on_list.values()) == leaving


@pytest.mark.parametrize("leavers", ["keep", "unsubscribe"])
def test_an_empty_source_is_held_whatever_the_limits(world: World, leavers: str):
    exported(world, 3, removal_limit=1000)
    Goal.objects.update(leavers=leavers)
    leave_unnoticed(world, people(3))
    run = world.plan_fully()
    assert (run.state, run.plan["why_held"]) == (Run.State.HELD, "empty_source")
    assert set(world.on_list.values()) == {"Active"}


def test_many_leavers_among_changes_wait_and_a_full_run_is_held(world: World):
    exported(world, 40)
    world.push("new@example.com", remove=people(26))
    world.work()
    change = Run.objects.filter(trigger="change", full=False).latest("queued_at")
    assert (change.created, change.removals, change.state) == (1, 0, Run.State.WARNINGS)
    assert "26 people left" in change.reason
    assert set(world.on_list.values()) == {"Active"}
    queued = Run.objects.get(full=True)
    execute_run(world.account.pk, str(queued.pk), Slice())
    queued.refresh_from_db()
    assert (queued.state, queued.plan["why_held"]) == (Run.State.HELD, "removals")
    assert Alert.objects.filter(kind="run_held", resolved_at=None).exists()


def test_leavers_one_by_one_count_together_for_a_day(world: World):
    exported(world, 40, removal_limit=5)
    for number in range(8):
        world.push(remove=people(1, number))
        world.work()
    off = [address for address, state in world.on_list.items() if state == "Unsubscribed"]
    assert sorted(off) == people(5)
    queued = Run.objects.get(full=True)
    execute_run(world.account.pk, str(queued.pk), Slice())
    queued.refresh_from_db()
    assert queued.state == Run.State.HELD

    holding.dismiss(queued, world.somebody, "They come back.")
    Run.objects.update(queued_at=timezone.now() - timedelta(hours=25))
    world.push(remove=people(1, 20))
    world.work()
    assert world.on_list[people(1, 20)[0]] == "Unsubscribed"


def test_a_dry_run_writes_nothing_but_itself(world: World):
    exported(world, 5)
    leave_unnoticed(world, people(2))
    Goal.objects.update(enabled=False)
    world.goal.refresh_from_db()
    before = hashes_of_all_tables()
    run = world.plan_fully(dry=True)
    after = hashes_of_all_tables()
    assert {table for table in after if after[table] != before[table]} <= CHANGED_BY_A_DRY_RUN
    assert (run.state, run.reason) == (Run.State.COMPLETED, "Dry run: nothing was sent.")
    assert run.plan["counts"]["leaving"] == 2
    assert run.plan["counts"]["unchanged"] == 3
    assert (run.checked, run.adds_up) == (0, True)


def test_a_dry_run_may_look_beside_a_held_one(world: World):
    Goal.objects.update(approved_version=None)
    world.push("eve@example.com")
    held = world.plan_fully()
    assert runs.queue_full_run(world.goal, trigger="schedule").pk == held.pk
    assert world.plan_fully(dry=True).state == Run.State.COMPLETED
    held.refresh_from_db()
    assert held.state == Run.State.HELD


def test_an_approval_is_of_the_plan_that_was_seen(world: World):
    Goal.objects.update(approved_version=None)
    world.push("eve@example.com")
    run = world.plan_fully()
    with pytest.raises(holding.PlanChanged):
        holding.approve(run, world.somebody, "another", "Fine.")

    world.push("late@example.com")
    run = world.approve(run)
    assert (run.state, run.approved_hash, run.decided_by) == (Run.State.HELD, "", None)
    assert "+1 to be on the list" in run.reason
    assert world.on_list == {}

    Profile.objects.filter(email="eve@example.com").update(properties={"first_name": "Eva"})
    assert world.approve(run).state == Run.State.RUNNING


def test_planning_again_renews_the_plan_and_decides_nothing(world: World):
    Goal.objects.update(approved_version=None)
    world.push("eve@example.com")
    run = world.plan_fully()
    world.push("late@example.com")
    renewed = holding.plan_again(run)
    assert renewed.plan_hash != run.plan_hash
    assert renewed.plan["counts"]["added"] == 2
    assert renewed.state == Run.State.HELD
    assert world.approve(renewed).state == Run.State.RUNNING


def test_a_dismissed_run_is_over_and_the_next_one_is_held_anew(world: World):
    Goal.objects.update(approved_version=None)
    world.push("eve@example.com")
    run = world.plan_fully()
    dismissed = holding.dismiss(run, world.somebody, "Wrong audience.")
    assert (dismissed.state, dismissed.decision_reason) == (Run.State.CANCELLED, "Wrong audience.")
    with pytest.raises(holding.AlreadyDecided, match="Some Body decided already"):
        holding.approve(run, world.somebody, run.plan_hash, "Fine.")
    again = world.plan_fully()
    assert again.pk != run.pk
    assert again.state == Run.State.HELD


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_exactly_one_decides(world: World):
    Goal.objects.update(approved_version=None)
    world.push("eve@example.com")
    run = world.plan_fully()
    users = [User.objects.create_user(f"{name}@agency.example", name=name) for name in ("Ann", "Abe")]
    start = threading.Barrier(2)

    def decide(user: User) -> str:
        try:
            start.wait()
            holding.approve(run, user, run.plan_hash, "Fine.")
        except holding.AlreadyDecided as told:
            return str(told)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(contextvars.copy_context().run, decide, user) for user in users]
        told = sorted(future.result() for future in futures)
    run.refresh_from_db()
    assert told[0] == ""
    assert told[1].startswith(f"{run.decided_by} decided already")


def test_other_objectives_are_held_like_another_mapping(world: World, objective_of: Callable[..., object]):
    world.push("eve@example.com")
    world.work()
    world.run_fully()
    world.connection.objective_links.all().delete()
    world.connection.objective_links.create(
        account=world.account, objective=objective_of(world.account, "offers")
    )
    Goal.objects.update(hold_changes=True)
    run = world.plan_fully()
    world.deliver()
    assert (run.state, run.plan["why_held"]) == (Run.State.HELD, "mapping_changed")
    assert run.plan["counts"]["withdrawn"] == 1
    assert world.on_list == {"eve@example.com": "Active"}


def test_a_goal_that_does_not_follow_changes_still_takes_off_who_withdrew(world: World):
    world.push("eve@example.com", "adam@example.com")
    world.work()
    Goal.objects.update(real_time=False)
    world.push("new@example.com")
    world.answer("eve@example.com", "denied")
    world.work()
    assert world.on_list == {"eve@example.com": "Unsubscribed", "adam@example.com": "Active"}
    assert Goal.objects.get().needs_full_run


def test_clearing_needs_a_field_to_clear(world: World):
    Goal.objects.update(leavers="clear")
    world.goal.refresh_from_db()
    with pytest.raises(runs.CannotRun, match="which field to empty"):
        runs.queue_full_run(world.goal, trigger="manual")


def test_a_goal_that_cannot_be_planned_does_not_stop_the_others(world: World):
    other = Goal.objects.create(
        account=world.account,
        connection=world.connection,
        name="Other",
        list_id=world.list_id,
        approved_version=1,
    )
    other.audience_links.create(account=world.account, audience=world.audience)
    broken = world.goal
    Mapping.objects.filter(target="[City]").update(source="nonsense")
    world.push("eve@example.com")
    world.plan()
    assert Subscriber.objects.get().goal_id == other.pk
    broken.refresh_from_db()
    assert broken.needs_full_run
    assert "ValueError" in broken.problem
    assert Alert.objects.filter(kind="plan_failed", resolved_at=None).exists()
    queued = runs.queue_full_run(broken, trigger="manual")
    execute_run(world.account.pk, str(queued.pk), Slice())
    queued.refresh_from_db()
    assert queued.state == Run.State.FAILED


def test_a_change_of_very_many_people_is_planned_part_by_part(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "TOUCHED_PER_PLAN", 7)
    world.push(*people(20))
    steps = 0
    while following.plan_next_changes(world.account.pk):
        steps += 1
    assert steps == 3
    assert sorted(Run.objects.values_list("checked", flat=True)) == [6, 7, 7]
    assert not Change.objects.filter(planned_at=None).exists()
    assert executing.plan_touched(world.goal, list(Profile.objects.values_list("pk", flat=True))) is not None
    assert Subscriber.objects.count() == 20
