"""Which due wake-up is taken next, and by whom."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.work import Slice, execute, ledger, registry, sweep, wake, wake_all
from syncapp.work.ledger import Holder
from syncapp.work.models import Wakeup, Worker

LEASES_S = {"plan": 30.0}


def taken(account_names, answering):
    """The accounts in the order in which one process serves what is due."""
    order = []

    def handle(account_id: int, key: str, slice_: Slice) -> None:
        order.append(account_names[account_id])

    answering("plan", handle)
    execute.run(0)
    return "".join(order)


def test_a_long_queue_of_one_account_does_not_delay_another(db, ann_account, bob_account, answering):
    wake_all("plan", map(str, range(20)), account_id=ann_account.pk)
    wake_all("plan", map(str, range(3)), account_id=bob_account.pk)
    order = taken({ann_account.pk: "a", bob_account.pk: "b"}, answering)
    assert order == "abababaaaaaaaaaaaaaaaaa"


def test_an_account_with_running_handlers_comes_after_one_with_none(db, ann_account, bob_account):
    wake_all("plan", map(str, range(5)), account_id=ann_account.pk)
    wake("plan", "0", account_id=bob_account.pk)
    # Three processes that remember nothing of each other.
    claims = [ledger.claim(Holder(None, "host", pid), LEASES_S, []) for pid in (1, 2, 3)]
    assert [held.account_id for held in claims] == [ann_account.pk, bob_account.pk, ann_account.pk]


def test_priority_goes_first_then_what_waits_longest(db, ann_account, answering):
    wake("plan", "late", account_id=ann_account.pk)
    wake("plan", "early", account_id=ann_account.pk)
    wake("plan", "urgent", account_id=ann_account.pk, priority=True)
    with scope.account(ann_account):
        Wakeup.objects.filter(key="early").update(due_at=timezone.now() - timedelta(minutes=1))
    order = []
    answering("plan", lambda account_id, key, slice_: order.append(key))
    execute.run(0)
    assert order == ["urgent", "early", "late"]


def test_only_the_holder_of_the_lease_ends_a_wake_up(db, ann_account, wakeup_of):
    wake("plan", "goal 1", account_id=ann_account.pk)
    first = ledger.claim(Holder(None, "one", 1), LEASES_S, [])
    assert ledger.claim(Holder(None, "two", 2), LEASES_S, []) is None
    with scope.account(ann_account):
        Wakeup.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = ledger.claim(Holder(None, "two", 2), LEASES_S, [])
    assert (second.id, second.attempts) == (first.id, 2)
    assert not ledger.renew(first)
    assert not ledger.finish(first)
    assert not ledger.fail(first, 5, "ValueError", "")
    assert wakeup_of(ann_account, "plan", "goal 1").host == "two"
    assert ledger.renew(second)
    assert ledger.finish(second)
    assert wakeup_of(ann_account, "plan", "goal 1") is None


def test_racing_processes_never_take_the_same_wake_up(transactional_db, ann_account):
    wake_all("plan", map(str, range(100)), account_id=ann_account.pk)
    found: list[int] = []

    def claim_all(pid: int) -> None:
        while held := ledger.claim(Holder(None, "host", pid), LEASES_S, []):
            found.append(held.id)
        connection.close()

    threads = [threading.Thread(target=claim_all, args=[pid]) for pid in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 100
    assert set(Counter(found).values()) == {1}


def test_no_account_fills_all_processes_where_others_are_served(db, ann_account, bob_account):
    Worker.objects.create(id=uuid4(), host="host", pid=1, processes=3)
    wake_all("plan", map(str, range(5)), account_id=ann_account.pk)
    both = [ann_account.pk, bob_account.pk]
    claims = [ledger.claim(Holder(None, "host", pid), LEASES_S, both) for pid in range(3)]
    assert [held is None for held in claims] == [False, False, True]
    wake("plan", "withdrawal", account_id=ann_account.pk, priority=True)
    assert ledger.claim(Holder(None, "host", 3), LEASES_S, both).key == "withdrawal"
    wake("plan", "of bob", account_id=bob_account.pk)
    assert ledger.claim(Holder(None, "host", 4), LEASES_S, both).key == "of bob"
    assert ledger.claim(Holder(None, "host", 5), LEASES_S, both) is None
    assert (
        ledger.claim(Holder(None, "host", 6), LEASES_S, [ann_account.pk]) is not None
    )  # nobody else is served


def test_work_that_waits_for_room_is_no_sign_of_a_hang(db, ann_account):
    Worker.objects.create(id=uuid4(), host="host", pid=1, processes=1)
    wake_all("plan", ["one", "two"], account_id=ann_account.pk)
    with scope.account(ann_account):
        Wakeup.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    held = ledger.claim(Holder(None, "host", 1), LEASES_S, [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "answers", {"plan": None})
        assert not sweep.is_work_left_lying(5)
        ledger.finish(held)
        assert sweep.is_work_left_lying(5)
