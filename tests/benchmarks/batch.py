"""`POST members/batch` of 10,000 known contacts over HTTP, beside COPY + INSERT … ON CONFLICT of the same members.

One gunicorn process as the demo runs it; one client, one call after the other, by turns with the raw statements.
Everybody is known by external id, and new to the audience. Timed: the call, from its first byte to the answer read;
the raw side from ready Python values, in one transaction per 10,000: COPY of the ids, then one INSERT … ON CONFLICT
DO UPDATE into a twin of the members from a join with a twin of the people. The twins are those of the ingest
benchmark: the same columns and indexes, without partitions, row-level security, references, counts, history and
change feed. The web process's memory is read after 10 calls and at the end.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import httpx
import orjson
import psycopg

from audiences.ingest import load
from audiences.models import Audience
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from tests.api.server import running_web
from tests.benchmarks.api import PER_CALL, SETTLED_CALLS, UNLIMITED, resident_mb
from tests.benchmarks.database import owner_connection
from tests.benchmarks.ingest import load_raw, make_contacts, prepare, vacuum
from tests.benchmarks.registry import Measured, benchmark

STAGE = "CREATE TEMP TABLE ids (external_id text) ON COMMIT DELETE ROWS"
INSERT = """
INSERT INTO member_twin
    (account_id, audience_id, profile_id, state, changed_at, added_at, generation, source)
SELECT 1, 2, p.id, 'member', now(), now(), 0, 'raw'
FROM ids JOIN profile_twin p ON p.account_id = 1 AND p.external_id = ids.external_id
ON CONFLICT (account_id, audience_id, profile_id) DO UPDATE SET changed_at = excluded.changed_at
"""


@benchmark(goal=0.5, scale=50)
def run(scale: int) -> Measured:
    """`scale` is the number of calls."""
    account = Account.objects.create(name="Benchmark", slug="benchmark")
    _, key = keys.issue(account, "Benchmark", ApiKey.Scope.values)
    with scope.account(account), owner_connection() as raw:
        everybody = prepare(account, raw)
        know(account, everybody, raw, scale * PER_CALL)
        Audience.objects.create(account=account, external_id="vip", name="VIP")
        with running_web(**UNLIMITED) as (url, pid):
            api_s, raw_s, memory_mb = measure(url, key, pid, raw, scale)
        check(raw, scale * PER_CALL)
    ratio = raw_s / api_s
    settled, last = memory_mb[min(SETTLED_CALLS, scale) - 1], memory_mb[-1]
    table: list[list[object]] = [
        [
            "members",
            "raw members/s",
            "API members/s",
            "ratio",
            f"MB after {SETTLED_CALLS}",
            f"MB after {scale}",
        ],
        [scale * PER_CALL, scale * PER_CALL / raw_s, scale * PER_CALL / api_s, ratio, settled, last],
    ]
    figures = {
        "calls": scale,
        "members_per_s": round(scale * PER_CALL / api_s),
        "raw_members_per_s": round(scale * PER_CALL / raw_s),
        "call_s": round(api_s / scale, 3),
        "web_rss_mb": {"settled": round(settled), "last": round(last), "peak": round(max(memory_mb))},
        "web_rss_growth": round(last / settled - 1, 3),
    }
    return Measured(ratio, table, figures)


def know(account: Account, audience: Audience, raw: psycopg.Connection, total: int) -> None:
    """The same people on both sides, in another audience each."""
    load(account=account, audience=audience, contacts=make_contacts(total), source="benchmark")
    load_raw(raw, make_contacts(total))
    raw.execute(STAGE)
    raw.execute("SET random_page_cost = 1.1")  # or the raw join reads the whole twin at every call
    raw.commit()
    vacuum(raw)


def measure(
    url: str, key: str, pid: int, raw: psycopg.Connection, calls: int
) -> tuple[float, float, list[float]]:
    """(seconds of the API, seconds raw, MB of the web process after each call), by turns."""
    api_s, raw_s, memory_mb = 0.0, 0.0, []
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        for ids in in_calls(calls * PER_CALL):
            body = orjson.dumps({"operations": [{"op": "add", "id": each} for each in ids]})
            began = time.perf_counter()
            add_raw(raw, ids)
            between = time.perf_counter()
            push(client, body)
            raw_s, api_s = raw_s + between - began, api_s + time.perf_counter() - between
            memory_mb.append(resident_mb(pid))
    return api_s, raw_s, memory_mb


def in_calls(total: int) -> Iterator[list[str]]:
    ids = (str(contact.external_id) for contact in make_contacts(total))
    while batch := list(itertools.islice(ids, PER_CALL)):
        yield batch


def add_raw(raw: psycopg.Connection, ids: list[str]) -> None:
    with raw.transaction(), raw.cursor() as cursor:
        with cursor.copy("COPY ids FROM STDIN") as copy:
            for external_id in ids:
                copy.write_row((external_id,))
        cursor.execute(INSERT)


def push(client: httpx.Client, body: bytes) -> None:
    answer = client.post(
        "/api/v1/audiences/vip/members/batch", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200, answer.text[:500]
    assert answer.json()["summary"]["added"] == PER_CALL


def check(raw: psycopg.Connection, total: int) -> None:
    """Both sides hold everybody; otherwise the figures mean nothing."""
    audience = Audience.objects.get(external_id="vip")
    twins = raw.execute("SELECT count(*) FROM member_twin WHERE audience_id = 2").fetchone()
    assert (audience.member_count, twins) == (total, (total,))
