"""The kill test: people come and go, workers and the database die, the ESP fails; in the end all is as it should be.

lost: wanted on a list, and not active there. doubled and kept off: see `oracle`. differing: any other difference
between the lists and what was pushed: a field, a name, somebody who should be off or elsewhere. stuck:
what is left to do when nothing moves any more (runs, due people, flights, wake-ups, unplanned changes).
conservation: differences the books show. quarantined: people given up because their flight crashed time and again;
innocent here, so they are replayed as staff would do it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.simulators import Running, start
from tests.chaos.explaining import explain, say
from tests.chaos.oracle import Verdict
from tests.chaos.quiet import wait_for_quiet
from tests.chaos.replaying import replay_quarantined
from tests.chaos.scene import API_KEY, Client, make_client
from tests.chaos.storm import Storm
from tests.chaos.traffic import Traffic

HOSTS = 2
LATENCY_MS = 60
FAULTS: Sequence[dict[str, Any]] = (
    {"kind": "rate_limited", "probability": 0.02, "retry_after": 1},
    {"kind": "status", "status": 500, "probability": 0.05},
    {"kind": "status", "status": 503, "probability": 0.03},
    {"kind": "reset_before", "probability": 0.05},
    {"kind": "reset_after", "probability": 0.07},
    {"kind": "truncated", "probability": 0.03},
    {"kind": "slow", "seconds": 1.5, "probability": 0.1},
)
LATER = 500  # of one person: the ESP says, try this one again


@dataclass(frozen=True)
class Wanted:
    people: int
    kills: int
    restarts: int
    seed: int
    patience_s: float = 180


def run(wanted: Wanted) -> dict[str, Any]:
    began_s = time.monotonic()
    with start("campaign_monitor", api_key=API_KEY, demo_data=False, latency_ms=LATENCY_MS) as simulator:
        clients = [make_client(slug, simulator, wanted.people // 2) for slug in ("ann", "bob")]
        traffic, storm = Traffic(clients, wanted.seed), Storm(HOSTS, wanted.seed)
        try:
            break_things(simulator, clients, wanted.seed)
            traffic.start()
            try:
                storm.rage(wanted.kills, wanted.restarts)
            finally:
                traffic.stop()
            say(f"storm over after {time.monotonic() - began_s:.0f} s: {dict(storm.kills)}")
            say(f"{traffic.pushes} pushes; restarts {dict(storm.restarts)}")
            simulator.clear_faults()
            left = wait_for_quiet(wanted.patience_s, storm.revive)
            quarantined = replay_quarantined(clients)
            if quarantined:
                left = wait_for_quiet(wanted.patience_s, storm.revive)
        finally:
            storm.end()
        verdict = judge(clients, simulator)
    return {
        "people": wanted.people,
        "kills": storm.kills.total(),
        "restarts": storm.restarts.total(),
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "stuck": sum(left.values()),
        "differing": len(verdict.differing),
        "quarantined": quarantined,
        "kept_off": len(verdict.kept_off),
        "conservation": conservation(clients),
        "pushes": traffic.pushes,
        "seed": wanted.seed,
        "seconds": round(time.monotonic() - began_s, 1),
        **({"left": left} if left else {}),
    }


def break_things(simulator: Running, clients: Sequence[Client], seed: int) -> None:
    """Failures of every sort, also of single people of a batch."""
    some = [person.address for client in clients for person in client.people[::15]]
    partial = {"kind": "partial", "probability": 0.3, "addresses": dict.fromkeys(some, LATER)}
    faults = [{"count": None, "seed": seed + number, **fault} for number, fault in enumerate(FAULTS)]
    simulator.faults([*faults, {"count": None, "match": "subscribers.import", "seed": seed, **partial}])


def judge(clients: Sequence[Client], simulator: Running) -> Verdict:
    found = Verdict()
    for client in clients:
        list_ids = [export.list_id for export in client.oracle.exports]
        rows = {list_id: simulator.subscribers(list_id) for list_id in list_ids}
        journals = {list_id: simulator.journals(list_id) for list_id in list_ids}
        one = client.oracle.judge(rows, journals)
        found.lost += one.lost
        found.kept_off += one.kept_off
        found.doubled += one.doubled
        found.differing += one.differing
    for kind in ("lost", "doubled", "differing"):
        for words in getattr(found, kind)[:20]:
            say(f"{kind}: {words}")
            explain(clients, simulator, words.partition(":")[0])
    return found


def conservation(clients: Sequence[Client]) -> int:
    from connectors.sync.watching.conservation import differences_of

    found = [row for client in clients for row in differences_of(client.account)]
    for row in found[:20]:
        say(f"conservation: {row}")
    return len(found)


def is_clean(figures: dict[str, Any]) -> bool:
    return not any(figures[name] for name in ("lost", "doubled", "stuck", "differing", "conservation"))


def report(figures: dict[str, Any]) -> int:
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if is_clean(figures) else 1
