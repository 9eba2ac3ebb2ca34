"""`POST members/batch` of 10,000 contacts over HTTP, beside COPY + INSERT … ON CONFLICT of the same contacts.

One gunicorn process as the demo runs it; one client, one call after the other. Every contact is new and has five
properties. Timed: the call, from its first byte to the answer read; the raw statements of the ingest benchmark,
from ready Python values, in one transaction per 10,000. The web process's memory is read after 10 and 100 calls.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import psycopg

from audiences.ingest import Contact
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from tests.api.server import running_web
from tests.benchmarks.database import owner_connection
from tests.benchmarks.ingest import load_raw, make_contacts, prepare
from tests.benchmarks.registry import Measured, benchmark

PER_CALL = 10_000
SETTLED_CALLS = 10
UNLIMITED = {
    "SYNCAPP_API_REQUESTS_PER_MINUTE": "1000000",
    "SYNCAPP_API_MEMBER_OPERATIONS_PER_MINUTE": "1000000000",
}


@benchmark(goal=0.4, scale=100)
def run(scale: int) -> Measured:
    """`scale` is the number of calls."""
    account = Account.objects.create(name="Benchmark", slug="benchmark")
    _, key = keys.issue(account, "Benchmark", ApiKey.Scope.values)
    with scope.account(account), owner_connection() as raw:
        prepare(account, raw)
        raw.execute("SET random_page_cost = 1.1")  # or the raw join reads the whole twin at every call
        raw.commit()
        with running_web(**UNLIMITED) as (url, pid):
            api_s, raw_s, memory_mb = measure(url, key, pid, raw, scale)
    ratio = raw_s / api_s
    contacts = scale * PER_CALL
    settled, last = memory_mb[min(SETTLED_CALLS, scale) - 1], memory_mb[-1]
    table: list[list[object]] = [
        [
            "contacts",
            "raw contacts/s",
            "API contacts/s",
            "ratio",
            f"MB after {SETTLED_CALLS}",
            f"MB after {scale}",
        ],
        [contacts, contacts / raw_s, contacts / api_s, ratio, settled, last],
    ]
    figures = {
        "calls": scale,
        "contacts_per_s": round(contacts / api_s),
        "raw_contacts_per_s": round(contacts / raw_s),
        "web_rss_mb": {"settled": round(settled), "last": round(last), "peak": round(max(memory_mb))},
        "web_rss_growth": round(last / settled - 1, 3),
    }
    return Measured(ratio, table, figures)


def measure(
    url: str, key: str, pid: int, raw: psycopg.Connection, calls: int
) -> tuple[float, float, list[float]]:
    """(seconds of the API, seconds raw, MB of the web process after each call), by turns."""
    api_s, raw_s, memory_mb = 0.0, 0.0, []
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        for contacts in in_calls(make_contacts(calls * PER_CALL)):
            body = to_body(contacts)
            began = time.perf_counter()
            load_raw(raw, contacts)
            between = time.perf_counter()
            push(client, body)
            raw_s, api_s = raw_s + between - began, api_s + time.perf_counter() - between
            memory_mb.append(resident_mb(pid))
    return api_s, raw_s, memory_mb


def in_calls(contacts: Iterator[Contact]) -> Iterator[list[Contact]]:
    while batch := list(itertools.islice(contacts, PER_CALL)):
        yield batch


def to_body(contacts: list[Contact]) -> bytes:
    operations = [
        {
            "op": "add",
            "id": contact.external_id,
            "contact": {"email": contact.email, "properties": dict(contact.properties)},
        }
        for contact in contacts
    ]
    return orjson.dumps({"unknown_contacts": "create", "operations": operations})


def push(client: httpx.Client, body: bytes) -> None:
    answer = client.post(
        "/api/v1/audiences/all/members/batch", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200, answer.text[:500]
    assert answer.json()["summary"]["added"] == PER_CALL


def resident_mb(pid: int) -> float:
    line = next(
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")
    )
    return int(line.split()[1]) / 1024
