"""One account with a backlog of a hundred times the others' work, and how long the others wait meanwhile.

All use the same credentials at the ESP, as the clients of an agency do: they share the worker's processes and the
ESP account's budget. A wait is from the push of one person to their arrival on the list.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from audiences.ingest.types import ConsentGiven, Contact, Operation
from connectors.models import Subscriber
from connectors.simulators import Running, start
from syncapp.accounts import scope
from tests.chaos.scene import API_KEY, Client, make_client
from tests.work.process import WorkerProcess, wait_until

LATENCY_MS = 50
SLOW_MS = 3000  # of the large account's calls: its backlog lasts longer than the measuring
PEOPLE_PER_GOAL = 20_000
GOALS = tuple((f"List {number}", frozenset({"news"}), "keep") for number in range(4))
SMALL = (("News", frozenset({"news"}), "keep"),)
PAUSE_S = 0.2
WARM_UP = 5


def run(samples: int, processes: int) -> dict[str, Any]:
    """{"alone_p95_s", "beside_p95_s", "ratio", …}; `alone` is the same worker with nothing else to do."""
    with start("campaign_monitor", api_key=API_KEY, demo_data=False, latency_ms=LATENCY_MS) as simulator:
        large = make_client("large", simulator, PEOPLE_PER_GOAL, GOALS)
        others = [make_client(f"small{number}", simulator, 0, SMALL) for number in range(3)]
        for export in large.oracle.exports:
            simulator.latency(SLOW_MS, f"POST subscribers/{export.list_id}/*")
        worker = WorkerProcess(processes, settings_module="tests.chaos.settings")
        try:
            worker.wait_until_up(3 + processes)
            for client in others:
                begin(simulator, client)
            waits(simulator, others, WARM_UP, "warm")
            alone = waits(simulator, others, samples, "alone")
            fill(large)
            beside = waits(simulator, others, samples, "beside")
            left = waiting(large)
        finally:
            worker.end()
    return {
        "samples": samples,
        "processes": processes,
        "alone_p95_s": p95(alone),
        "beside_p95_s": p95(beside),
        "ratio": round(p95(beside) / p95(alone), 2),
        "backlog_left": left,
    }


def begin(simulator: Running, client: Client) -> None:
    """The first full run: changes are followed after it."""
    push(client, "first@example.com")
    client.run_fully(client.goals[0])
    wait_until(lambda: is_there(simulator, client, "first@example.com"), timeout_s=60, what="the first run")


def fill(large: Client) -> None:
    """Everyone of the large account joins, and its exports are under way."""
    for begin in range(0, len(large.people), 5000):
        large.join(large.people[begin : begin + 5000], "news", random.Random(begin))
    for goal in large.goals:
        large.run_fully(goal)
    wait_until(lambda: waiting(large) > PEOPLE_PER_GOAL, timeout_s=120, what="the backlog")
    time.sleep(2)


def waiting(client: Client) -> int:
    with scope.account(client.account):
        return Subscriber.objects.exclude(due_at=None).count()


def waits(simulator: Running, clients: Sequence[Client], number: int, name: str) -> list[float]:
    """Seconds, one push after the other, of one account after the other."""
    return sorted(
        wait(simulator, clients[turn % len(clients)], f"{name}{turn}@example.com") for turn in range(number)
    )


def wait(simulator: Running, client: Client, address: str) -> float:
    time.sleep(PAUSE_S)
    began = time.perf_counter()
    push(client, address)
    wait_until(lambda: is_there(simulator, client, address), timeout_s=60, what=address)
    return time.perf_counter() - began


def push(client: Client, address: str) -> None:
    consent = ConsentGiven("newsletter", "granted", timezone.now())
    client.push([Operation(0, "add", "email", address, Contact(email=address), (consent,))], "news")


def is_there(simulator: Running, client: Client, address: str) -> bool:
    return address in simulator.addresses(client.oracle.exports[0].list_id)


def p95(seconds: Sequence[float]) -> float:
    return round(seconds[max(0, round(0.95 * len(seconds)) - 1)], 3)


def report(found: dict[str, Any]) -> int:
    ok = found["ratio"] <= 2 and found["backlog_left"] > 0
    print(json.dumps({"ok": ok, **found}))
    return 0 if ok else 1
