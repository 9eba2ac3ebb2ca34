"""One changed person → the call at the ESP, on an idle system with a real worker: p50 and p95 in seconds.

From before the change is applied (what the API does with a batch of one) to the moment the simulated ESP has read
the call. The raw limit is the time staff and customers are promised: two seconds; the ratio is p95 to it.
"""

from __future__ import annotations

import statistics
import time

from audiences.models import Audience, Objective
from connectors.simulators import Running, start
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from tests.benchmarks.registry import Measured, benchmark
from tests.connectors.sync.world import API_KEY, World, make_world
from tests.work.process import WorkerProcess, wait_until

PROMISED_S = 2.0
PAUSE_S = 0.25  # between two changes: each meets an idle system


@benchmark(goal=1.0, scale=100, at_least=False)
def run(scale: int) -> Measured:
    """`scale` is the number of changes."""
    account = Account.objects.create(name="Benchmark", slug="benchmark")
    with scope.account(account), start("campaign_monitor", api_key=API_KEY, demo_data=False) as simulator:
        world = prepare(account, simulator)
        worker = WorkerProcess()
        try:
            worker.wait_until_up()
            change(world, "warm-up")
            seconds = sorted(change(world, f"City {number}") for number in range(scale))
        finally:
            worker.end()
    p50, p95 = statistics.median(seconds), seconds[max(0, round(0.95 * scale) - 1)]
    table: list[list[object]] = [["changes", "p50 s", "p95 s", "max s"], [scale, p50, p95, seconds[-1]]]
    figures = {
        "p50_s": round(p50, 3),
        "p95_s": round(p95, 3),
        "max_s": round(seconds[-1], 3),
        "changes": scale,
    }
    return Measured(p95 / PROMISED_S, table, figures)


def prepare(account: Account, simulator: Running) -> World:
    audience = Audience.objects.create(
        account=account,
        name="Everyone",
        external_id="everyone",
        identifier="email",
        unknown_contacts="create",
    )
    objective = Objective.objects.create(account=account, key="newsletter", label="Newsletter")
    return make_world(account, simulator, audience, objective)


def change(world: World, city: str) -> float:
    """Seconds from the change to its arrival; looked for every 5 ms, which is in the figure."""
    time.sleep(PAUSE_S)
    before = imports(world)
    began = time.perf_counter()
    world.push("eve@example.com", city=city)
    wait_until(lambda: imports(world) > before, what="the call")
    return time.perf_counter() - began


def imports(world: World) -> int:
    return world.simulator.counters().get("subscribers.import", {"requests": 0})["requests"]
