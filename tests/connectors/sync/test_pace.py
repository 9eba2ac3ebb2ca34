"""One budget per ESP account: shared, learned, waited for, and given back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.conf import settings
from django.db import connection

from connectors.esp.errors import RateLimited
from connectors.esp.http import retry_after_s
from connectors.esp.pace import Rate, rate_of
from connectors.models import Authorization, CallBudget
from connectors.pace import budget
from connectors.pace.budget import Account, Seen, learn, look, take, this_process
from connectors.pace.pacer import Pacer
from connectors.sync import esp
from connectors.sync.delivering.crew import Crew
from connectors.tasks import deliver_goal
from syncapp.accounts import scope
from syncapp.work import Slice
from tests.connectors.sync.world import World

KEY = b"k" * 32
ME, OTHER = this_process("me"), this_process("other")
pytestmark = pytest.mark.django_db(transaction=True)


def calls_of(world: World) -> int:
    return sum(counts["requests"] for counts in world.simulator.counters().values())


def moments(account: Account, number: int) -> list[float]:
    """When so many permits can be used, in seconds from now, as processes ask one after the other."""
    began, found = time.monotonic(), []
    for _ in range(number):
        taken = take(account, ME, want=1, wants=1, patience_s=60)
        found += [time.monotonic() - began + delay_s for delay_s in taken.delays_s]
    return found


@pytest.mark.parametrize(
    ("calls", "per_s"), [(1, 1), (5, 1), (10, 60), (20, 10), (100, 10), (600, 60), (1000, 1)]
)
def test_permits_never_overshoot_in_any_window_and_use_most_of_it(calls: int, per_s: int) -> None:
    account = Account(KEY, 4, spec_calls=calls, spec_s=per_s)
    number = min(calls * 2 + 10, 120)
    found = moments(account, number)
    assert found
    for first, at in enumerate(found):
        assert sum(at <= later < at + per_s for later in found[first:]) <= calls
    if len(found) == number and 20 <= calls < 100 * per_s:
        lasted = found[-1] - found[0]
        assert number / lasted >= 0.9 * calls / per_s


def test_without_a_limit_everything_is_given() -> None:
    taken = take(Account(KEY, 4), ME, want=64, wants=4)
    assert taken.delays_s == [0.0] * 64
    assert look(Account(KEY, 4)).per_s is None


def test_permits_given_back_are_used_by_others() -> None:
    account = Account(KEY, 4, spec_calls=1000, spec_s=10)
    first = take(account, ME, want=15, wants=1)
    assert len(first.delays_s) >= 10
    take(account, ME, want=0, wants=0, back=len(first.delays_s))
    assert take(account, OTHER, want=1, wants=1).delays_s == [0.0]


def test_calls_open_at_a_time_are_shared_and_come_back_when_a_lease_runs_out() -> None:
    account = Account(KEY, 4)
    assert take(account, ME, want=1, wants=4).slots == 4
    assert take(account, OTHER, want=1, wants=4).slots == 1  # a newcomer does not wait
    assert take(account, this_process("third"), want=1, wants=4).slots == 0  # but one at a time
    take(account, this_process("third"), want=0, wants=0)
    assert take(account, ME, want=1, wants=4, flying=4).slots == 2  # gives up half, once its calls are back
    assert take(account, OTHER, want=1, wants=4, flying=1).slots == 0  # so it makes no further one until then
    take(account, ME, want=1, wants=4, flying=2)
    assert take(account, OTHER, want=1, wants=4).slots == 2
    holders = CallBudget.objects.get(key=KEY).holders
    for held in holders.values():
        held["until"] = time.time() - 1
    CallBudget.objects.update(holders=holders)
    assert take(account, this_process("third"), want=1, wants=4).slots == 4


def test_who_is_known_to_be_dead_holds_nothing() -> None:
    account = Account(KEY, 4)
    dead = replace(ME, pid=2**22 + 1)
    take(account, dead, want=1, wants=4)
    told = take(account, OTHER, want=1, wants=4)
    assert (told.slots, told.dead) == (1, ["me"])
    assert take(account, OTHER, want=1, wants=4, dead=told.dead).slots == 4


def test_a_time_to_wait_blocks_everyone_until_then() -> None:
    account = Account(KEY, 4)
    take(account, ME, want=20, wants=4)
    learn(account, 5.0, 0.05)
    taken = take(account, OTHER, want=1, wants=1)
    assert taken.delays_s == []
    assert 4 < taken.wait_s <= 5
    assert look(account).source == "learned"


def test_a_single_call_that_is_refused_is_no_rate() -> None:
    account = Account(KEY, 4)
    take(account, ME, want=1, wants=1)
    learn(account, 30.0, 0.05)
    assert (look(account).per_s, round(look(account).blocked_s)) == (None, 30)


def test_a_refusal_without_a_time_halves_what_goes_and_it_comes_back_bit_by_bit() -> None:
    account = Account(KEY, 4, spec_calls=600, spec_s=60)
    before = look(account).per_s
    for _ in range(30):
        take(account, ME, want=1, wants=1, patience_s=60)
    learn(account, None, 0.05)
    halved = look(account)
    assert before is None  # nothing was written yet
    assert halved.per_s is not None
    assert halved.per_s <= 0.5 * 10
    learn(account, None, 10.0)  # it left before the lesson, and teaches nothing new
    assert look(account).per_s == pytest.approx(halved.per_s, rel=0.05)
    age(60)
    recovered = look(account).per_s
    age(600)
    assert halved.per_s < recovered < look(account).per_s <= 10
    age(90_000)
    assert look(account).source == "spec"


def age(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE connectors_callbudget SET learned_at = learned_at - make_interval(secs => %s)", [seconds]
        )


def test_the_limit_an_esp_tells_is_adopted_for_a_day() -> None:
    account = Account(KEY, 4)
    take(account, ME, want=1, wants=1)
    budget.adopt(account, Rate(300, 60, left=299, reset_s=40))
    told = look(account)
    assert (told.calls, told.window_s, told.source) == (300, 60, "told")
    budget.adopt(account, Rate(300, 60, left=1, reset_s=40))
    assert 39 < look(account).blocked_s <= 40
    CallBudget.objects.update(told_at="2020-01-01T00:00:00Z")
    assert look(account).per_s is None


def test_what_people_set_goes_before_what_is_told() -> None:
    told = Account(KEY, 4)
    take(told, ME, want=1, wants=1)
    budget.adopt(told, Rate(300, 60))
    strict = replace(told, set_calls=30)
    take(strict, ME, want=1, wants=1)
    assert (look(strict).calls, look(strict).source) == (30, "setting")
    assert look(told).calls == 30  # another authorization with the same credentials goes no faster
    budget.forget_setting(KEY)
    assert look(told).calls == 300


@pytest.mark.parametrize(
    ("headers", "rate"),
    [
        ({}, None),
        ({"x-ratelimit-limit": "nonsense"}, None),
        ({"x-ratelimit-limit": "0"}, None),
        ({"x-ratelimit-limit": "100"}, Rate(100, 60)),
        (
            {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "7", "x-ratelimit-reset": "8.5"},
            Rate(100, 10, 7, 8.5),
        ),
        ({"x-ratelimit-limit": "50", "x-ratelimit-reset": "1790000030"}, Rate(50, 30, None, 30.0)),
        ({"ratelimit-limit": "100, 100;w=60", "ratelimit-reset": "-3"}, Rate(100, 60)),
    ],
)
def test_what_headers_tell(headers: dict[str, str], rate: Rate | None) -> None:
    assert rate_of(headers, now_s=1_790_000_000) == rate


def test_a_reset_that_is_a_moment_is_not_a_number_of_seconds() -> None:
    wait_s = retry_after_s({"x-ratelimit-reset": str(int(time.time()) + 20)})
    assert wait_s == pytest.approx(20, abs=1.5)


def test_the_key_tells_credentials_apart_and_holds_none() -> None:
    key = budget.key_of("campaign_monitor", "https://one.example/", {"api_key": "a"})
    assert key == budget.key_of("campaign_monitor", "https://ONE.example", {"api_key": "a"})
    assert len({key, *others()}) == 4


def others() -> list[bytes]:
    return [
        budget.key_of("mailjet", "https://one.example/", {"api_key": "a"}),
        budget.key_of("campaign_monitor", "https://two.example/", {"api_key": "a"}),
        budget.key_of("campaign_monitor", "https://one.example/", {"api_key": "b"}),
    ]


def test_two_accounts_with_the_same_key_share_one_budget(world: World, bob_account) -> None:
    with scope.account(bob_account):
        of_bob = Authorization.objects.create(
            account=bob_account,
            connector="campaign_monitor",
            label="Agency",
            base_url=world.authorization.base_url,
            secrets=dict(world.authorization.secrets),
        )
        assert esp.key_of(of_bob) == esp.key_of(world.authorization)
        with esp.connect(of_bob) as connector:
            connector.check_credentials()
    with esp.connect(world.authorization) as connector:
        connector.check_credentials()
    row = CallBudget.objects.get()
    assert row.used_now + row.used_before == 2
    assert row.holders == {}


def test_a_refusal_stops_other_processes_before_their_next_call(world: World) -> None:
    world.simulator.faults([{"kind": "rate_limited", "retry_after": 30}])
    with esp.connect(world.authorization) as first, pytest.raises(RateLimited):
        first.check_credentials()
    before = calls_of(world)
    with esp.connect(world.authorization) as second, pytest.raises(RateLimited) as raised:
        second.check_credentials()
    assert 25 < raised.value.retry_after_s <= 30
    assert calls_of(world) == before


def test_new_changes_do_not_wake_a_goal_that_has_to_wait(world: World) -> None:
    """The wait the ESP asked for is a floor: a look is all that a wake costs, and nobody uses up a try."""
    world.push("eve@example.com", city="Gent")
    world.simulator.faults([{"kind": "rate_limited", "retry_after": 30}])
    pause_s = world.work()
    assert 25 < pause_s <= 30
    before = calls_of(world)
    for number in range(5):
        world.push(f"new{number}@example.com", city="Gent")
        world.plan()
        assert 25 < deliver_goal(world.account.pk, str(world.goal.pk), Slice()) <= 30
    assert calls_of(world) == before
    assert world.subscriber("eve@example.com").attempts == 0
    CallBudget.objects.update(blocked_until="2020-01-01T00:00:00Z")
    world.work()
    assert len(world.on_list) == 6


def test_a_short_wait_is_waited_and_a_long_one_is_told(world: World) -> None:
    account = replace(esp.account_of(world.authorization), spec_calls=60, spec_s=60)
    pacer = Pacer(account, esp.subject_of(world.authorization))
    with esp.connect(world.authorization, pace=pacer) as connector:
        began = time.monotonic()
        for _ in range(3):
            connector.check_credentials()
        assert 0.5 < time.monotonic() - began < 6
    CallBudget.objects.update(tokens=-100)
    with (
        esp.connect(
            world.authorization, pace=Pacer(account, esp.subject_of(world.authorization))
        ) as connector,
        pytest.raises(RateLimited) as raised,
    ):
        connector.check_credentials()
    assert raised.value.retry_after_s > 60


def test_threads_of_one_execution_keep_the_limit_of_open_calls(world: World) -> None:
    world.simulator.latency(60)
    account = replace(esp.account_of(world.authorization), most=2)
    pacer = Pacer(account, esp.subject_of(world.authorization))
    open_now, most, lock = 0, 0, threading.Lock()
    before, after = pacer.before, pacer.after

    def count(change: int) -> None:
        nonlocal open_now, most
        with lock:
            open_now += change
            most = max(most, open_now)

    pacer.before = lambda call: (before(call), count(1))  # type: ignore[method-assign]
    pacer.after = lambda *told: (count(-1), after(*told))  # type: ignore[method-assign]
    with esp.connect(world.authorization, pace=pacer) as connector, Crew(6) as crew:
        for call in [crew.do(connector.check_credentials) for _ in range(18)]:
            call.result()
    assert most == 2
    assert CallBudget.objects.get().holders == {}


def test_asking_costs_less_than_a_millisecond_a_call(world: World) -> None:
    """As in an export: four calls at a time that take 50 ms each. Counted in statements, which do not hang on the
    machine: fewer than one for every four calls."""
    statements = 0
    original = budget.take

    def counted(*arguments: object, **options: object) -> object:
        nonlocal statements
        statements += 1
        return original(*arguments, **options)  # type: ignore[arg-type]

    world.simulator.latency(50)
    pacer = esp.pacer_of(world.authorization)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "take", counted)
        with esp.connect(world.authorization, pace=pacer) as connector, Crew(4) as crew:
            for call in [crew.do(connector.check_credentials) for _ in range(160)]:
                call.result()
    assert statements <= 40


def test_questions_of_people_use_a_reserve_and_are_counted(world: World) -> None:
    account = replace(esp.account_of(world.authorization), spec_calls=600, spec_s=60)
    for _ in range(40):
        take(account, ME, want=1, wants=1, patience_s=60)
    assert look(account).spare >= 1  # deliveries have used up theirs; people have not
    visitor = esp.visitor_of(world.authorization)
    visitor.open()
    with esp.connect(world.authorization, pace=visitor) as connector:
        connector.check_credentials()
    visitor.settle()
    assert look(account).used == 41


def test_racing_processes_get_no_permit_twice() -> None:
    account = Account(KEY, 64, spec_calls=6000, spec_s=60)
    found: list[float] = []

    def ask(id: str) -> None:
        holder, began = this_process(id), time.monotonic()
        while time.monotonic() < began + 1.5:
            taken = take(account, holder, want=4, wants=1)
            now = time.monotonic()
            found.extend(now + delay_s for delay_s in taken.delays_s)
        connection.close()

    began = time.monotonic()
    threads = [threading.Thread(target=ask, args=[str(number)]) for number in range(6)]
    run(threads)
    lasted = max(found) - began
    assert len(found) <= 0.97 * 100 * lasted + 0.02 * 6000 + 5


def run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.worker
def test_processes_share_a_limit_without_refusals_and_use_it() -> None:
    """The proof in its short form; it brings a server and a simulator of its own."""
    command = [sys.executable, "-m", "tests.chaos", "budget", "--seconds", "8", "--ways", "spec"]
    ended = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=150)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_budget_nobody_uses_is_forgotten() -> None:
    take(Account(KEY, 4), ME, want=1, wants=1)
    CallBudget.objects.update(refilled_at="2020-01-01T00:00:00Z")
    budget.forget()
    assert look(Account(KEY, 4)) == Seen()


@pytest.fixture
def world(in_ann, world_of: Callable[..., World]) -> World:
    return world_of(in_ann)
