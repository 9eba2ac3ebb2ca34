"""Many processes with one set of credentials against an ESP that enforces a limit.

Three ways to know of it: from the connector's specification, from the ESP's headers, or from its refusals only.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier
from typing import Any
from uuid import UUID

LATENCY_MS = 50
LIMIT, WINDOW_S = 250, 5.0
THREADS = 4
API_KEY = "chaos-account-key"


@dataclass(frozen=True, slots=True)
class Told:
    """How the processes come to know the limit."""

    name: str
    by_spec: bool = False
    headers: bool = False
    retry_after: bool = True


WAYS = (Told("spec", by_spec=True), Told("headers", headers=True), Told("refusals"))


@dataclass(frozen=True, slots=True)
class Task:
    """What one process is told to do; it shares nothing else with the others."""

    account_id: int
    authorization_id: UUID
    by_spec: bool
    seconds: float


def run(processes: int, seconds: float, ways: Sequence[str] = ()) -> dict[str, Any]:
    """`ways` by their names, all when none is named.

    {"spec": {"limited_share", "use", "most_asked", …}, …}, each measured by the simulator itself.
    """
    from connectors.simulators import start
    from syncapp.accounts.models import Account

    found = {}
    account = Account.objects.create(name="Budget", slug="budget")
    with start("campaign_monitor", api_key=API_KEY, demo_data=False) as simulator:
        simulator.latency(LATENCY_MS)
        for way in WAYS:
            if ways and way.name not in ways:
                continue
            simulator.rate_limit(LIMIT, WINDOW_S, headers=way.headers, retry_after=way.retry_after)
            tasks = [make_task(account.pk, simulator.base_url, way, seconds)] * processes
            call_all(tasks)
            found[way.name] = figures(simulator.rate(), seconds)
    return found


def make_task(account_id: int, base_url: str, way: Told, seconds: float) -> Task:
    """Each way gets credentials that look new, so that nothing is known of them."""
    from connectors.models import Authorization
    from syncapp.accounts import scope

    with scope.account(account_id):
        authorization = Authorization.objects.create(
            account_id=account_id,
            connector="campaign_monitor",
            label=way.name,
            base_url=base_url,
            secrets={"api_key": API_KEY, "way": way.name},
        )
    return Task(account_id, authorization.pk, way.by_spec, seconds)


def call_all(tasks: list[Task]) -> None:
    """Run them at the same time."""
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(len(tasks))
    started = [context.Process(target=call_on, args=[task, together]) for task in tasks]
    for process in started:
        process.start()
    for process in started:
        process.join()
        if process.exitcode:
            raise AssertionError(f"A caller ended with {process.exitcode}.")


def call_on(task: Task, together: Barrier) -> None:
    """One process: calls on several threads, as a delivery does, until the time is up."""
    import django

    django.setup()
    from syncapp.accounts import scope

    with scope.account(task.account_id):
        call_in_scope(task, together)


def call_in_scope(task: Task, together: Barrier) -> None:
    from connectors.esp.errors import TryAgain
    from connectors.models import Authorization
    from connectors.pace.pacer import Pacer
    from connectors.sync import esp
    from connectors.sync.delivering.crew import Crew

    authorization = Authorization.objects.get(pk=task.authorization_id)
    account = replace(esp.account_of(authorization), most=THREADS * together.parties)
    if task.by_spec:
        account = replace(account, spec_calls=LIMIT, spec_s=int(WINDOW_S))
    pacer = Pacer(account, esp.subject_of(authorization))

    def call_until(ends_at: float) -> None:
        while (left_s := ends_at - time.monotonic()) > 0:
            try:
                connector.check_credentials()
            except TryAgain as error:
                time.sleep(min(error.retry_after_s or 1.0, max(left_s, 0)))

    with esp.connect(authorization, pace=pacer) as connector:
        together.wait(120)
        ends_at = time.monotonic() + task.seconds
        with Crew(THREADS) as crew:
            for caller in [crew.do(call_until, ends_at) for _ in range(THREADS)]:
                caller.result()


def figures(rate: dict[str, Any], seconds: float) -> dict[str, Any]:
    allowed = LIMIT * seconds / WINDOW_S
    return {
        "asked": rate["asked"],
        "limited_share": round(rate["limited"] / max(rate["asked"], 1), 4),
        "use": round(rate["passed"] / allowed, 3),
        "most_asked": rate["most_asked"],
        "overshoot": max(0, rate["most_asked"] - LIMIT),
    }


def report(found: dict[str, Any], seconds: float) -> int:
    """The limit known: gates. The ways of finding it out are shown."""
    gated = found["spec"]
    ok = gated["limited_share"] <= 0.01 and gated["use"] >= 0.9 and gated["overshoot"] == 0
    print(json.dumps({"ok": ok, "limit": LIMIT, "per_s": WINDOW_S, "seconds": seconds, **found}))
    return 0 if ok else 1
