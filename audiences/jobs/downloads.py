"""Error rows and what was left undone, as files that are made while they are sent.

The answer is sent when the call's own scope is over, so every page is read in a scope of its own.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator

import msgspec
import orjson

from audiences.jobs import registry
from audiences.models import Job, JobError, JobPart
from syncapp.accounts import scope
from syncapp.spreadsheets import to_safe_cell

PAGE = 1_000
COLUMNS = ("index", "line", "code", "detail", "pointer", "retryable", "original")
GZIP = 16 + zlib.MAX_WBITS


class ErrorOut(msgspec.Struct):
    """One row that failed, at its `line` of a file (from 1), else at its `index` (from 0). `original` is what came."""

    index: int | None
    line: int | None
    code: str
    detail: str
    pointer: str
    retryable: bool
    original: msgspec.Raw | None


def page_of_errors(job: Job, after: int, size: int) -> list[JobError]:
    """In order, beginning behind the number `after`. Runs in the account's scope."""
    rows = JobError.objects.of(job.account_id).filter(job_id=job.pk, number__gt=after)
    return list(rows.order_by("number")[:size])


def errors_of(job: Job) -> Iterator[JobError]:
    after = -1
    while True:
        with scope.account(job.account_id):
            page = page_of_errors(job, after, PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].number


def to_error(job: Job, row: JobError) -> ErrorOut:
    index, line = place_of(job, row)
    return ErrorOut(index, line, row.code, row.detail, row.pointer, row.retryable, to_json(row.original))


def place_of(job: Job, row: JobError) -> tuple[int | None, int | None]:
    """(index, line): only files have lines."""
    return (None, row.number) if job.params.get("is_file") else (row.number, None)


def to_json(original: str | None) -> msgspec.Raw | None:
    """What was sent, as the JSON it was; a line that is no JSON becomes a text."""
    if original is None:
        return None
    try:
        orjson.loads(original)
    except orjson.JSONDecodeError:
        return msgspec.Raw(orjson.dumps(original))
    return msgspec.Raw(original.encode())


def errors_ndjson(job: Job) -> Iterator[bytes]:
    for row in errors_of(job):
        yield msgspec.json.encode(to_error(job, row)) + b"\n"


def errors_csv(job: Job) -> Iterator[bytes]:
    """RFC 4180 with a header. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    yield to_csv_line(COLUMNS)
    for row in errors_of(job):
        retryable = "true" if row.retryable else "false"
        original = "" if row.original is None else row.original
        places = ["" if place is None else str(place) for place in place_of(job, row)]
        yield to_csv_line((*places, row.code, row.detail, row.pointer, retryable, to_cell(original)))


def to_cell(original: str) -> str:
    """A text as it is instead of as JSON: a column of ids is what a person looks for."""
    try:
        value = orjson.loads(original)
    except orjson.JSONDecodeError:
        return original
    return value if isinstance(value, str) else original


def to_csv_line(cells: tuple[str, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(map(to_safe_cell, cells))
    return line.getvalue().encode()


def unprocessed(job: Job) -> Iterator[bytes]:
    """Lines of JSON, each as it was sent."""
    leave = registry.leftovers.get(job.kind, parts_left)
    yield from leave(job)


def parts_left(job: Job) -> Iterator[bytes]:
    """The bodies of parts that are not done: gzipped lines."""
    after = -1
    while True:
        with scope.account(job.account_id):
            rows = JobPart.objects.of(job.account_id).filter(job_id=job.pk, number__gt=after, done_at=None)
            part = rows.order_by("number").first()
        if part is None:
            return
        body = zlib.decompress(bytes(part.body), wbits=GZIP)
        yield body if body.endswith(b"\n") or not body else body + b"\n"
        after = part.number
