"""An audience replaced through a sync session over HTTP, beside COPY and the plain swap of twin tables.

One gunicorn process as the demo runs it and one real worker; one client, chunks of 50,000 ids one after the other.
Timed: from opening the session until it says completed. Three cases: into an empty audience, again with a tenth
leaving and a tenth joining, and the same people again. Everybody is known.

The raw twin does the least that ends in the same rows: one connection and one transaction, COPY of the ready ids into a
plain staging table, INSERT … SELECT … ON CONFLICT into the member twin, and a DELETE of who is not staged. As plain
upserts do it writes the time of every row again. The twins have the columns and the indexes of the real tables; they
are not partitioned, have no row-level security and no references to check; nothing is counted, guarded or told.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import psycopg
from django.db import connection

from audiences.models import Audience, Member
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from tests.api.server import running_web
from tests.benchmarks.api import UNLIMITED, resident_mb
from tests.benchmarks.database import owner_connection
from tests.benchmarks.registry import Measured, benchmark
from tests.work.process import WorkerProcess

CHUNK = 50_000
POLL_S = 0.05
PATIENCE_S = 600.0

TWINS = """
CREATE TABLE profile_twin (LIKE audiences_profile INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED);
ALTER TABLE profile_twin ADD PRIMARY KEY (account_id, id),
    ADD UNIQUE (account_id, email), ADD UNIQUE (account_id, external_id);
CREATE TABLE member_twin (LIKE audiences_member INCLUDING DEFAULTS);
ALTER TABLE member_twin ADD PRIMARY KEY (account_id, audience_id, profile_id);
CREATE INDEX ON member_twin (account_id, profile_id, audience_id);
CREATE INDEX ON member_twin (account_id, audience_id, added_at, profile_id);
CREATE TABLE staging (external_id text);
"""
PEOPLE = """
INSERT INTO {table} (account_id, email, external_id, properties, consents, source, created_at, updated_at)
SELECT {account}, 'person.' || n || '@example.com', 'customer-' || lpad(n::text, 8, '0'), '{{}}', '{{}}', 'benchmark',
    now(), now()
