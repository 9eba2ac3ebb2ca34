"""Kill anything: the work is done all the same, and poison is stopped."""

from __future__ import annotations

import os
import signal
import time

import pytest

from syncapp.accounts import scope
from syncapp.work import release, wake
from syncapp.work.models import Wakeup, Worker
from tests.work.process import is_there, wait_until

pytestmark = pytest.mark.worker


def start_slow(entries, account) -> int:
    """Wake a handler that waits; the id of the process it runs in."""
    wake("test.slow", "report", account_id=account.pk)
    return entries.wait_for(1, kind="test.slow", what="start")[0].pid


def let_go(entries) -> None:
    entries.wait_for(2, kind="test.slow", what="start", timeout_s=25)
    entries.let_go("report")
    entries.wait_for(1, kind="test.slow", what="done")


def test_a_killed_handler_is_called_again(test_worker, entries, ann_account):
    test_worker()
    os.kill(start_slow(entries, ann_account), signal.SIGKILL)
    let_go(entries)


def test_when_the_head_is_killed_its_processes_go_and_others_take_over(test_worker, entries, ann_account):
    started = test_worker()
    handling = start_slow(entries, ann_account)
    orphans = started.group()
    head = started.head
    os.kill(head, signal.SIGKILL)
    let_go(entries)
    wait_until(lambda: not any(map(is_there, orphans)))
    assert handling in orphans
    assert started.head not in (None, head)


def test_when_everything_is_killed_another_worker_takes_over(test_worker, entries, ann_account):
    started = test_worker()
    start_slow(entries, ann_account)
    group = started.group()
    started.process.kill()
    for pid in group:
        os.kill(pid, signal.SIGKILL)
    test_worker()
    let_go(entries)


def test_when_the_supervisor_is_killed_its_processes_end_by_themselves(test_worker, entries, ann_account):
    started = test_worker()
    start_slow(entries, ann_account)
    group = started.group()
    started.process.kill()
    entries.wait_for(1, kind="test.slow", what="slice over")
    wait_until(lambda: not any(map(is_there, group)), timeout_s=20)


def test_when_the_supervisor_is_killed_while_its_processes_start_they_end_too(test_worker):
    started = test_worker(SYNCAPP_TEST_START_S="3")
    wait_until(lambda: started.head is not None)
    head = started.head
    started.process.kill()
    started.process.wait()
    assert is_there(head)
    wait_until(lambda: not is_there(head), timeout_s=30)


def test_when_the_supervisor_is_killed_what_hangs_ends_too(test_worker, entries, ann_account):
    """The lock of django-q2's queue is gone with a process, and nobody is left to notice."""
    started = test_worker(processes=1)
    wake("test.note", "first", account_id=ann_account.pk)
    [first] = entries.wait_for(1, kind="test.note", key="first")
    time.sleep(1)  # until it is idle
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not is_there(first.pid) and len(started.group()) == 4, what="another in its place")
    group = started.group()
    started.process.kill()
    wait_until(lambda: not any(map(is_there, group)), timeout_s=40)


def test_poison_is_stopped_after_three_dead_workers(test_worker, entries, ann_account, wakeup_of):
    test_worker()
    wake("test.poison", "pill", account_id=ann_account.pk)
    wait_until(
        lambda: wakeup_of(ann_account, "test.poison", "pill").state == Wakeup.State.QUARANTINED, timeout_s=30
    )
    assert len(entries.entries("test.poison")) == 3
    assert "died 3 times" in wakeup_of(ann_account, "test.poison", "pill").error_message

    wake("test.note", "others", account_id=ann_account.pk)
    entries.wait_for(1, kind="test.note")
    with scope.account(ann_account):
        assert release(wakeup_of(ann_account, "test.poison", "pill").pk)
    entries.wait_for(4, kind="test.poison")


def test_what_is_never_stopped_goes_on_more_slowly(test_worker, entries, ann_account, wakeup_of):
    test_worker()
    wake("test.tough", "pill", account_id=ann_account.pk)
    entries.wait_for(4, kind="test.tough", timeout_s=40)
    third, fourth = (entry.at_s for entry in entries.entries("test.tough")[2:4])
    assert fourth - third >= 1
    entries.let_go("pill")
    wait_until(lambda: wakeup_of(ann_account, "test.tough", "pill") is None, timeout_s=30)


def test_a_cluster_that_hangs_is_replaced(test_worker, entries, ann_account):
    """Killed while idle, a process takes the lock of django-q2's queue with it: upstream issue 23."""
    test_worker(processes=1)
    wake("test.note", "first", account_id=ann_account.pk)
    [first] = entries.wait_for(1, kind="test.note", key="first")
    time.sleep(1)  # until it is idle
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not is_there(first.pid))
    wake("test.note", "second", account_id=ann_account.pk)
    entries.wait_for(1, kind="test.note", key="second", timeout_s=25)
    wait_until(lambda: Worker.objects.get().restarts == 1)


def test_a_cluster_that_starts_slowly_is_not_taken_for_hung(test_worker, entries, ann_account):
    wake("test.note", "waiting", account_id=ann_account.pk)
    test_worker(SYNCAPP_HANG_S="1", SYNCAPP_TEST_START_S="5")
    entries.wait_for(1, kind="test.note", timeout_s=30)
    assert Worker.objects.get().restarts == 0
