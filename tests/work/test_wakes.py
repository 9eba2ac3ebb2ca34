"""Waking, and what becomes of a wake-up, in one process."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django_q.exceptions import TimeoutException
from django_q.models import OrmQ

from syncapp.accounts import scope
from syncapp.work import Slice, backoff, execute, release, wake, wake_all
from syncapp.work.models import Wakeup


def change(account, **fields):
    with scope.account(account):
        Wakeup.objects.update(**fields)


def test_wakes_of_one_key_melt_into_one_row_and_one_token(db, ann_account, bob_account):
    for _ in range(3):
        wake("plan", "goal 1", account_id=ann_account.pk)
    wake("plan", "goal 2", account_id=ann_account.pk)
    wake("plan", "goal 1", account_id=bob_account.pk)
    with scope.everything("counts both accounts"):
        assert Wakeup.objects.count() == 3
    assert OrmQ.objects.count() == 3


def test_many_keys_are_woken_in_one_statement(db, ann_account, django_assert_max_num_queries):
    wake_all("plan", ["b", "a", "b"], account_id=ann_account.pk)
    with scope.account(ann_account):
        assert sorted(Wakeup.objects.values_list("key", flat=True)) == ["a", "b"]


def test_a_rollback_wakes_nothing(db, ann_account, wakeup_of):
    with transaction.atomic():
        wake("plan", "goal 1", account_id=ann_account.pk)
        transaction.set_rollback(True)
    assert wakeup_of(ann_account, "plan", "goal 1") is None
    assert not OrmQ.objects.exists()


def test_a_wake_for_an_account_outside_the_scope_is_refused(db, ann_account, bob_account):
    with scope.account(ann_account), pytest.raises(DatabaseError), transaction.atomic():
        wake("plan", "goal 1", account_id=bob_account.pk)


def test_the_handler_runs_in_its_account_and_outside_any_transaction(
    transactional_db, ann_account, answering, wakeup_of
):
    seen = []

    def handle(account_id: int, key: str, slice_: Slice) -> None:
        current = scope.current()
        seen.append((account_id, key, current and current.only, connection.in_atomic_block))

    answering("plan", handle)
    wake("plan", "goal 1", account_id=ann_account.pk)
    execute.run(0)
    assert seen == [(ann_account.pk, "goal 1", ann_account.pk, False)]
    assert wakeup_of(ann_account, "plan", "goal 1") is None


def test_the_attempt_is_committed_before_the_handler_is_called(transactional_db, ann_account, answering):
    def handle(account_id: int, key: str, slice_: Slice) -> None:
        assert Wakeup.objects.get().attempts == 1
        with pytest.raises(RuntimeError), transaction.atomic():
            raise RuntimeError
        assert Wakeup.objects.get().attempts == 1

    answering("plan", handle)
    wake("plan", "goal 1", account_id=ann_account.pk)
    execute.run(0)
    with scope.account(ann_account):
        assert not Wakeup.objects.exists()


@pytest.mark.parametrize("delay_s", [0, 60])
def test_a_wake_while_the_handler_runs_calls_it_once_more(db, ann_account, answering, wakeup_of, delay_s):
    calls = []

    def handle(account_id: int, key: str, slice_: Slice) -> None:
        calls.append(key)
        if len(calls) == 1:
            wake("plan", key, account_id=account_id, delay_s=delay_s)
            wake("plan", key, account_id=account_id, delay_s=delay_s)

    answering("plan", handle)
    wake("plan", "goal 1", account_id=ann_account.pk)
    execute.run(0)
    if delay_s == 0:
        assert len(calls) == 2
        assert wakeup_of(ann_account, "plan", "goal 1") is None
    else:
        assert len(calls) == 1
        waits = wakeup_of(ann_account, "plan", "goal 1").due_at - timezone.now()
        assert timedelta(seconds=50) < waits < timedelta(seconds=61)


def test_an_earlier_wish_wins(db, ann_account, answering):
    calls = []
    answering("plan", lambda account_id, key, slice_: calls.append(key))
    wake("plan", "goal 1", account_id=ann_account.pk, delay_s=60)
    execute.run(0)
    assert calls == []
    wake("plan", "goal 1", account_id=ann_account.pk, delay_s=90)
    wake("plan", "goal 1", account_id=ann_account.pk)
    execute.run(0)
    assert calls == ["goal 1"]


def test_a_number_asks_for_another_look(db, ann_account, answering, wakeup_of):
    answers = [0, 0.0, 300]
    answering("plan", lambda account_id, key, slice_: answers.pop(0))
    wake("plan", "goal 1", account_id=ann_account.pk)
    execute.run(0)
    assert answers == []
    found = wakeup_of(ann_account, "plan", "goal 1")
    assert timedelta(seconds=290) < found.due_at - timezone.now() < timedelta(seconds=301)
    assert (found.state, found.attempts) == (Wakeup.State.WAITING, 0)
    wake("plan", "goal 1", account_id=ann_account.pk)
    assert wakeup_of(ann_account, "plan", "goal 1").due_at <= timezone.now()


def test_a_failure_is_kept_without_its_words_and_waits(db, ann_account, answering, wakeup_of, caplog):
    def handle(account_id: int, key: str, slice_: Slice) -> None:
        raise ValueError("eve@example.com")

    answering("plan", handle)
    wake("plan", "goal 1", account_id=ann_account.pk)
    with caplog.at_level(logging.DEBUG):
        execute.run(0)
    found = wakeup_of(ann_account, "plan", "goal 1")
    assert (found.state, found.attempts, found.error_class) == (Wakeup.State.WAITING, 1, "ValueError")
    assert "test_wakes.py:" in found.error_message
    assert "ValueError" in caplog.text
    assert "eve@" not in caplog.text + found.error_message


def test_a_handler_out_of_time_has_failed(db, ann_account, answering, wakeup_of):
    """django-q2 raises this when its own limit of 300 s is over, and then replaces the process."""

    def handle(account_id: int, key: str, slice_: Slice) -> None:
        raise TimeoutException

    answering("plan", handle)
    wake("plan", "goal 1", account_id=ann_account.pk)
    with pytest.raises(TimeoutException):
        execute.run(0)
    found = wakeup_of(ann_account, "plan", "goal 1")
    assert (found.state, found.error_class) == (Wakeup.State.WAITING, "django_q.exceptions.TimeoutException")


@pytest.mark.parametrize(("lease_s", "kept_s"), [(5, 5), (60.0, 30)])
def test_a_lease_may_be_shorter_than_the_setting_not_longer(
    db, ann_account, answering, wakeup_of, lease_s, kept_s
):
    left_s = []

    def handle(account_id: int, key: str, slice_: Slice) -> None:
        found = wakeup_of(ann_account, "plan", key)
        left_s.append((found.lease_until - found.started_at).total_seconds())

    answering("plan", handle, lease_s)
    answering("other", handle, 7.5)
    wake("plan", "goal 1", account_id=ann_account.pk)
    execute.run(0)
    assert left_s == [pytest.approx(kept_s, abs=0.1)]


def test_a_wake_does_not_cut_the_wait_after_a_failure_short(db, ann_account, answering, wakeup_of):
    later = timezone.now() + timedelta(hours=1)
    wake("plan", "goal 1", account_id=ann_account.pk)
    change(ann_account, retry_at=later, due_at=later, attempts=4)
    wake("plan", "goal 1", account_id=ann_account.pk)
    assert wakeup_of(ann_account, "plan", "goal 1").due_at == later
    with scope.account(ann_account):
        assert release(Wakeup.objects.get().pk)
    assert wakeup_of(ann_account, "plan", "goal 1").due_at <= timezone.now()


def test_only_those_who_see_it_can_release_it(db, ann_account, bob_account, wakeup_of):
    wake("plan", "goal 1", account_id=ann_account.pk)
    change(ann_account, state=Wakeup.State.QUARANTINED)
    wakeup_id = wakeup_of(ann_account, "plan", "goal 1").pk
    with scope.account(bob_account):
        assert not release(wakeup_id)
    assert wakeup_of(ann_account, "plan", "goal 1").state == Wakeup.State.QUARANTINED
    with scope.account(ann_account):
        assert release(wakeup_id)
    assert wakeup_of(ann_account, "plan", "goal 1").state == Wakeup.State.WAITING


def test_a_wake_does_not_lift_the_quarantine(db, ann_account, answering):
    calls = []
    answering("plan", lambda account_id, key, slice_: calls.append(key))
    wake("plan", "goal 1", account_id=ann_account.pk)
    change(ann_account, state=Wakeup.State.QUARANTINED)
    wake("plan", "goal 1", account_id=ann_account.pk)
    execute.run(0)
    assert calls == []


def test_kinds_this_code_does_not_know_are_left_alone(db, ann_account, answering, wakeup_of):
    answering("plan", lambda account_id, key, slice_: None)
    wake("of another version", "goal 1", account_id=ann_account.pk)
    execute.run(0)
    assert wakeup_of(ann_account, "of another version", "goal 1").attempts == 0


def test_the_wait_doubles_up_to_six_hours():
    ceilings = [backoff.ceiling_s(attempts, 30) for attempts in (1, 2, 3, 10, 11, 1000)]
    assert ceilings == [30, 60, 120, 15360, 21600, 21600]
    assert all(0 <= backoff.delay_s(attempts, 30) <= 21600 for attempts in range(1, 200))
