"""Many hosts over one database: what three do in the time of one, and one that is cut off in the middle of its work.

Throughput is measured with withdrawals: the ESP takes them one by one, and goals whose people fit one claim are sent
one call after the other. So a host with one process makes at most 1000 ÷ latency calls a second, whatever the
machine; every account has credentials of its own, so that no budget is shared. The clock runs from the first to the
last call at the ESP, with the hosts up beforehand.

Cut off: everybody is edited, and one host goes silent while it delivers, for longer than its leases. The others take
over; later it goes on, with requests and confirmations of its own on the way. Nobody may be lost, doubled or
different afterwards.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from connectors.models import Authorization
from connectors.simulators import Running, start
from connectors.tasks import plan_changes
from syncapp.accounts import scope
from syncapp.work import Slice
from syncapp.work.models import Wakeup
from tests.chaos import kill
from tests.chaos.network import Host, Network, network
from tests.chaos.quiet import WHY, wait_for_quiet
from tests.chaos.scene import API_KEY, Client, make_client
from tests.chaos.traffic import edit, withdraw
from tests.work.process import wait_until

HOSTS = 3
GOAL = 2.2
LATENCY_MS = 50
CUT_OFF_S = 8.0  # leases are 3 s
PATIENCE_S = 120
PLANS = (("News", frozenset({"news"}), "keep"),)
UNSUBSCRIBES = "subscribers.unsubscribe"
LATER = timedelta(hours=1)


@dataclass(frozen=True)
class Wanted:
    """`people` per account; a third of them withdraw in each of the two measurements."""

    accounts: int = 24
    people: int = 90
    processes: int = 1
    groups: bool = False


def run(wanted: Wanted) -> dict[str, Any]:
    began_s = time.monotonic()
    with (
        start("campaign_monitor", api_key=API_KEY, demo_data=False) as simulator,
        network(HOSTS, simulator.base_url, wanted.groups) as net,
    ):
        clients = [
            make_client(f"client-{number}", simulator, wanted.people, PLANS, own_key=True)
            for number in range(wanted.accounts)
        ]
        with scope.everything(WHY):
            Authorization.objects.update(base_url=net.esp_url)
        with net.hosts(HOSTS, wanted.processes):
            bring_everybody(clients)
        simulator.latency(LATENCY_MS)
        share = wanted.people // 3
        rates = [
            measure(net, simulator, clients, hosts, wanted.processes, range(part * share, (part + 1) * share))
            for part, hosts in enumerate((1, HOSTS))
        ]
        with net.hosts(HOSTS, wanted.processes) as hosts:
            held = cut_off_one(hosts, clients)
            left = wait_for_quiet(PATIENCE_S, lambda: None)
        verdict = kill.judge(clients, simulator)
    return {
        "hosts": HOSTS,
        "kind": net.kind,
        "calls_per_s_one": round(rates[0], 1),
        "calls_per_s_all": round(rates[1], 1),
        "ratio": round(rates[1] / rates[0], 2),
        "goal": GOAL,
        "wake_ups_held_when_cut_off": held,
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "stuck": sum(left.values()),
        "differing": len(verdict.differing),
        "conservation": kill.conservation(clients),
        "accounts": wanted.accounts,
        "latency_ms": LATENCY_MS,
        "seconds": round(time.monotonic() - began_s, 1),
    }


def bring_everybody(clients: Sequence[Client]) -> None:
    """Onto the lists."""
    for number, client in enumerate(clients):
        client.join(client.people, "news", random.Random(number))
        client.run_fully(client.goals[0])
    if left := wait_for_quiet(PATIENCE_S, lambda: None):
        raise AssertionError(f"People do not arrive: {left}")


def measure(
    net: Network, simulator: Running, clients: Sequence[Client], hosts: int, processes: int, who: range
) -> float:
    """Calls per second with so many hosts while these people of every account withdraw."""
    for client in clients:
        people = [client.people[number] for number in who]
        client.tell(people, partial(withdraw, client, random.Random(0)))
        with scope.account(client.account):
            plan_changes(client.account.pk, "touched", Slice())
    calls = len(clients) * len(who)
    postpone()
    with net.hosts(hosts, processes):
        before = calls_made(simulator)
        release()
        first_s = wait_for_calls(simulator, before + 1)
        last_s = wait_for_calls(simulator, before + calls)
        wait_for_quiet(PATIENCE_S, lambda: None)
    return (calls - 1) / (last_s - first_s)


def postpone() -> None:
    """Nobody delivers before all hosts are up."""
    with scope.everything(WHY):
        Wakeup.objects.filter(kind="connectors.plan").delete()
        Wakeup.objects.filter(kind="connectors.deliver").update(due_at=timezone.now() + LATER)


def release() -> None:
    with scope.everything(WHY):
        Wakeup.objects.filter(kind="connectors.deliver").update(due_at=Now())


def calls_made(simulator: Running) -> int:
    return simulator.counters().get(UNSUBSCRIBES, {}).get("requests", 0)


def wait_for_calls(simulator: Running, number: int) -> float:
    """The moment, on the monotonic clock."""
    wait_until(lambda: calls_made(simulator) >= number, PATIENCE_S, f"{number} calls")
    return time.monotonic()


def cut_off_one(hosts: Sequence[Host], clients: Sequence[Client]) -> int:
    """Edit everybody, cut off a host that is at it, and let it go on later. How many wake-ups it held."""
    for number, client in enumerate(clients):
        client.tell(client.people, partial(edit, client, random.Random(number)))
    cut: list[Host] = []
    wait_until(lambda: cut.extend(filter(holds, hosts)) or cut, PATIENCE_S, "a host at work")
    host = cut[0]
    held = holds(host)
    host.cut_off()
    time.sleep(CUT_OFF_S)
    host.mend()
    return held


def holds(host: Host) -> int:
    """Deliveries that run on the host."""
    with scope.everything(WHY):
        return Wakeup.objects.filter(
            kind="connectors.deliver", state="running", pid__in=host.worker.group()
        ).count()


def report(figures: dict[str, Any]) -> int:
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if kill.is_clean(figures) and figures["ratio"] >= GOAL else 1
