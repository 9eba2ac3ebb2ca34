"""Sessions with a real worker: a swap that readers see all at once, deaths on the way, and two at a time."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest
from django.db import connection

from audiences.models import Audience, Job, Profile, StagedItem, SyncSession
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from syncapp.work import crashing
from tests.api.conftest import Api
from tests.api.syncing import Syncs
from tests.work.process import wait_until

pytestmark = pytest.mark.worker

HALF = 1_500
FAST = {"SYNCAPP_LEASE_S": "3", "SYNCAPP_SLICE_S": "10", "SYNCAPP_RETRY_S": "1", "SYNCAPP_HANG_S": "3"}
OVER = ("completed", "completed_with_errors", "failed", "cancelled", "blocked_by_guard")
OLD = [f"old-{n}" for n in range(HALF)]
NEW = [f"new-{n}" for n in range(HALF)]


@pytest.fixture
def syncs(transactional_db: None) -> Syncs:
    """An audience of OLD people; NEW ones are known, too."""
    account = Account.objects.create(name="Ann’s", slug="ann-s")
    _, key = keys.issue(account, "ERP", ApiKey.Scope.values)
    with scope.account(account):
        Profile.objects.bulk_create(Profile(account=account, external_id=name) for name in [*OLD, *NEW])
        Audience.objects.create(account=account, external_id="vip-2024", name="VIP")
    syncs = Syncs(Api(key), account)
    assert syncs.replace(OLD, snapshot_at="2026-06-30T12:00:00Z")["state"] == "completed"
    return syncs


def committed(syncs: Syncs, *chunks: list[str], **fields: Any) -> str:
    sync = syncs.open(guards={"max_removed_percent": None}, **fields)
    for number, chunk in enumerate(chunks, 1):
        assert syncs.put(sync, number, chunk).status_code == 201
    assert syncs.commit(sync, len(chunks), sum(map(len, chunks))).status_code == 202
    return sync


def wait_for(syncs: Syncs, sync: str, timeout_s: float = 60) -> Any:
    wait_until(lambda: syncs.get(sync)["state"] in OVER, timeout_s, f"the end of {sync}")
    return syncs.get(sync)


SIDES = """
SELECT count(*) FILTER (WHERE p.external_id LIKE 'old-%%'), count(*) FILTER (WHERE p.external_id LIKE 'new-%%'),
    (SELECT member_count FROM audiences_audience WHERE account_id = %(account)s)