FROM generate_series(1, {people}) n
"""
SWAP = """
INSERT INTO member_twin (account_id, audience_id, profile_id, state, changed_at, added_at, generation, source)
SELECT p.account_id, 1, p.id, 'member', now(), now(), 0, 'raw'
FROM staging s JOIN profile_twin p ON p.account_id = %(account)s AND p.external_id = s.external_id
ON CONFLICT (account_id, audience_id, profile_id) DO UPDATE SET changed_at = excluded.changed_at
"""
LEAVE = """
DELETE FROM member_twin m WHERE m.account_id = %(account)s AND m.audience_id = 1 AND NOT EXISTS (
    SELECT FROM staging s JOIN profile_twin p ON p.account_id = %(account)s AND p.external_id = s.external_id
    WHERE p.id = m.profile_id
)
"""


@benchmark(goal=2.5, scale=1_000_000, at_least=False)
def run(scale: int) -> Measured:
    """`scale` is the number of members; the ratio is the worst of the cases."""
    account = Account.objects.create(name="Benchmark", slug="benchmark")
    _, key = keys.issue(account, "Benchmark", ApiKey.Scope.values)
    turnover = scale // 10
    cases = {"new": (0, scale), "a tenth changes": (turnover, scale), "the same again": (turnover, scale)}
    table: list[list[object]] = [["case", "raw s", "session s", "of it chunks", "ratio"]]
    ratios: dict[str, float] = {}
    seconds: dict[str, dict[str, float]] = {}
    with scope.account(account), owner_connection() as raw:
        prepare(account, raw, scale + turnover)
        with running_web(**UNLIMITED) as (url, web_pid):
            worker = WorkerProcess()
            try:
                worker.wait_until_up()
                memory = Memory(web_pid, worker)
                for number, (name, (first, count)) in enumerate(cases.items()):
                    wanted = [f"customer-{n:08d}" for n in range(first + 1, first + count + 1)]
                    raw_s = replace_raw(raw, account, wanted)
                    chunks_s, whole_s = replace(url, key, wanted, number, memory)
                    check(account, raw, scale, first)
                    ratios[name] = whole_s / raw_s
                    table.append([name, raw_s, whole_s, chunks_s, ratios[name]])
                    seconds[name] = {
                        "raw": round(raw_s, 2),
                        "session": round(whole_s, 2),
                        "chunks": round(chunks_s, 2),
                    }
                    tidy_up(account, raw)
            finally:
                worker.end()
    figures = {
        "members": scale,
        "seconds": seconds,
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "memory_mb": memory.figures(),
    }
    return Measured(max(ratios.values()), table, figures)


class Memory:
    """Resident megabytes of the web process and of the largest process of the worker, before and at most."""

    def __init__(self, web_pid: int, worker: WorkerProcess) -> None:
        self._web_pid = web_pid
        self._worker = worker
        self._web: list[float] = []
        self._largest: list[float] = []
        self.look()

    def look(self) -> None:
        self._web.append(resident_mb(self._web_pid))
        alive = [pid for pid in self._worker.group() if Path(f"/proc/{pid}").exists()]
        self._largest.append(max(map(resident_mb, alive), default=0.0))

    def figures(self) -> dict[str, dict[str, int]]:
        return {
            name: {"before": round(seen[0]), "most": round(max(seen)), "after": round(seen[-1])}
            for name, seen in (("web", self._web), ("worker", self._largest))
        }


def prepare(account: Account, raw: psycopg.Connection, people: int) -> None:
    raw.execute(TWINS)
    raw.execute(PEOPLE.format(table="profile_twin", account=account.pk, people=people))
    raw.execute("SET work_mem = '256MB'; SET enable_nestloop = off")  # as the session's statements have it
    raw.commit()
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE.format(table="audiences_profile", account=account.pk, people=people))
    Audience.objects.create(account=account, external_id="all", name="All")
    vacuum(raw, "profile_twin, audiences_profile")


def replace_raw(raw: psycopg.Connection, account: Account, wanted: Sequence[str]) -> float:
    began = time.perf_counter()
    with raw.transaction(), raw.cursor() as cursor:
        cursor.execute("TRUNCATE staging")
        with cursor.copy("COPY staging FROM STDIN") as copy:
            copy.write("".join(f"{value}\n" for value in wanted))
        cursor.execute(SWAP, {"account": account.pk})
        cursor.execute(LEAVE, {"account": account.pk})
    return time.perf_counter() - began


def replace(url: str, key: str, wanted: Sequence[str], number: int, memory: Memory) -> tuple[float, float]:
    """(seconds until the last chunk was answered, until the session was completed)."""
    bodies = [
        orjson.dumps({"members": wanted[begin : begin + CHUNK]}) for begin in range(0, len(wanted), CHUNK)
    ]
    snapshot_at = datetime.now(UTC) - timedelta(hours=1) + timedelta(minutes=number)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=120) as client:
        began = time.perf_counter()
        asked = {"mode": "replace", "snapshot_at": snapshot_at.isoformat()}
        sync = answered(client.post("/audiences/all/syncs", json=asked), 201)["id"]
        for chunk, body in enumerate(bodies, 1):
            answered(client.put(f"/syncs/{sync}/chunks/{chunk}", content=body), 201)
            memory.look()
        chunks_s = time.perf_counter() - began
        answered(
            client.post(f"/syncs/{sync}/commit", json={"chunks": len(bodies), "total": len(wanted)}), 202
        )
        wait_for(client, sync, memory)
        return chunks_s, time.perf_counter() - began


def wait_for(client: httpx.Client, sync: str, memory: Memory) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        session = answered(client.get(f"/syncs/{sync}"), 200)
        if session["state"] == "completed":
            return
        assert session["state"] in ("validating", "applying"), session
        memory.look()
        time.sleep(POLL_S)
    raise AssertionError("The session was not completed.")


def answered(answer: httpx.Response, status: int) -> dict[str, str]:
    assert answer.status_code == status, answer.text[:500]
    found: dict[str, str] = answer.json()
    return found


def check(account: Account, raw: psycopg.Connection, scale: int, first: int) -> None:
    """Both sides hold the same people; otherwise the figures mean nothing."""
    audience = Audience.objects.get(external_id="all")
    members = Member.objects.of(account).filter(audience=audience, state="member")
    lowest = members.order_by("profile_id").values_list("profile__external_id", flat=True).first()
    assert (audience.member_count, members.count()) == (scale, scale)
    assert lowest == f"customer-{first + 1:08d}"
    assert raw.execute("SELECT count(*) FROM member_twin").fetchone() == (scale,)
    raw.commit()


def tidy_up(account: Account, raw: psycopg.Connection) -> None:
    """As autovacuum and the worker do in time."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM audiences_stageditem WHERE account_id = %s", [account.pk])
            if cursor.fetchone() == (0,):
                break
        time.sleep(0.2)
    vacuum(raw, "profile_twin, member_twin, audiences_profile, audiences_member, audiences_stageditem")


def vacuum(raw: psycopg.Connection, tables: str) -> None:
    raw.commit()
    raw.autocommit = True
    raw.execute(f"VACUUM ANALYZE {tables}")
    raw.autocommit = False
