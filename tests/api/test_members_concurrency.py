"""Calls at the same time, each from a thread with its own connection: nobody counted twice, nobody lost."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from audiences.models import Audience, AudienceSize, Member, MembershipChange
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8
AUDIENCES = ("one", "two", "three")


@pytest.fixture
def world(transactional_db):
    """An account's key and three audiences that make whom they do not know."""
    account = Account.objects.create(name="Ann’s Bicycles", slug="ann")
    _, key = keys.issue(account, "ERP", ApiKey.Scope.values)
    with scope.account(account):
        for name in AUDIENCES:
            Audience.objects.create(account=account, name=name, external_id=name, unknown_contacts="create")
    return account, Api(key)


def at_once(calls):
    def one(call):
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, calls))


def check(account, api):
    """What is counted, listed, written down as history and as size of the day is the same."""
    with scope.account(account):
        for audience in Audience.objects.all():
            stored = set(
                Member.objects.filter(audience=audience, state="member").values_list("profile_id", flat=True)
            )
            told: set[int] = set()
            for change in MembershipChange.objects.filter(audience=audience).order_by("pk"):
                assert told.isdisjoint(change.added)
                assert told >= set(change.removed)
                told = (told | set(change.added)) - set(change.removed)
            assert told == stored
            assert audience.member_count == len(stored) == len(api.members(audience.external_id))
            size = AudienceSize.objects.filter(audience=audience).order_by("-day").first()
            assert size is None or size.members == len(stored)


def test_one_person_put_many_times_is_added_once(world):
    account, api = world
    path = "/audiences/one/members/c-1"
    answers = at_once([lambda: api.send("PUT", path) for _ in range(24)])
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]
    check(account, api)


def test_singles_batches_and_changes_of_several_meet(world):
    account, api = world
    calls = []
    for seed in range(30):
        chance = random.Random(seed)
        people = [f"c-{n}" for n in chance.sample(range(40), 20)]
        audience = chance.choice(AUDIENCES)
        path = f"/audiences/{audience}/members/{people[0]}"
        door = seed % 4
        if door == 0:
            calls.append(lambda path=path: api.send("PUT", path))
        elif door == 1:
            calls.append(lambda path=path: api.delete(path))
        elif door == 2:
            body = {"add": people[:12], "remove": people[12:]}
            calls.append(lambda body=body, audience=audience: api.batch(audience, body))
        else:
            operations = [
                {"audience": chance.choice(AUDIENCES), "op": chance.choice(["add", "remove"]), "id": person}
                for person in people
            ]
            calls.append(
                lambda operations=operations: api.post("/membership-changes", {"operations": operations})
            )
    answers = at_once(calls)
    assert {answer.status_code for answer in answers} <= {200, 201, 204}, [a.content for a in answers]
    check(account, api)


def test_calls_of_the_same_audiences_in_opposite_orders_never_lock_each_other_out(world):
    account, api = world
    calls = []
    for seed in range(24):
        order = AUDIENCES if seed % 2 else tuple(reversed(AUDIENCES))
        operations = [
            {"audience": name, "op": "add" if seed % 3 else "remove", "id": f"c-{n}"}
            for name in order
            for n in range(15)
        ]
        calls.append(
            lambda operations=operations: api.post("/membership-changes", {"operations": operations})
        )
    answers = at_once(calls)
    assert {answer.status_code for answer in answers} == {200}
    check(account, api)