FROM audiences_member m JOIN audiences_profile p ON p.account_id = m.account_id AND p.id = m.profile_id
WHERE m.account_id = %(account)s AND m.state = 'member'
"""


def sides(syncs: Syncs) -> tuple[int, int, int]:
    """(old, new, member_count): one statement sees one moment."""
    with scope.account(syncs.account), connection.cursor() as cursor:
        cursor.execute(SIDES, {"account": syncs.account.pk})
        old, new, count = cursor.fetchone()
    return old, new, count


class Readers:
    """Threads that read while the members change, through the API and from the tables."""

    def __init__(self, syncs: Syncs) -> None:
        self.seen: set[tuple[int, int, int]] = set()
        self.pages: set[frozenset[str]] = set()
        self.errors: list[Exception] = []
        self._syncs = syncs
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[read]) for read in (self._table, self._page)
        ]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, read: Any) -> None:
        try:
            while not self._over.is_set():
                read()
            read()
        except Exception as error:  # noqa: BLE001  the test tells
            self.errors.append(error)
        finally:
            connection.close()

    def _table(self) -> None:
        self.seen.add(sides(self._syncs))

    def _page(self) -> None:
        """One answer is of one moment."""
        items = self._syncs.api.get("/audiences/vip-2024/members?limit=1000").json()["items"]
        self.pages.add(frozenset(item["contact"]["external_id"].split("-")[0] for item in items))


def test_readers_see_the_old_members_or_the_new_ones(syncs, worker, settings):
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    worker(**FAST)
    with Readers(syncs) as readers:
        for turn, wanted in enumerate((NEW, OLD, NEW), 1):
            sync = committed(
                syncs, wanted[: HALF // 2], wanted[HALF // 2 :], snapshot_at=f"2026-07-0{turn}T12:00:00Z"
            )
            assert wait_for(syncs, sync)["state"] == "completed"
    assert readers.errors == []
    assert readers.seen == {(HALF, 0, HALF), (0, HALF, HALF)}
    assert readers.pages == {frozenset({"old"}), frozenset({"new"})}


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_when_a_worker_dies_at_the_flip_it_is_done_once(syncs, worker, tmp_path, point):
    """Killed before the commit another does it all; killed after it nothing is done twice."""
    armed = tmp_path / f"{point}.sync"
    armed.touch()
    sync = committed(syncs, NEW)
    started = worker(**FAST, **{crashing.VARIABLE: str(tmp_path)})
    wait_until(lambda: not armed.exists(), 60, "the worker's death")
    session = wait_for(syncs, sync)
    assert session["state"] == "completed"
    assert (session["counters"]["added"], session["counters"]["removed"]) == (HALF, HALF)
    assert sides(syncs) == (0, HALF, HALF)
    job = syncs.job_of(sync)
    wait_until(lambda: job_state(syncs, job) == "completed", what="the job's end")
    assert syncs.api.get(f"/jobs/{job}").json()["progress"]["processed"] == HALF
    assert started.process.poll() is None


def job_state(syncs: Syncs, job: Job) -> str:
    return str(syncs.api.get(f"/jobs/{job}").json()["state"])


def test_before_the_flip_a_dead_worker_has_changed_nothing(syncs, worker, tmp_path):
    armed = tmp_path / "before_commit.sync"
    armed.touch()
    sync = committed(syncs, NEW)
    slow = {**FAST, "SYNCAPP_LEASE_S": "30"}
    started = worker(**slow, **{crashing.VARIABLE: str(tmp_path)})
    wait_until(lambda: not armed.exists(), 60, "the worker's death")
    os.kill(started.pid, 19)  # SIGSTOP: nobody takes over for now
    try:
        time.sleep(0.5)
        assert syncs.get(sync)["state"] == "applying"
        assert sides(syncs) == (HALF, 0, HALF)
        answer = syncs.api.post(f"/syncs/{sync}/cancel", None)
        assert (answer.status_code, answer.json()["code"]) == (409, "session_closed")
    finally:
        os.kill(started.pid, 18)
    assert wait_for(syncs, sync, 90)["state"] == "completed"


def test_a_cancelled_session_changes_nothing_whenever_it_is_cancelled(syncs, worker):
    worker(**FAST)
    ends = set()
    for turn in range(6):
        sync = committed(syncs, NEW if turn % 2 == 0 else OLD, snapshot_at=f"2026-07-0{turn + 1}T12:00:00Z")
        time.sleep(0.06 * turn)
        before = sides(syncs)
        answer = syncs.api.post(f"/syncs/{sync}/cancel", None)
        session = wait_for(syncs, sync)
        if answer.status_code == 200:
            assert session["state"] == "cancelled"
            assert sides(syncs) == before
        else:
            assert session["state"] == "completed"
        ends.add(session["state"])
        assert sides(syncs) in ((HALF, 0, HALF), (0, HALF, HALF))
    assert "cancelled" in ends


def test_contact_data_are_written_by_a_worker_and_staged_items_go(syncs, worker):
    worker(**FAST)
    sync = syncs.open(guards={"max_removed_percent": None}, unknown_contacts="create")
    items = [{"external_id": name, "email": f"{name}@example.com"} for name in NEW[:50]]
    syncs.put(sync, 1, [*items, "born-1", "born-2"])
    syncs.commit(sync, 1, 52)
    session = wait_for(syncs, sync)
    assert session["state"] == "completed"
    counters = session["counters"]
    assert (counters["added"], counters["created"], counters["updated"]) == (52, 2, 50)
    with scope.account(syncs.account):
        assert Profile.objects.get(external_id="new-7").email == "new-7@example.com"
        wait_until(lambda: StagedItem.objects.count() == 0, 30, "the end of staged items")
        assert SyncSession.objects.filter(state="completed").count() == 2


def test_newer_operations_survive_replaces_that_run_meanwhile(syncs, worker, settings):
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    late = [f"late-{n}" for n in range(60)]
    with scope.account(syncs.account):
        Profile.objects.bulk_create(Profile(account=syncs.account, external_id=name) for name in late)
    worker(**FAST)

    def add(names: list[str]) -> None:
        try:
            for name in names:
                operation = {"op": "add", "id": name, "occurred_at": "2026-08-01T12:00:00Z"}
                assert syncs.api.batch("vip-2024", {"operations": [operation]}).status_code == 200
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=[late[part::3]]) for part in range(3)]
    for thread in threads:
        thread.start()
    for turn, wanted in enumerate((NEW, OLD, NEW), 1):
        sync = committed(syncs, wanted, snapshot_at=f"2026-07-0{turn}T12:00:00Z")
        assert wait_for(syncs, sync)["state"] == "completed"
    for thread in threads:
        thread.join()
    assert sorted(syncs.api.members("vip-2024")) == sorted([*NEW, *late])
    assert sides(syncs)[2] == HALF + len(late)
