"""Planning a full run of many people of whom one in a hundred changed, beside a raw full join that finds them.

The raw statement asks the same of as many people: are they members, may they be mailed (the same gate), does what
they would get (the same fingerprint) differ from what was accepted; and it writes who differs. It runs on plain
tables: no isolation, no partitions, no guard, no counts and samples, no look for people being sent. The plan is the
product's whole transaction: lock, look, guard, write, books, commit.

Then 100 touched people, in this audience and in one of 10,000: what their plan costs may not follow the size of the
audience. With `--scale 5000000` the figures say how the time grows.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import psycopg
from django.db import connection

from audiences.models import Audience, Objective
from connectors.models import Goal, Run
from connectors.simulators import start
from connectors.sync import runs
from connectors.sync.gate import withheld_sql
from connectors.sync.planning import executing
from connectors.sync.sources import Shape, fingerprint_sql, inputs_sql
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from tests.benchmarks.database import owner_connection
from tests.benchmarks.export import MEMBERS, PEOPLE
from tests.benchmarks.registry import Measured, benchmark
from tests.connectors.sync.world import API_KEY, World, make_world

REPEATS = 3
TOUCHED = 100
TOUCHED_REPEATS = 15
FEW = 10_000
TOUCHED_GOAL = 1.2
ONE_IN = 100  # people change

DELIVERED = """
UPDATE connectors_subscriber s SET accepted_hash = wanted_hash, remote_state = 'active', operation = '',
    due_at = NULL, accepted_address = p.email, accepted_at = now()
FROM audiences_profile p
WHERE s.account_id = %(account)s AND s.due_at IS NOT NULL AND p.account_id = s.account_id AND p.id = s.profile_id
"""
CHANGE = """
UPDATE {table} SET properties = properties || '{{"city": "Brugge {round}"}}' WHERE account_id = {account}
    AND id %% {one_in} = {round}
"""
RAW_TABLES = """
CREATE TABLE raw_member AS SELECT account_id, profile_id FROM audiences_member;
CREATE TABLE raw_profile AS SELECT * FROM audiences_profile;
CREATE TABLE raw_subscriber AS SELECT * FROM connectors_subscriber;
CREATE TABLE raw_due (profile_id bigint, reason text, hash uuid, due_at timestamptz);
ALTER TABLE raw_member ADD PRIMARY KEY (account_id, profile_id);
ALTER TABLE raw_profile ADD PRIMARY KEY (account_id, id);
ALTER TABLE raw_subscriber ADD PRIMARY KEY (account_id, goal_id, profile_id);
"""
RAW = """
INSERT INTO raw_due
SELECT coalesce(w.profile_id, s.profile_id), w.withheld, w.hash, now()
FROM (
    SELECT p.id AS profile_id, {withheld} AS withheld, {fingerprint} AS hash
    FROM raw_member m JOIN raw_profile p ON p.account_id = m.account_id AND p.id = m.profile_id
    WHERE m.account_id = %(account)s
) w FULL JOIN (SELECT * FROM raw_subscriber WHERE account_id = %(account)s AND goal_id = %(goal)s) s
    ON s.profile_id = w.profile_id
WHERE w.profile_id IS NULL OR s.profile_id IS NULL OR (s.wanted = 'on') <> (w.withheld IS NULL)
    OR w.withheld IS NULL AND w.hash IS DISTINCT FROM s.accepted_hash
