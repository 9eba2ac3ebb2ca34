"""`PUT members/{contact}` at 50 calls/s, beside `GET /limits` at 50 calls/s: p95 of each.

One gunicorn process as the demo runs it. Calls begin at fixed moments, whether the calls before them are answered or
not, and are timed from then; both kinds by turns, several rounds, so that both meet the same machine. Everybody put
is known, and new to an audience that holds many others.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from audiences.ingest import load
from audiences.models import Audience
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from tests.api.server import running_web
from tests.benchmarks.api import UNLIMITED
from tests.benchmarks.database import owner_connection
from tests.benchmarks.ingest import make_contacts, prepare, vacuum
from tests.benchmarks.registry import Measured, benchmark

CALLS_PER_S = 50
ROUND_CALLS = 250
WARM_UP_CALLS = 100
PEOPLE = 50_000
THREADS = 16


@benchmark(goal=3.0, scale=6, at_least=False)
def run(scale: int) -> Measured:
    """`scale` is the number of rounds of 250 calls of each kind."""
    account = Account.objects.create(name="Benchmark", slug="benchmark")
    _, key = keys.issue(account, "Benchmark", ApiKey.Scope.values)
    with scope.account(account), owner_connection() as raw:
        everybody = prepare(account, raw)
        load(account=account, audience=everybody, contacts=make_contacts(PEOPLE), source="benchmark")
        Audience.objects.create(account=account, external_id="vip", name="VIP")
        vacuum(raw)
        with running_web(**UNLIMITED) as (url, _pid):
            empty_s, put_s = measure(url, key, scale)
    ratio = p95(put_s) / p95(empty_s)
    table: list[list[object]] = [["call", "p50 ms", "p95 ms"]]
    table += [
        [name, statistics.median(times) * 1000, p95(times) * 1000]
        for name, times in (("GET /limits", empty_s), ("PUT member", put_s))
    ]
    figures = {
        "calls_per_s": CALLS_PER_S,
        "calls": len(put_s),
        "p50_ms": {"get": to_ms(statistics.median(empty_s)), "put": to_ms(statistics.median(put_s))},
        "p95_ms": {"get": to_ms(p95(empty_s)), "put": to_ms(p95(put_s))},
    }
    return Measured(ratio, table, figures)


def measure(url: str, key: str, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each empty GET and of each PUT."""
    ids = (str(contact.external_id) for contact in make_contacts(PEOPLE))
    own = threading.local()

    def client() -> httpx.Client:
        if not hasattr(own, "client"):
            own.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        found: httpx.Client = own.client
        return found

    def get() -> None:
        assert client().get("/api/v1/limits").status_code == 200

    taking = threading.Lock()

    def put() -> None:
        with taking:
            external_id = next(ids)
        assert client().put(f"/api/v1/audiences/vip/members/{external_id}").status_code == 201

    empty_s: list[float] = []
    put_s: list[float] = []
    with ThreadPoolExecutor(THREADS) as threads:
        paced(threads, get, WARM_UP_CALLS)
        paced(threads, put, WARM_UP_CALLS)
        for _ in range(rounds):
            empty_s += paced(threads, get, ROUND_CALLS)
            put_s += paced(threads, put, ROUND_CALLS)
    return empty_s, put_s


def paced(threads: ThreadPoolExecutor, call: Callable[[], None], calls: int) -> list[float]:
    """Seconds from the moment each call was to begin until it was answered."""
    began = time.perf_counter()

    def one(due: float) -> float:
        call()
        return time.perf_counter() - due

    waiting = []
    for number in range(calls):
        due = began + number / CALLS_PER_S
        time.sleep(max(0.0, due - time.perf_counter()))
        waiting.append(threads.submit(one, time.perf_counter()))
    return [future.result() for future in waiting]


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def to_ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
