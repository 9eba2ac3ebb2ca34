"""Stopping a worker: by process, by group, politely and not."""

from __future__ import annotations

import os
import signal
import time

import pytest

from syncapp.work import wake
from syncapp.work.models import Worker
from tests.work.process import is_there, wait_until

pytestmark = pytest.mark.worker

SLICE_S, GRACE_S = 4, 10


def start_slow(entries, account, kind="test.slow"):
    wake(kind, "report", account_id=account.pk)
    entries.wait_for(1, kind=kind, what="start")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_process_lets_handlers_return(test_worker, entries, ann_account, wakeup_of, number):
    started = test_worker()
    start_slow(entries, ann_account)
    began_s = time.monotonic()
    started.send(number)
    assert started.wait(SLICE_S + GRACE_S) == 0
    assert time.monotonic() - began_s < SLICE_S
    assert len(entries.entries("test.slow", what="slice over")) == 1
    assert wakeup_of(ann_account, "test.slow", "report").state == "waiting"
    assert wakeup_of(ann_account, "test.slow", "report").attempts == 0
    assert Worker.objects.get().stopped_at is not None
    assert started.group() == []


def test_a_signal_to_every_process_there_is_ends_them_cleanly(test_worker, entries, ann_account, wakeup_of):
    """As systemd does by default: the whole control group at once."""
    started = test_worker()
    start_slow(entries, ann_account)
    for pid in [started.pid, *started.group()]:
        os.kill(pid, signal.SIGTERM)
    assert started.wait(SLICE_S + GRACE_S) == 0
    assert len(entries.entries("test.slow", what="slice over")) == 1
    assert wakeup_of(ann_account, "test.slow", "report").attempts == 0


def test_a_signal_to_the_process_group_ends_it_cleanly(test_worker, entries, ann_account):
    started = test_worker()
    start_slow(entries, ann_account)
    os.killpg(started.pid, signal.SIGTERM)
    assert started.wait(SLICE_S + GRACE_S) == 0
    assert len(entries.entries("test.slow", what="slice over")) == 1


def test_a_second_signal_ends_at_once(test_worker, entries, ann_account):
    started = test_worker()
    start_slow(entries, ann_account, "test.deaf")
    group = started.group()
    started.send(signal.SIGTERM)
    time.sleep(0.5)
    began_s = time.monotonic()
    started.send(signal.SIGTERM)
    started.wait(3)
    assert time.monotonic() - began_s < 3
    wait_until(lambda: not any(map(is_there, group)))


def test_a_handler_that_ignores_its_slice_does_not_hold_up_the_stop(test_worker, entries, ann_account):
    started = test_worker(SYNCAPP_SLICE_S="1")
    start_slow(entries, ann_account, "test.deaf")
    began_s = time.monotonic()
    started.send(signal.SIGTERM)
    started.wait(1 + GRACE_S + 3)
    assert time.monotonic() - began_s < 1 + GRACE_S + 2