"""


@benchmark(goal=1.5, scale=1_000_000, at_least=False)
def run(scale: int) -> Measured:
    """`scale` is the number of members."""
    with start("campaign_monitor", api_key=API_KEY, demo_data=False) as simulator:
        account = Account.objects.create(name="Benchmark", slug="benchmark")
        few = Account.objects.create(name="Few", slug="few")
        with scope.account(account):
            world = prepare(account, simulator, scale)
            plan_s, raw_s = compare(world)
        with scope.account(few):
            small = prepare(few, simulator, FEW)
        many_touched_s, few_touched_s = touch_in_turns(world, small)
    return report(scale, plan_s, raw_s, many_touched_s, few_touched_s)


def report(scale: int, plan_s: float, raw_s: float, many_s: float, few_s: float) -> Measured:
    table: list[list[object]] = [
        [
            "members",
            "plan s",
            "raw s",
            "ratio",
            "s per million",
            f"{TOUCHED} touched ms",
            f"of {FEW:,} ms",
            "ratio",
        ],
        [
            scale,
            plan_s,
            raw_s,
            plan_s / raw_s,
            plan_s / scale * 1e6,
            many_s * 1e3,
            few_s * 1e3,
            many_s / few_s,
        ],
    ]
    figures = {
        "members": scale,
        "plan_s": round(plan_s, 2),
        "raw_s": round(raw_s, 2),
        "plan_s_per_million": round(plan_s / scale * 1e6, 2),
        "touched": TOUCHED,
        "touched_ms": round(many_s * 1e3, 1),
        "touched_few_ms": round(few_s * 1e3, 1),
        "touched_ratio": round(many_s / few_s, 2),
        "touched_goal": TOUCHED_GOAL,
    }
    return Measured(plan_s / raw_s, table, figures)


def prepare(account: Account, simulator: Any, people: int) -> World:
    """A goal whose people were all sent and accepted."""
    audience = Audience.objects.create(account=account, name="Everyone", external_id="everyone")
    objective = Objective.objects.create(account=account, key="newsletter", label="Newsletter")
    world = make_world(account, simulator, audience, objective)
    execute(PEOPLE, {"account": account.pk, "people": people})
    execute(MEMBERS, {"audience": audience.pk})
    analyze(account)
    plan_everybody(world)
    deliver(world)
    analyze(account)
    return world


def execute(statement: str, parameters: dict[str, Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def analyze(account: Account) -> None:
    with connection.as_owner(), scope.account(account), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def compare(world: World) -> tuple[float, float]:
    """(seconds of the plan, seconds of the raw statement), each the best of some, taken in turns."""
    plan_s, raw_s = [], []
    with owner_connection() as raw:
        raw.autocommit = True
        raw.execute("SET app.accounts = '*'")
        raw.execute(RAW_TABLES)
        raw.execute("VACUUM ANALYZE raw_member, raw_profile, raw_subscriber")
        for number in range(REPEATS):
            change(world, number, raw)
            raw_s.append(full_join(raw, world))
            plan_s.append(plan_everybody(world))
            deliver(world)
    return min(plan_s), min(raw_s)


def change(world: World, number: int, raw: psycopg.Connection) -> None:
    values = {"account": world.account.pk, "one_in": ONE_IN, "round": number}
    execute(CHANGE.format(table="audiences_profile", **values).replace("%%", "%"))
    raw.execute("TRUNCATE raw_due")
    raw.execute(CHANGE.format(table="raw_profile", **values).replace("%%", "%").encode())


def full_join(raw: psycopg.Connection, world: World) -> float:
    goal = world.goal
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "audiences": [world.audience.pk],
    }
    statement = RAW.format(
        withheld=withheld_sql(["newsletter"], parameters),
        fingerprint=fingerprint_sql(inputs_sql(Shape.of(goal), parameters)),
    )
    began = time.perf_counter()
    raw.execute(statement.encode(), parameters)
    return time.perf_counter() - began


def plan_everybody(world: World) -> float:
    queued = runs.queue_full_run(world.goal, trigger=Run.Trigger.MANUAL)
    began = time.perf_counter()
    executing.execute(queued)
    took = time.perf_counter() - began
    queued.refresh_from_db()
    if not (queued.adds_up and queued.waiting and not queued.removals):
        raise AssertionError(f"Not the plan that was meant: {queued.state}, {queued.plan}")
    return took


def deliver(world: World) -> None:
    """As if the ESP had taken everybody."""
    execute(DELIVERED, {"account": world.account.pk})
    Run.objects.filter(goal=world.goal).update(state=Run.State.COMPLETED)


def touch_in_turns(*worlds: World) -> list[float]:
    """Seconds of the plan of touched people in each of the worlds; the median of many."""
    took: list[list[float]] = [[] for _ in worlds]
    picked = [pick(world) for world in worlds]
    for number in range(TOUCHED_REPEATS + 1):
        for world, ids, times in zip(worlds, picked, took, strict=True):
            with scope.account(world.account):
                times.append(touch(world, ids[number * TOUCHED : (number + 1) * TOUCHED]))
    return [statistics.median(times[1:]) for times in took]


def pick(world: World) -> list[int]:
    with scope.account(world.account), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM audiences_profile WHERE account_id = %s ORDER BY md5(id::text) LIMIT %s",
            [world.account.pk, TOUCHED * (TOUCHED_REPEATS + 1)],
        )
        return [profile_id for (profile_id,) in cursor.fetchall()]


def touch(world: World, touched: list[int]) -> float:
    """Seconds of the plan of people who changed."""
    goal = Goal.objects.select_related("connection").get(pk=world.goal.pk)
    execute(
        'UPDATE audiences_profile SET properties = properties || \'{"city": "Lier"}\''
        " WHERE account_id = %(account)s AND id = ANY(%(ids)s)",
        {"account": goal.account_id, "ids": touched},
    )
    began = time.perf_counter()
    made = executing.plan_touched(goal, touched)
    took = time.perf_counter() - began
    if made is None or made.waiting != TOUCHED:
        raise AssertionError(f"Not the people that were touched: {made and made.waiting}")
    return took
