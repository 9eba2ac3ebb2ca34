"""Any interleaving of replaces, deltas and batches ends in the set that time says, by an oracle of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.models import Audience, Member, Pending, Profile
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from tests.api.conftest import Api
from tests.api.syncing import Syncs

PEOPLE = 6
BEGIN = datetime(2026, 7, 1, 12, tzinfo=UTC)

person = st.integers(0, PEOPLE - 1)
minute = st.integers(0, 12)
operation = st.tuples(st.sampled_from(["add", "remove"]), person, minute)
replace = st.tuples(st.just("replace"), st.lists(person, max_size=8), minute)
delta = st.tuples(st.just("delta"), st.lists(operation, min_size=1, max_size=8), minute)
batch = st.tuples(st.just("batch"), st.lists(operation, min_size=1, max_size=8), minute)
steps = st.lists(st.one_of(replace, delta, batch), min_size=1, max_size=7)


class Oracle:
    """The rule in its plainest form: per person the latest time and what was said then; a floor for everybody."""

    def __init__(self) -> None:
        self.at = dict.fromkeys(range(PEOPLE), -1)
        self.member = dict.fromkeys(range(PEOPLE), False)
        self.floor = -1

    def operate(self, operations: list[tuple[str, int, int]]) -> None:
        for one in range(PEOPLE):
            mine = [(at, place, op) for place, (op, who, at) in enumerate(operations) if who == one]
            if mine:
                at, _, op = max(mine)
                if at >= max(self.at[one], self.floor):
                    self.at[one], self.member[one] = at, op == "add"

    def replace(self, wanted: list[int], at: int) -> bool:
        """False where it is older than the last one, and refused."""
        if at < self.floor:
            return False
        for one in range(PEOPLE):
            if self.at[one] <= at:
                self.member[one] = one in wanted
        self.floor = at
        return True

    @property
    def members(self) -> list[str]:
        return [f"c-{one}" for one in range(PEOPLE) if self.member[one]]


def moment(minutes: int) -> str:
    return (BEGIN + timedelta(minutes=minutes)).isoformat()


@pytest.fixture
def account(ann_account: Account) -> Account:
    return ann_account


@pytest.fixture
def api(account: Account) -> Api:
    _, key = keys.issue(account, "ERP", ApiKey.Scope.values)
    return Api(key)


@pytest.fixture
def unlimited(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1_000_000


@pytest.mark.parametrize("known", [True, False], ids=["known people", "held people"])
def test_any_order_ends_in_the_set_that_time_says(api, account, unlimited, known):
    """Held people come at the end, all at once: what waited for them has to come to the same."""
    counter = iter(range(1_000_000))
    if known:
        make_people(account)

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(steps)
    def check(todo):
        name = f"a-{next(counter)}"
        with scope.account(account):
            Audience.objects.create(account=account, external_id=name, name=name, unknown_contacts="hold")
        syncs, oracle = Syncs(api, account, name), Oracle()
        for kind, what, at in todo:
            carry_out(syncs, oracle, kind, what, at)
            if known:
                expect(syncs, oracle)
        if not known:
            come(api)
            expect(syncs, oracle)
            with scope.account(account):
                Audience.objects.all().delete()
                Profile.objects.all().delete()

    check()


def carry_out(syncs: Syncs, oracle: Oracle, kind: str, what: list[Any], at: int) -> None:
    if kind == "replace":
        guards = {"max_removed_percent": None, "min_total": 0}
        answer = syncs.try_to_open(snapshot_at=moment(at), guards=guards)
        if not oracle.replace(what, at):
            assert answer.status_code == 422
            return
        apply(syncs, answer.json()["id"], [f"c-{one}" for one in what], "members")
        return
    oracle.operate(what)
    operations = [{"op": op, "id": f"c-{who}", "occurred_at": moment(when)} for op, who, when in what]
    if kind == "batch":
        answer = syncs.api.batch(syncs.audience, {"operations": operations})
        assert answer.status_code == 200, answer.content
        assert sums_up(answer.json()["summary"])
    else:
        apply(syncs, syncs.open("delta", snapshot_at=moment(at)), operations, "operations")


def apply(syncs: Syncs, sync: str, items: list[Any], name: str) -> None:
    """In chunks of three, the last one first, each twice."""
    chunks = [items[begin : begin + 3] for begin in range(0, len(items), 3)]
    for number, chunk in reversed(list(enumerate(chunks, 1))):
        assert syncs.put(sync, number, {name: chunk}).status_code == 201
        assert syncs.put(sync, number, {name: chunk}).status_code == 200
    answer = syncs.commit(sync, len(chunks), len(items))
    syncs.work(answer.json()["id"])
    session = syncs.get(sync)
    if session["state"] == "blocked_by_guard":
        assert session["guard"]["tripped"] == ["empty"]
        token = session["guard"]["confirm_token"]
        syncs.work(syncs.commit(sync, len(chunks), len(items), confirm_token=token).json()["id"])
        session = syncs.get(sync)
    assert session["state"] == "completed", session
    counters = dict(session["counters"])
    if name == "members":
        counters["removed"] = 0  # of people nobody named
    assert sums_up(counters)


def sums_up(counts: dict[str, int]) -> bool:
    parts = ("added", "already_member", "removed", "not_member", "held", "superseded", "stale", "failed")
    return counts["received"] == sum(counts[part] for part in parts)


def make_people(account: Account) -> None:
    with scope.account(account):
        Profile.objects.bulk_create(
            Profile(account=account, external_id=f"c-{one}", email=f"c{one}@example.com")
            for one in range(PEOPLE)
        )


def come(api: Api) -> None:
    """People appear as they do in life: by a call."""
    contacts = [{"external_id": f"c-{one}", "email": f"c{one}@example.com"} for one in range(PEOPLE)]
    answer = api.post("/contacts/batch", {"contacts": contacts})
    assert answer.status_code == 200, answer.content


def expect(syncs: Syncs, oracle: Oracle) -> None:
    found = sorted(syncs.api.members(syncs.audience))
    assert found == oracle.members
    audience = syncs.api.get(f"/audiences/{syncs.audience}").json()
    assert audience["member_count"] == len(found)
    with scope.account(syncs.account):
        row = Audience.objects.get(external_id=syncs.audience)
        assert Member.objects.filter(audience=row, state="member").count() == len(found)
        assert Pending.objects.filter(audience=row, state="member").count() == row.held_count
