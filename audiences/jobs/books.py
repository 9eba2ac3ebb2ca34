"""A job's counters and error rows. Each function is one statement or transaction; the caller's, where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import F

from audiences.models import Job

SAMPLES = 5
SAMPLE_CHARS = 100
ROWS_AT_ONCE = 5_000
NAMES = ("id", "external_id", "email")

ADD = """
INSERT INTO audiences_joberror (account_id, job_id, number, code, detail, pointer, retryable, original)
SELECT %(account)s, %(job)s, * FROM unnest(
    %(numbers)s::bigint[], %(codes)s::text[], %(details)s::text[], %(pointers)s::text[], %(retryables)s::boolean[],
    %(originals)s::text[]
)
ON CONFLICT (account_id, job_id, number) DO NOTHING
"""
# The samples are the first rows of each code; an index scan of a few rows per code would need one per code.
SUMMARY = """
SELECT code, count(*), bool_or(retryable), (array_agg(original ORDER BY number) FILTER (WHERE rank <= %(samples)s))
FROM (
    SELECT *, row_number() OVER (PARTITION BY code ORDER BY number) AS rank
    FROM audiences_joberror WHERE account_id = %(account)s AND job_id = %(job)s
) ranked
GROUP BY code ORDER BY count(*) DESC, code
"""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """`number`: position in the job from 0, or the line of a file from 1. `original`: what was sent, as JSON text."""

    number: int
    code: str
    detail: str = ""
    pointer: str = ""
    retryable: bool = False
    original: str | None = None


def advance(
    job: Job,
    *,
    succeeded: int = 0,
    failed: int = 0,
    skipped: int = 0,
    total: int | None = None,
    cursor: dict[str, Any] | None = None,
) -> None:
    """Count what was processed and remember how far it came. `failed` is for failures without rows of their own."""
    values: dict[str, Any] = {
        "succeeded": F("succeeded") + succeeded,
        "failed": F("failed") + failed,
        "skipped": F("skipped") + skipped,
        "processed": F("processed") + succeeded + failed + skipped,
    }
    if total is not None:
        values["total"] = total
    if cursor is not None:
        values["cursor"] = cursor
    Job.objects.of(job.account_id).filter(pk=job.pk).update(**values)
    job.refresh_from_db()


@transaction.atomic
def add_errors(job: Job, rows: Iterable[ErrorRow]) -> int:
    """Keep failed rows, count them as failed and processed, renew the summary. A row kept before counts once."""
    kept = 0
    wanted = list(rows)
    with connection.cursor() as cursor:
        for begin in range(0, len(wanted), ROWS_AT_ONCE):
            cursor.execute(ADD, _to_params(job, wanted[begin : begin + ROWS_AT_ONCE]))
            kept += cursor.rowcount
    if kept:
        job.error_summary = merge_summaries(job.error_summary, wanted)
        Job.objects.of(job.account_id).filter(pk=job.pk).update(error_summary=job.error_summary)
        advance(job, failed=kept)
    return kept


def recount_errors(job: Job) -> list[dict[str, Any]]:
    """The summary of the stored rows, for whoever wrote them in SQL; it is stored, counters are not touched."""
    params = {"account": job.account_id, "job": job.pk, "samples": SAMPLES}
    with connection.cursor() as cursor:
        cursor.execute(SUMMARY, params)
        summary = [
            {
                "code": code,
                "count": count,
                "retryable": retryable,
                "sample": [to_sample(original) for original in originals or () if original is not None],
            }
            for code, count, retryable, originals in cursor.fetchall()
        ]
    Job.objects.of(job.account_id).filter(pk=job.pk).update(error_summary=summary)
    job.error_summary = summary
    return summary


def merge_summaries(summary: Sequence[dict[str, Any]], rows: Iterable[ErrorRow]) -> list[dict[str, Any]]:
    """[{code, count, retryable, sample}], the commonest first; a sample holds what the first few rows name."""
    found = {one["code"]: {**one, "sample": list(one["sample"])} for one in summary}
    for row in rows:
        empty = {"code": row.code, "count": 0, "retryable": row.retryable, "sample": []}
        one = found.setdefault(row.code, empty)
        one["count"] += 1
        if len(one["sample"]) < SAMPLES and row.original is not None:
            one["sample"].append(to_sample(row.original))
    return sorted(found.values(), key=lambda one: (-one["count"], one["code"]))


def to_sample(original: str) -> str:
    """What names the row, short: its id where it has one."""
    try:
        value = orjson.loads(original)
    except orjson.JSONDecodeError:
        value = original
    if isinstance(value, dict):
        contact = value.get("contact")
        places = [value, contact] if isinstance(contact, dict) else [value]
        named = [place[name] for place in places for name in NAMES if isinstance(place.get(name), str)]
        value = named[0] if named else original
    short = value if isinstance(value, str) else original
    return short[:SAMPLE_CHARS].replace("\x00", "�")  # jsonb takes no NUL


def _to_params(job: Job, rows: Sequence[ErrorRow]) -> dict[str, Any]:
    return {
        "account": job.account_id,
        "job": job.pk,
        "numbers": [row.number for row in rows],
        "codes": [row.code[:40] for row in rows],
        "details": [row.detail[:300] for row in rows],
        "pointers": [row.pointer[:300] for row in rows],
        "retryables": [row.retryable for row in rows],
        "originals": [row.original for row in rows],
    }
