"""Workers at work: several at once, and with the database or Redis going away under them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from django.db import connection, transaction
from django_q.conf import Conf

from syncapp.accounts import scope
from syncapp.work import wake, wake_all
from syncapp.work.models import Wakeup, Worker
from tests.work.process import wait_until

pytestmark = pytest.mark.worker


def nothing_left() -> bool:
    with scope.everything("waits for all accounts' work"):
        return not Wakeup.objects.filter(kind__startswith="test.").exists()


def test_several_workers_do_each_wake_up_once(test_worker, entries, ann_account, bob_account):
    for _ in range(2):
        test_worker()
    for account in (ann_account, bob_account):
        wake_all("test.short", map(str, range(30)), account_id=account.pk)
    wait_until(nothing_left, timeout_s=30)
    ends = Counter((entry.account_id, entry.key) for entry in entries.entries("test.short", what="end"))
    starts = Counter((entry.account_id, entry.key) for entry in entries.entries("test.short", what="start"))
    assert ends == starts
    assert len(ends) == 60
    assert set(ends.values()) == {1}
    assert len({entry.pid for entry in entries.entries("test.short")}) > 2
    assert Worker.objects.filter(stopped_at=None).count() == 2


def test_handlers_longer_than_their_lease_keep_it(test_worker, entries, ann_account):
    """Slices of 8 s under a lease of 2 s, with a second worker that would take over."""
    test_worker(SYNCAPP_LEASE_S="2", SYNCAPP_SLICE_S="8")
    test_worker(SYNCAPP_LEASE_S="2", SYNCAPP_SLICE_S="8")
    wake("test.slow", "report", account_id=ann_account.pk)
    entries.wait_for(1, kind="test.slow", what="start")
    time.sleep(5)
    entries.let_go("report")
    entries.wait_for(1, kind="test.slow", what="done")
    assert len(entries.entries("test.slow", what="start")) == 1


def test_a_wake_in_a_transaction_that_outlives_the_handler_is_not_lost(test_worker, entries, ann_account):
    test_worker()
    wake("test.slow", "report", account_id=ann_account.pk)
    entries.wait_for(1, kind="test.slow", what="start")
    with transaction.atomic():
        wake("test.slow", "report", account_id=ann_account.pk)
        entries.let_go("report")
        entries.wait_for(1, kind="test.slow", what="done")
        time.sleep(1)  # the worker cannot write down yet that it is done
    entries.wait_for(2, kind="test.slow", what="done")
    wait_until(nothing_left)
    assert len(entries.entries("test.slow", what="done")) == 2


def test_failures_are_tried_again(test_worker, entries, ann_account):
    test_worker()
    wake("test.fail", "report", account_id=ann_account.pk)
    entries.wait_for(3, kind="test.fail", timeout_s=20)


def test_jobs_of_the_system_run_once_whatever_the_number_of_workers(test_worker, entries, transactional_db):
    for _ in range(2):
        test_worker()
    ticks = entries.wait_for(4, kind="test.second", timeout_s=20)
    gaps_s = [later.at_s - earlier.at_s for earlier, later in pairwise(ticks)]
    assert min(gaps_s) > 0.95
    assert max(gaps_s) < 3.5


def test_a_delayed_wake_up_comes_within_a_second_or_two(test_worker, entries, ann_account):
    test_worker().wait_until_up()
    wake("test.note", "warm", account_id=ann_account.pk)
    entries.wait_for(1, kind="test.note", key="warm")
    due_at_s = time.time() + 2
    wake("test.note", "later", account_id=ann_account.pk, delay_s=2)
    [entry] = entries.wait_for(1, kind="test.note", key="later")
    assert entry.what == f"in account {ann_account.pk}"
    assert 0 <= entry.at_s - due_at_s < 2


def end_connections() -> None:
    """What a restart of PostgreSQL does to the worker."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_nothing_is_lost_when_the_database_ends_all_connections(test_worker, entries, ann_account):
    test_worker()
    for part in range(4):
        wake_all("test.short", [f"{part}-{number}" for number in range(10)], account_id=ann_account.pk)
        time.sleep(0.6)
        end_connections()
    wait_until(nothing_left, timeout_s=25)
    assert len({entry.key for entry in entries.entries("test.short", what="end")}) == 40


class RedisServer:
    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        wait_until(self.answers, what="Redis")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def flush(self) -> None:
        redis.from_url(self.url).flushall()

    def answers(self) -> bool:
        try:
            return bool(redis.from_url(self.url).ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def redis_server(tmp_path, settings, monkeypatch):
    assert shutil.which("redis-server"), "redis-server is needed for this test"
    server = RedisServer(tmp_path)
    settings.REDIS_URL = server.url
    monkeypatch.setattr(Conf, "BROKER_CLASS", "syncapp.work.brokers.RedisBroker")
    yield server
    server.kill()


def test_nothing_is_lost_when_redis_forgets_or_dies(redis_server, test_worker, entries, ann_account):
    test_worker(REDIS_URL=redis_server.url)
    for part in range(3):
        wake_all("test.short", [f"{part}-{number}" for number in range(10)], account_id=ann_account.pk)
        redis_server.flush()
        time.sleep(0.5)
    redis_server.kill()
    wake("test.short", "away", account_id=ann_account.pk)
    redis_server.start()
    wait_until(nothing_left, timeout_s=30)
    assert len({entry.key for entry in entries.entries("test.short", what="end")}) == 31


def test_with_redis_a_rollback_wakes_nothing(redis_server, transactional_db, ann_account):
    with transaction.atomic():
        wake("test.note", "never", account_id=ann_account.pk)
        transaction.set_rollback(True)
    assert redis.from_url(redis_server.url).keys() == []
    wake("test.note", "once", account_id=ann_account.pk)
    assert len(redis.from_url(redis_server.url).keys()) == 1
