"""The worker's end of an import: one part is one transaction, with the job's books in it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from audiences import contact_modes, jobs
from audiences.api import contact_items
from audiences.api.contact_items import Items
from audiences.api.contact_wire import SHORTHANDS
from audiences.contact_modes import Wish
from audiences.imports.lines import NAMES
from audiences.ingest import ItemOutcome
from audiences.ingest.refusals import Refused
from audiences.ingest.types import Op
from audiences.models import Job, JobPart, Property
from audiences.syncs.reading import to_value
from syncapp.accounts import scope
from syncapp.api import bodies
from syncapp.api.problems import Problem
from syncapp.work import Slice, crashing

TEXT = Property.Type.TEXT


@jobs.carries_out(Job.Kind.CONTACTS_IMPORT)
def carry_out(job: Job, slice_: Slice) -> bool:
    """A worker that dies repeats the part it was at: nothing of it was kept."""
    if job.params["has_audience"] and (job.audience is None or job.audience.deleted_at is not None):
        jobs.finish(job, state=Job.State.FAILED, reason="The audience was deleted meanwhile.")
        return True
    while not slice_.is_over() and not jobs.cancel_asked(job):
        if not carry_out_next(job):
            return True
        crashing.reached("after_commit", "import")
    return False


@transaction.atomic
def carry_out_next(job: Job) -> bool:
    """False when no part is left. What is done is kept no longer."""
    rows = JobPart.objects.of(job.account_id).filter(job=job, done_at=None)
    part = rows.order_by("number").first()
    if part is None:
        return False
    numbers, originals, items = read(job, part)
    columns = job.params.get("columns")
    result, refused = contact_modes.carry_out(to_wish(job), items.operations)
    failed = [*result.errors, *items.failures.values(), *refused.values()]
    jobs.advance(job, succeeded=part.items - len(failed))
    rows_failed = [
        to_row(items, one, numbers[one.index], as_sent(originals[one.index], columns)) for one in failed
    ]
    jobs.add_errors(job, sorted(rows_failed, key=lambda row: row.number))
    JobPart.objects.of(job.account_id).filter(pk=part.pk).update(done_at=timezone.now(), body=b"")
    crashing.reached("before_commit", "import")
    return True


def to_wish(job: Job) -> Wish:
    return Wish(
        job.account_id,
        job.params["source"],
        mode=job.params["mode"],
        merges=job.params["merges"],
        audience=job.audience,
        lists_items=False,
    )


def read(job: Job, part: JobPart) -> tuple[list[int], list[bytes], Items]:
    """Line numbers and lines as they were sent, and the items: their index is the place in both."""
    numbers: list[int] = []
    originals: list[bytes] = []
    values: list[tuple[int, Any]] = []
    refused: list[tuple[int, Refused]] = []
    maker = Maker(job)
    for place, line in enumerate(lines_in(part)):
        number, _, sent = line.partition(b"\t")
        numbers.append(int(number))
        originals.append(sent)
        try:
            values.append((place, maker.to_value(sent)))
        except Refused as reason:
            refused.append((place, reason))
    op: Op = "upsert" if job.audience is None else "add"
    items = contact_items.read(values, op)
    for place, error in refused:
        items.fail(place, error.code, error.detail, error.pointer)
    return numbers, originals, items


class Maker:
    """Makes of a kept line what JSON would have said."""

    def __init__(self, job: Job) -> None:
        self._columns: list[str] | None = job.params.get("columns")
        self._may_consent: bool = job.params["may_consent"]
        rows = Property.objects.of(job.account_id).order_by()
        self._types: dict[str, str] = dict(rows.values_list("key", "type"))

    def to_value(self, sent: bytes) -> Any:
        if self._columns is not None:
            return self._of_row(self._columns, orjson.loads(sent))
        try:
            value = bodies.check_json(sent)
        except Problem as problem:
            raise Refused("malformed_json", problem.detail.replace("The body", "The line")) from None
        if isinstance(value, dict) and "consents" in value and not self._may_consent:
            raise Refused("insufficient_scope", "The key lacks the scope consents:write.", "/consents")
        return value

    def _of_row(self, columns: list[str], cells: list[str]) -> dict[str, Any]:
        """An empty cell says nothing."""
        if len(cells) != len(columns):
            raise Refused("invalid_contact", f"The row has {len(cells)} cells, the header {len(columns)}.")
        given = {name: cell for name, cell in zip(columns, cells, strict=True) if cell != ""}
        contact: dict[str, Any] = {name: given.pop(name) for name in NAMES if name in given}
        properties = {name: to_value(name, cell, self._types.get(name, TEXT)) for name, cell in given.items()}
        return {**contact, **nested(properties)}


def nested(properties: dict[str, Any]) -> dict[str, Any]:
    """Shorthands stay outside, so that errors point to the column as it was named."""
    shorthands = {name: properties.pop(name) for name in SHORTHANDS if isinstance(properties.get(name), str)}
    return {**shorthands, **({"properties": properties} if properties else {})}


def lines_in(part: JobPart) -> list[bytes]:
    return gzip.decompress(bytes(part.body)).split(b"\n")


def to_row(items: Items, failed: ItemOutcome, number: int, original: bytes) -> jobs.ErrorRow:
    return jobs.ErrorRow(
        number=number,
        code=failed.code,
        detail=failed.detail,
        pointer=items.pointer_of(failed),
        retryable=failed.retryable,
        original=to_text(original),
    )


def to_text(sent: bytes) -> str:
    return sent.decode(errors="replace").replace("\x00", "\ufffd")


@jobs.leaves(Job.Kind.CONTACTS_IMPORT)
def lines_left(job: Job) -> Iterator[bytes]:
    """What was not carried out: the lines as they were sent, rows of CSV as objects of texts."""
    columns: list[str] | None = job.params.get("columns")
    after = -1
    while True:
        with scope.account(job.account_id):
            rows = JobPart.objects.of(job.account_id).filter(job_id=job.pk, number__gt=after, done_at=None)
            part = rows.order_by("number").first()
        if part is None:
            return
        yield b"".join(as_sent(line.partition(b"\t")[2], columns) + b"\n" for line in lines_in(part))
        after = part.number


def as_sent(sent: bytes, columns: list[str] | None) -> bytes:
    """A line of JSON as it is, a row of CSV as an object of texts, or a list where it has other cells than columns."""
    if columns is None:
        return sent
    cells = orjson.loads(sent)
    return orjson.dumps(dict(zip(columns, cells, strict=True))) if len(cells) == len(columns) else sent
