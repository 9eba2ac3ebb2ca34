"""An export of people to the simulated Campaign Monitor at 50 ms, beside the official client with the same people.

Timed on our side: a worker's slice from the first claim to the last confirmation, with outcomes, counters and calls
written. The ceiling is batch × concurrency ÷ latency, what that many connections could carry if everything but the
ESP's latency cost nothing. The official client (createsend) imports the same people, with the same names and
fields, in the same batches, one after the other as it is written to be used; only its calls are timed. The processor
time of each side says what the rate could be on a machine with more cores, or with nothing else to do.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from http.client import HTTPConnection

import createsend
from createsend import createsend as transport
from django.db import connection

from audiences.models import Audience, Objective
from connectors.esp.campaign_monitor.spec import SPEC
from connectors.models import Run
from connectors.simulators import Running, start
from connectors.sync import runs
from connectors.tasks import deliver_goal, execute_run
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work import Slice
from tests.benchmarks import cpu
from tests.benchmarks.registry import Measured, benchmark
from tests.connectors.sync.world import API_KEY, SEED, World, make_world

LATENCY_MS = 50
SHORT_LATENCY_MS = 5  # of a million people: what is looked at there is memory, and it need not take all day
A_MILLION = 1_000_000
LONG_S = 600.0

PEOPLE = """
INSERT INTO audiences_profile (account_id, email, properties, consents, source, created_at, updated_at)
SELECT %(account)s, 'person' || n || '@example.com',
       jsonb_build_object('first_name', 'Eve' || n, 'last_name', 'de Vries', 'city', 'Gent', 'points', n),
       '{"newsletter": {"state": "granted", "at": "2026-01-01T00:00:00Z"}}', '', now(), now()
FROM generate_series(1, %(people)s) n
"""
MEMBERS = """
INSERT INTO audiences_member (account_id, audience_id, profile_id, state, changed_at, added_at, generation, source)
SELECT account_id, %(audience)s, id, 'member', now(), now(), 0, '' FROM audiences_profile
"""


@benchmark(goal=0.9, scale=50_000)
def run(scale: int) -> Measured:
    """`scale` is the number of people."""
    latency_ms = LATENCY_MS if scale < A_MILLION else SHORT_LATENCY_MS
    account = Account.objects.create(name="Benchmark", slug="benchmark")
    with scope.account(account), start("campaign_monitor", api_key=API_KEY, demo_data=False) as simulator:
        world = prepare(account, simulator, scale, latency_ms)
        plan_s, export_s, spent, peak_mb = export(world, scale)
        client_s = by_official_client(simulator, scale)
    batch, concurrency = SPEC.limits.batch, SPEC.limits.concurrency
    ceiling = batch * concurrency / (latency_ms / 1000)
    rate, client_rate = scale / export_s, scale / client_s
    table: list[list[object]] = [
        ["people", "plan s", "people/s", "ceiling", "share", "createsend/s", "times createsend", "peak MB"],
        [scale, plan_s, rate, ceiling, rate / ceiling, client_rate, rate / client_rate, peak_mb],
    ]
    figures = {
        "people": scale,
        "batch": batch,
        "concurrency": concurrency,
        "latency_ms": latency_ms,
        "peak_memory_mb": peak_mb,
        "peak_memory_goal_mb": 300,
        "people_per_s": round(rate),
        "plan_people_per_s": round(scale / plan_s),
        "createsend_per_s": round(client_rate),
        "times_createsend": round(rate / client_rate, 2),
        "times_createsend_goal": 4,
        "per_1000_people": spent,
    }
    return Measured(rate / ceiling, table, figures)


def prepare(account: Account, simulator: Running, people: int, latency_ms: int) -> World:
    audience = Audience.objects.create(account=account, name="Everyone", external_id="everyone")
    objective = Objective.objects.create(account=account, key="newsletter", label="Newsletter")
    world = make_world(account, simulator, audience, objective)
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, {"account": account.pk, "people": people})
        cursor.execute(MEMBERS, {"audience": audience.pk})
    with connection.as_owner(), scope.account(account), connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    simulator.latency(latency_ms, "subscribers.import")
    return world


def export(world: World, people: int) -> tuple[float, float, dict[str, float], int]:
    """(seconds of the plan, seconds of the delivery, the latter's processor time by side, the process's peak in MB).

    Fails unless everybody arrived exactly once.
    """
    began = time.perf_counter()
    queued = runs.queue_full_run(world.goal, trigger=Run.Trigger.MANUAL)
    execute_run(world.account.pk, str(queued.pk), Slice(LONG_S))
    planned, before = time.perf_counter(), cpu.sides(world.simulator.process.pid)
    deliver_goal(world.account.pk, str(world.goal.pk), Slice(LONG_S))
    done, after = time.perf_counter(), cpu.sides(world.simulator.process.pid)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    queued.refresh_from_db()
    effects = world.effects()
    if not (queued.adds_up and queued.created == people == len(effects) and set(effects.values()) == {1}):
        raise AssertionError(f"The export is not whole: {queued.created} of {people}, {queued.state}.")
    return planned - began, done - planned, cpu.per_thousand(before, after, people), peak_mb


def by_official_client(simulator: Running, people: int) -> float:
    """Seconds of createsend's import calls for as many people with the same data, on a list of its own."""
    list_id = simulator.seed(SEED)["clients"][0]["lists"][0]["id"]
    point_at(simulator)
    subscriber = createsend.Subscriber({"api_key": API_KEY}, list_id)
    batches = [
        rows(first, min(first + SPEC.limits.batch, people)) for first in range(0, people, SPEC.limits.batch)
    ]
    began = time.perf_counter()
    for batch in batches:
        subscriber.import_subscribers(list_id, batch, False, False, False)
    return time.perf_counter() - began


def rows(first: int, end: int) -> Sequence[dict[str, object]]:
    return [
        {
            "EmailAddress": f"person{number}@example.com",
            "Name": f"Eve{number} de Vries",
            "CustomFields": [{"Key": "City", "Value": "Gent"}, {"Key": "Points", "Value": str(number)}],
            "ConsentToTrack": "Unchanged",
        }
        for number in range(first + 1, end + 1)
    ]


def point_at(simulator: Running) -> None:
    """Lead the official client to the simulator, over plain HTTP."""
    transport.CreateSend.base_uri = simulator.base_url.rstrip("/")
    transport.VerifiedHTTPSConnection = HTTPConnection
