"""Schedules with a real database: what starts, what does not, and who is told."""

from __future__ import annotations

import threading
import time as pause
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors import alerts
from connectors.models import Connection, Goal, GoalAudience, Run
from connectors.schedules.starts import expected_start
from connectors.sync import runs
from connectors.sync.watching import scheduling
from connectors.tasks import execute_run, start_scheduled, tell_of_late_starts
from connectors.wizard import goals
from syncapp.accounts import scope
from syncapp.notices.models import Alert
from syncapp.work import Slice
from syncapp.work.models import Wakeup
from tests.connectors.schedules.walking import AMSTERDAM

pytestmark = pytest.mark.django_db
DAILY = {"kind": "times", "times": ["06:00"]}
HOURLY = {"kind": "hours", "every": 1}


def tick() -> None:
    assert start_scheduled(Slice()) is None


def schedule(goal: Goal, data: object = HOURLY, *, due_for: timedelta | None = None) -> None:
    """Give the goal a schedule; with `due_for`, a start that was missed that long ago."""
    goal.schedule = data
    goal.save()
    scheduling.plan_next([Goal.objects.select_related("connection", "account").get(pk=goal.pk)])
    if due_for is not None:
        Goal.objects.filter(pk=goal.pk).update(next_run_at=timezone.now() - due_for)
    goal.refresh_from_db()


def runs_of(goal: Goal) -> list[tuple[str, str]]:
    return list(Run.objects.filter(goal=goal).order_by("queued_at").values_list("trigger", "state"))


def open_alerts() -> list[Alert]:
    return list(Alert.objects.filter(kind=alerts.DID_NOT_START, resolved_at=None))


@pytest.fixture
def goal(world) -> Goal:
    return world.goal


@pytest.fixture
def sibling_of(world):
    """Another goal of the connection, ready to run."""

    def make(name: str) -> Goal:
        made = Goal.objects.create(
            account=world.account, connection=world.connection, name=name, list_id=world.list_id
        )
        GoalAudience.objects.create(account=world.account, goal=made, audience=world.audience)
        return made

    return make


def test_a_due_goal_is_started_once_and_planned_from_now(goal):
    schedule(goal, due_for=timedelta(minutes=2))
    before = timezone.now()
    tick()
    tick()
    goal.refresh_from_db()
    assert runs_of(goal) == [("schedule", "queued")]
    assert before < goal.next_run_at <= before + timedelta(hours=1, minutes=1)
    assert goal.next_run_at.minute == 0
    assert goal.last_scheduled_at < before
    run = Run.objects.get(goal=goal)
    assert run.full
    assert Wakeup.objects.filter(kind=runs.EXECUTE, key=str(run.pk)).exists()


def test_what_is_not_due_is_left_alone(goal):
    schedule(goal)
    tick()
    assert runs_of(goal) == []
    assert goal.next_run_at > timezone.now()


def test_a_week_of_missed_starts_is_one_run(goal):
    schedule(goal, due_for=timedelta(days=7))
    for _ in range(3):
        tick()
        execute_all()
    assert [trigger for trigger, _ in runs_of(goal)] == ["schedule"]


def execute_all() -> None:
    for run in Run.objects.filter(state=Run.State.QUEUED):
        execute_run(run.account_id, str(run.pk), Slice())
        Run.objects.filter(pk=run.pk).update(state=Run.State.COMPLETED, finished_at=timezone.now())


def test_one_bad_goal_never_stops_the_others(goal, sibling_of, monkeypatch):
    others = [sibling_of(f"Export {number}") for number in range(4)]
    for each in (goal, *others):
        schedule(each, due_for=timedelta(minutes=1))
    Goal.objects.filter(pk=others[0].pk).update(schedule={"kind": "cron", "expression": "0 0 31 2 *"})
    Goal.objects.filter(pk=others[1].pk).update(schedule="nonsense")
    queue = runs.queue_full_run

    def breaks(wanted: Goal, **values):
        if wanted.pk == others[2].pk:
            with database.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return queue(wanted, **values)

    monkeypatch.setattr(runs, "queue_full_run", breaks)
    tick()
    assert runs_of(goal) == [("schedule", "queued")]
    assert runs_of(others[3]) == [("schedule", "queued")]
    assert runs_of(others[2]) == []
    later = Goal.objects.get(pk=others[2].pk)
    assert timezone.now() < later.next_run_at <= timezone.now() + scheduling.AFTER_AN_ERROR
    assert later.last_scheduled_at is None
    monkeypatch.undo()
    Goal.objects.filter(pk=later.pk).update(next_run_at=timezone.now())
    tick()
    assert runs_of(others[2]) == [("schedule", "queued")]


