"""A large file through the real web server: it is never in memory as a whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from audiences.models import Job, JobPart
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from tests.api.server import running_web

MIB = 2**20
LINES = int(os.environ.get("IMPORT_LINES", "200000"))
WARM = 20_000
GROWTH_MIB = 48  # two parts of 8 MiB, as lines and as text, and what the allocator keeps of them

pytestmark = pytest.mark.django_db(transaction=True)


def file_of(lines: int) -> Iterator[bytes]:
    """About 300 bytes per line, in pieces that end anywhere."""
    text = "x" * 200
    rest = b""
    for number in range(lines):
        line = f'{{"external_id": "c-{number}", "email": "c{number}@example.nl", "city": "{text}"}}\n'
        rest += line.encode()
        if len(rest) > 100_000:
            yield rest[:100_000]
            rest = rest[100_000:]
    yield rest


def peak_mib(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def test_memory_does_not_grow_with_the_file(ann_account):
    _, key = keys.issue(ann_account, "ERP", ApiKey.Scope.values)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    with running_web() as (url, pid), httpx.Client(base_url=url, headers=headers, timeout=300) as client:
        sent = [client.post("/api/v1/contacts/imports", content=file_of(WARM))]
        before = peak_mib(pid)
        sent.append(client.post("/api/v1/contacts/imports", content=file_of(LINES)))
        grown = peak_mib(pid) - before
    print(f"{LINES:,} lines: {before:.0f} MiB before, {grown:.1f} MiB more at the peak")
    assert [answer.status_code for answer in sent] == [202, 202]
    assert grown < GROWTH_MIB
    with scope.account(ann_account):
        job = Job.objects.order_by("-pk").first()
        parts = list(JobPart.objects.filter(job=job).order_by("number").values_list("items", "first_line"))
        assert (job.total, sum(items for items, _ in parts)) == (LINES, LINES)
        assert max(items for items, _ in parts) <= 20_000
        assert parts[1][1] == parts[0][0] + 1
