"""Calls at the same time, on the same people, from real threads with their own connections."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from audiences.ingest import Contact, Operation, Result, apply, locks, pending
from audiences.ingest.sweep import sweep
from audiences.models import Audience, Change, Identifier, Member, Pending, Profile, Property
from syncapp.accounts import scope
from syncapp.accounts.models import Account

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 6


@pytest.fixture
def account(transactional_db) -> Account:
    return Account.objects.create(name="Ann’s Bicycles", slug="ann")


def make_audience(account: Account, name: str) -> Audience:
    with scope.account(account):
        return Audience.objects.create(account=account, name=name, external_id=name)


def in_parallel(account: Account, calls: Iterable[Callable[[], Result]]) -> list[Result]:
    def one(call: Callable[[], Result]) -> Result:
        try:
            with scope.account(account):
                return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, calls))


def call_with(account: Account, audience: Audience | None, operations: list[Operation], unknown="create"):
    return lambda: apply(
        account=account, audience=audience, operations=operations, unknown=unknown, source="test"
    )


def check_counts(account: Account, audiences: Iterable[Audience]) -> None:
    with scope.account(account):
        for audience in audiences:
            audience.refresh_from_db()
            members = Member.objects.filter(audience=audience, state="member").count()
            waiting = Pending.objects.filter(audience=audience, state="member").count()
            assert (audience.member_count, audience.held_count) == (members, waiting)


def test_the_same_new_people_in_any_order(account):
    """Every call makes the same people, each in its own order: one row per person, no deadlock, no error."""
    audiences = [make_audience(account, name) for name in ("one", "two")]
    calls = []
    for seed in range(12):
        numbers = list(range(150))
        random.Random(seed).shuffle(numbers)
        operations = [
            Operation(
                n, "add", "external_id", f"c-{n}", Contact(email=f"p{n}@example.com", external_id=f"c-{n}")
            )
            for n in numbers
        ]
        calls.append(call_with(account, audiences[seed % 2], operations))
    results = in_parallel(account, calls)
    assert all(result.errors == () for result in results)
    assert sum(result.counts["added"] for result in results) == 300
    assert sum(result.counts["created"] for result in results) == 150
    check_counts(account, audiences)
    with scope.account(account):
        assert Profile.objects.count() == 150
        noted = {person for change in Change.objects.all() for person in change.profile_ids}
        assert noted == set(Profile.objects.values_list("pk", flat=True))


def test_overlapping_adds_removes_and_data(account):
    audiences = [make_audience(account, name) for name in ("one", "two", "three")]
    calls = []
    for seed in range(18):
        chance = random.Random(seed)
        operations = []
        for index, n in enumerate(chance.sample(range(60), 40)):
            contact = Contact(email=f"p{n}.{chance.randrange(3)}@example.com")
            op = chance.choice(["add", "add", "remove"])
            operations.append(
                Operation(index, op, "external_id", f"c-{n}", None if op == "remove" else contact)
            )
        calls.append(call_with(account, audiences[seed % 3], operations))
    results = in_parallel(account, calls)
    assert all(result.errors == () for result in results)
    check_counts(account, audiences)


def test_people_appear_while_others_hold_them(account):
    audiences = [make_audience(account, name) for name in ("one", "two")]
    people = [f"c-{n}" for n in range(80)]
    calls = []
    for number in range(12):
        names = people[:]
        random.Random(number).shuffle(names)
        if number % 3 == 2:
            calls.append(
                call_with(
                    account,
                    None,
                    [Operation(n, "upsert", "external_id", name) for n, name in enumerate(names)],
                )
            )
        else:
            adds = [Operation(n, "add", "external_id", name) for n, name in enumerate(names)]
            calls.append(call_with(account, audiences[number % 2], adds, "hold"))
    in_parallel(account, calls)
    check_counts(account, audiences)
    with scope.account(account):
        assert Profile.objects.count() == 80


def test_who_is_held_where_nobody_looked_goes_on_waiting(account, monkeypatch):
    """A person appears while others begin to wait for them in one more audience, and one of those is not done yet."""
    first, second = make_audience(account, "first"), make_audience(account, "second")
    again, done = threading.Event(), threading.Event()
    hold = [Operation(0, "add", "external_id", "c-1")]

    def hold_again() -> None:
        try:
            with scope.account(account), transaction.atomic():
                apply(account=account, audience=second, operations=hold, unknown="hold", source="test")
                again.set()
                assert done.wait(10)
                time.sleep(0.5)  # the first call has begun to carry out what waited
        finally:
            connection.close()

    def look_first(cursor: Any, audience_ids: Iterable[int]) -> None:
        """After it was found where somebody waits, before those audiences are locked."""
        monkeypatch.undo()
        in_parallel(account, [call_with(account, second, hold, "hold")])
        holding.append(threads.submit(hold_again))
        assert again.wait(10)
        locks.lock_audiences(cursor, audience_ids)
        done.set()

    holding: list[Future[None]] = []
    with scope.account(account), ThreadPoolExecutor(1) as threads:
        call_with(account, first, hold, "hold")()
        monkeypatch.setattr(pending.locks, "lock_audiences", look_first)
        call_with(account, None, [Operation(0, "upsert", "external_id", "c-1")])()
        holding[0].result()
        check_counts(account, [first, second])
        assert (first.member_count, second.held_count) == (1, 1)
        sweep(account.pk)
        check_counts(account, [first, second])
        assert (second.member_count, second.held_count) == (1, 0)


@pytest.mark.parametrize("people", [1, 700])
def test_a_call_that_is_taken_back_harms_no_later_one_on_its_connection(account, people):
    """Also the first one, which made the tables that calls stage in."""
    audience = make_audience(account, "one")
    adds = [Operation(n, "add", "external_id", f"c-{n}") for n in range(people)]
    call = call_with(account, audience, adds)

    def call_in_vain() -> None:
        with transaction.atomic():
            call()
            raise LookupError

    connection.close()
    with scope.account(account):
        for _ in range(2):
            with pytest.raises(LookupError):
                call_in_vain()
            assert call().counts["received"] == people
            assert call().counts["already_member"] == people
    check_counts(account, [audience])


def test_one_of_two_people_gets_a_value_that_names_one(account):
    """Neither call sees the other's claim when it looks."""
    with scope.account(account):
        Property.objects.create(account=account, key="customer", label="Customer", identifier=True)
    audience = make_audience(account, "one")
    calls = []
    for caller in range(THREADS):
        operations = [
            Operation(n, "add", "external_id", f"c-{caller}-{n}", Contact(properties={"customer": f"K {n}"}))
            for n in range(50)
        ]
        operations.append(Operation(50, "add", "external_id", f"c-{caller}"))
        random.Random(caller).shuffle(operations)
        calls.append(call_with(account, audience, operations))
    results = in_parallel(account, calls)
    assert sum(result.counts["added"] for result in results) == 50 + THREADS
    assert {item.code for result in results for item in result.errors} == {"identifier_taken"}
    assert all(item.holder for result in results for item in result.errors)
    check_counts(account, [audience])
    with scope.account(account):
        assert Identifier.objects.count() == 50
        assert Profile.objects.count() == 50 + THREADS