def test_other_accounts_bad_goal_is_no_matter_either(goal, world_of, bob_account):
    with scope.account(bob_account):
        bobs = world_of(bob_account).goal
        schedule(bobs, due_for=timedelta(minutes=9))
        Goal.objects.filter(pk=bobs.pk).update(schedule=[1])
    schedule(goal, due_for=timedelta(minutes=1))
    tick()
    assert runs_of(goal) == [("schedule", "queued")]


@pytest.mark.parametrize("state", [Run.State.QUEUED, Run.State.HELD, Run.State.RUNNING, Run.State.WAITING])
def test_an_open_run_is_not_started_over_and_says_what_it_left_out(goal, state):
    open_run = Run.objects.create(
        account_id=goal.account_id, goal=goal, trigger=Run.Trigger.MANUAL, full=True, state=state
    )
    schedule(goal, due_for=timedelta(minutes=1))
    slot = goal.next_run_at
    tick()
    goal.refresh_from_db()
    open_run.refresh_from_db()
    assert runs_of(goal) == [("manual", state)]
    left_out = [] if state == Run.State.QUEUED else [slot.isoformat()]
    assert open_run.plan.get("left_out", []) == left_out
    assert goal.next_run_at > timezone.now()
    assert open_alerts() == []


def test_a_run_of_changes_or_a_dry_one_is_no_obstacle(goal):
    for values in ({"full": False, "trigger": "change"}, {"full": True, "dry": True, "trigger": "manual"}):
        Run.objects.create(account_id=goal.account_id, goal=goal, state=Run.State.COMPLETED, **values)
    Run.objects.create(account_id=goal.account_id, goal=goal, trigger="change", state=Run.State.RUNNING)
    schedule(goal, due_for=timedelta(minutes=1))
    tick()
    assert runs_of(goal)[-1] == ("schedule", "queued")


def test_switching_off_forgets_the_next_run_and_on_plans_from_now(world, goal):
    schedule(goal, DAILY, due_for=timedelta(hours=3))
    goals.switch(world.connection, on=False)
    goal.refresh_from_db()
    assert goal.next_run_at is None
    tick()
    assert runs_of(goal) == []
    goals.switch(world.connection, on=True)
    goal.refresh_from_db()
    assert goal.next_run_at > timezone.now()
    assert goal.next_run_at.astimezone(AMSTERDAM).time() == time(6)
    tick()
    tell_of_late_starts(Slice())
    assert "schedule" not in dict(runs_of(goal))
    assert open_alerts() == []


def test_who_was_switched_off_or_on_by_another_door(world, goal):
    schedule(goal, due_for=timedelta(minutes=1))
    Connection.objects.filter(pk=world.connection.pk).update(enabled=False)
    tick()
    goal.refresh_from_db()
    assert (goal.next_run_at, runs_of(goal)) == (None, [])
    Connection.objects.filter(pk=world.connection.pk).update(enabled=True)
    tick()
    goal.refresh_from_db()
    assert goal.next_run_at > timezone.now()


def test_another_time_zone_moves_the_next_start(world, goal):
    schedule(goal, DAILY)
    world.account.time_zone = "Asia/Tokyo"
    world.account.save()
    goal.refresh_from_db()
    assert goal.next_run_at.astimezone(world.account.zone).time() == time(6)
    assert goal.next_run_at > timezone.now()


def test_an_overdue_start_stays_due_in_another_time_zone(world, goal):
    schedule(goal, DAILY, due_for=timedelta(minutes=1))
    world.account.time_zone = "Asia/Tokyo"
    world.account.save()
    tick()
    assert runs_of(goal) == [("schedule", "queued")]


def test_archived_accounts_start_nothing(world, goal):
    schedule(goal, due_for=timedelta(minutes=1))
    world.account.archived_at = timezone.now()
    world.account.save()
    tick()
    assert runs_of(goal) == []


class TestLateStarts:
    def test_a_run_that_did_not_start_is_told_once_and_resolved_when_it_does(self, world, goal):
        schedule(goal, due_for=timedelta(minutes=16))
        GoalAudience.objects.filter(goal=goal).delete()
        tick()
        for _ in range(3):
            tell_of_late_starts(Slice())
        [alert] = open_alerts()
        assert (alert.kind, alert.subject, alert.times) == ("did_not_start", f"goal:{goal.pk}", 1)
        assert "It cannot run: Choose an audience to export first." in alert.words
        assert "did not start" in alert.title
        goals.set_audiences(goal, [world.audience])
        run = runs.queue_full_run(goal, trigger=Run.Trigger.MANUAL)
        tell_of_late_starts(Slice())
        assert len(open_alerts()) == 1, "it is only queued"
        execute_run(goal.account_id, str(run.pk), Slice())
        tell_of_late_starts(Slice())
        assert open_alerts() == []

    def test_within_its_grace_nobody_is_told(self, goal):
        schedule(goal, due_for=timedelta(minutes=10))
        tell_of_late_starts(Slice())
        assert open_alerts() == []

    def test_a_start_nobody_took_up_is_told(self, goal):
        schedule(goal, due_for=timedelta(minutes=16))
        tell_of_late_starts(Slice())
        [alert] = open_alerts()
        assert alert.severity == "error"
        tick()
        run = Run.objects.get(goal=goal)
        tell_of_late_starts(Slice())
        [alert] = open_alerts()
        execute_run(goal.account_id, str(run.pk), Slice())
        tell_of_late_starts(Slice())
        assert open_alerts() == []

    def test_the_next_missed_start_counts_again(self, goal):
        schedule(goal, due_for=timedelta(hours=2))
        tell_of_late_starts(Slice())
        Alert.objects.update(last_at=timezone.now() - timedelta(hours=1))
        Goal.objects.update(next_run_at=timezone.now() - timedelta(minutes=20))
        tell_of_late_starts(Slice())
        tell_of_late_starts(Slice())
        [alert] = open_alerts()
        assert alert.times == 2

    def test_switched_off_it_is_not_expected_any_more(self, world, goal):
        schedule(goal, due_for=timedelta(minutes=16))
        tell_of_late_starts(Slice())
        assert len(open_alerts()) == 1
        goals.switch(world.connection, on=False)
        tell_of_late_starts(Slice())
        assert open_alerts() == []

    def test_an_open_run_is_not_late_nor_are_the_starts_it_left_out(self, goal):
        run = Run.objects.create(
            account_id=goal.account_id, goal=goal, trigger="manual", full=True, state=Run.State.HELD
        )
        Run.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(hours=9))
        schedule(goal, due_for=timedelta(minutes=50))
        tick()
        tell_of_late_starts(Slice())
        assert open_alerts() == []
        Run.objects.filter(pk=run.pk).update(state=Run.State.COMPLETED)
        tell_of_late_starts(Slice())
        assert open_alerts() == []

    def test_a_schedule_that_cannot_be_read_is_told(self, goal):
        schedule(goal, due_for=timedelta(minutes=1))
        Goal.objects.filter(pk=goal.pk).update(schedule={"kind": "cron", "expression": "0 0 31 2 *"})
        tick()
        tell_of_late_starts(Slice())
        [alert] = open_alerts()
        assert "cannot be read" in alert.title
        assert "never run" in alert.words

    def test_asking_costs_the_same_for_many_goals(self, goal, sibling_of, django_assert_max_num_queries):
        for each in (goal, *(sibling_of(f"Export {number}") for number in range(8))):
            schedule(each)
        with django_assert_max_num_queries(2):
            tell_of_late_starts(Slice())

    def test_expected_by_counts_from_the_beginning_of_the_day(self, world, goal):
        """By a clock that shows noon now: a start at eleven, and another time by which it is expected."""
        world.account.time_zone = zone_where_it_is_noon()
        world.account.save()
        schedule(goal, due_for=timedelta(hours=1))
        noon = timezone.now().astimezone(world.account.zone)
        Goal.objects.update(expected_by=(noon + timedelta(minutes=30)).time())
        tell_of_late_starts(Slice())
        assert open_alerts() == [], "there is time left"
        Goal.objects.update(expected_by=(noon - timedelta(minutes=5)).time())
        tell_of_late_starts(Slice())
        assert len(open_alerts()) == 1
        run = Run.objects.create(
            account_id=goal.account_id, goal=goal, trigger="manual", full=True, state=Run.State.COMPLETED
        )
        Run.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(hours=3))
        tell_of_late_starts(Slice())
        assert open_alerts() == [], "a run of that day counts, though it began before the start was due"


def zone_where_it_is_noon() -> str:
    """Between noon and one o'clock, summer time left aside."""
    ahead = 12 - timezone.now().hour
    return f"Etc/GMT{-ahead:+d}"


@pytest.mark.parametrize(
    ("slot", "expected_by", "since", "until"),
    [
        ("2026-11-21T04:00", None, "2026-11-21T04:00", "2026-11-21T04:15"),
        ("2026-11-21T04:00", "06:00", "2026-11-21T00:00", "2026-11-21T06:00"),
        ("2026-11-21T18:00", "06:00", "2026-11-21T18:00", "2026-11-21T18:15"),
        ("2026-03-29T00:30", "02:30", "2026-03-29T00:00", "2026-03-29T03:30"),
        ("2026-10-25T01:00", "06:00", "2026-10-25T00:00", "2026-10-25T06:00"),
    ],
)
def test_by_when_a_start_is_expected(slot, expected_by, since, until):
    at = [
        datetime.fromisoformat(wall).replace(tzinfo=AMSTERDAM).astimezone(UTC)
        for wall in (slot, since, until)
    ]
    by = None if expected_by is None else time.fromisoformat(expected_by)
    expected = expected_start(at[0], by, AMSTERDAM)
    assert [expected.since, expected.until] == at[1:]


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_the_worker_starts_what_is_due_by_itself(world, worker):
    Goal.objects.filter(pk=world.goal.pk).update(hold_first_run=False)
    world.push("noor@example.com", "daan@example.com")
    schedule(world.goal, due_for=timedelta(minutes=1))
    worker(processes=1)
    until = timezone.now() + timedelta(seconds=60)
    while ("schedule", "completed") not in runs_of(world.goal) and timezone.now() < until:
        pause.sleep(0.2)
    assert runs_of(world.goal)[-1] == ("schedule", "completed")
    assert set(world.on_list) == {"noor@example.com", "daan@example.com"}


@pytest.mark.django_db(transaction=True)
def test_two_hosts_at_the_same_moment_start_it_once(world):
    goal = world.goal
    schedule(goal, due_for=timedelta(minutes=1))
    barrier = threading.Barrier(4)

    def host() -> None:
        barrier.wait()
        try:
            start_scheduled(Slice())
        finally:
            database.close()

    threads = [threading.Thread(target=host) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs_of(goal) == [("schedule", "queued")]


@pytest.mark.django_db(transaction=True)
def test_a_goal_that_is_being_planned_does_not_hold_up_the_others(world, sibling_of):
    planned, other = world.goal, sibling_of("Another export")
    for each in (planned, other):
        schedule(each, due_for=timedelta(minutes=1))
    held, over = threading.Event(), threading.Event()

    def planner() -> None:
        with scope.account(world.account), transaction.atomic():
            runs.lock(planned)
            held.set()
            over.wait(30)
        database.close()

    thread = threading.Thread(target=planner)
    thread.start()
    held.wait(30)
    tick()
    assert (runs_of(planned), runs_of(other)) == ([], [("schedule", "queued")])
    over.set()
    thread.join()
    tick()
    assert runs_of(planned) == [("schedule", "queued")]
